// Time series, with the marks that Grafana draws over them: exemplars and annotations.
import { useLayoutEffect } from 'react';
import { TimeSeries } from '@grafana/ui';

export function Curves({ panel, frames, width, height, range, exemplars, moments, theme }) {
  return (
    <TimeSeries
      frames={frames}
      width={width}
      height={height}
      timeRange={range}
      timeZone="utc"
      legend={panel.options.legend}
      options={panel.options}
    >
      {(builder) => <Marks {...{ builder, exemplars, moments, theme }} />}
    </TimeSeries>
  );
}

function Marks({ builder, exemplars, moments, theme }) {
  useLayoutEffect(() => {
    builder.addHook('draw', (plot) => {
      drawMoments(plot, moments);
      drawExemplars(plot, exemplars, theme);
    });
  }, [builder]);
  return null;
}

function drawMoments({ ctx, bbox, valToPos }, moments) {
  ctx.save();
  for (const { time, colour } of moments) {
    const x = Math.round(valToPos(time, 'x', true));
    ctx.strokeStyle = ctx.fillStyle = colour;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([5, 5]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const size = 5 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top + bbox.height - size);
    ctx.lineTo(x - size, bbox.top + bbox.height + 2);
    ctx.lineTo(x + size, bbox.top + bbox.height + 2);
    ctx.fill();
  }
  ctx.restore();
}

// Diamonds in Grafana's colour for exemplars that no label tells apart.
function drawExemplars(plot, exemplars, theme) {
  const { ctx, bbox } = plot;
  // x and y are always there; the third is the one in use.
  const scale = Object.keys(plot.scales).at(-1);
  const size = 3.5 * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = theme.visualization.getColorByName('blue');
  ctx.globalAlpha = 0.7;
  for (const { time, value } of exemplars) {
    const x = plot.valToPos(time, 'x', true);
    const y = plot.valToPos(value, scale, true);
    ctx.beginPath();
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
    ctx.fill();
  }
  ctx.restore();
}

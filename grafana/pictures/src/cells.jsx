// The heatmap: Grafana's panel of that name is not published, so its cells are drawn here, on Grafana's axes.
import { useMemo } from 'react';
import { FieldType, formattedValueToString, getValueFormat } from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { UPLOT_AXIS_FONT_SIZE, UPlotChart, UPlotConfigBuilder } from '@grafana/ui';

// The scheme "Blues" of d3-scale-chromatic, from few to many, as Grafana turns it for a theme.
const BLUES = [[247, 251, 255], [222, 235, 247], [198, 219, 239], [158, 202, 225], [107, 174, 214], [66, 146, 198], [33, 113, 181], [8, 81, 156], [8, 48, 107]];

export function Cells({ panel, frames, width, height, range, theme, exemplars, moments }) {
  const buckets = useMemo(() => differences(frames), [frames]);
  const builder = useMemo(() => plan({ panel, buckets, range, theme, exemplars }), [buckets]);
  const times = buckets.times;
  return (
    <UPlotChart config={builder} data={[times, times.map(() => null)]} width={width} height={height} timeRange={range} />
  );
}

// Out of cumulative buckets: those of each alone, and only the ones that ever held something.
function differences(frames) {
  const sorted = [...frames].sort((one, other) => bound(one) - bound(other));
  const times = [...new Set(sorted.flatMap(({ fields }) => fields[0].values))].sort((one, other) => one - other);
  const at = sorted.map(({ fields: [time, value] }) => new Map(time.values.map((moment, index) => [moment, value.values[index]])));
  const rows = sorted.map((frame, row) => ({
    bound: bound(frame),
    counts: times.map((time) => Math.max(0, (at[row].get(time) ?? 0) - (row ? (at[row - 1].get(time) ?? 0) : 0))),
  }));
  const used = rows.map(({ counts }) => counts.some((count) => count > 1e-9));
  const shown = rows.slice(used.indexOf(true), used.lastIndexOf(true) + 1);
  return { times, rows: shown, most: Math.max(...shown.flatMap(({ counts }) => counts)), below: rows[used.indexOf(true) - 1]?.bound ?? 0 };
}

function bound({ fields }) {
  const { le } = fields[1].labels;
  return le === '+Inf' ? Infinity : Number(le);
}

function plan({ panel, buckets, range, theme, exemplars }) {
  const builder = new UPlotConfigBuilder('utc');
  const format = getValueFormat(panel.options.yAxis.unit);
  const label = (value) => (value === Infinity ? '+Inf' : formattedValueToString(format(value)));
  const edges = [buckets.below, ...buckets.rows.map((row) => row.bound)];
  const every = Math.ceil(edges.length / 10);
  builder.addScale({ scaleKey: 'x', isTime: true, orientation: ScaleOrientation.Horizontal, direction: ScaleDirection.Right, range: () => [range.from.valueOf(), range.to.valueOf()] });
  builder.addScale({ scaleKey: 'y', orientation: ScaleOrientation.Vertical, direction: ScaleDirection.Up, range: () => [0, buckets.rows.length] });
  builder.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone: 'utc', theme });
  builder.addAxis({
    scaleKey: 'y',
    placement: AxisPlacement.Left,
    theme,
    grid: { show: false },
    splits: edges.map((_, index) => index).filter((index) => index % every === 0),
    values: (_, splits) => splits.map((split) => label(edges[split])),
  });
  builder.addSeries({ scaleKey: 'y', theme, pathBuilder: () => null, show: true, fieldName: 'cells', dataFrameFieldIndex: { frameIndex: 0, fieldIndex: 1 } });
  builder.addHook('drawClear', (plot) => drawCells(plot, buckets, theme));
  return builder;
}

function drawCells(plot, { times, rows, most }, theme) {
  const { ctx, bbox } = plot;
  const step = Math.min(...times.slice(1).map((time, index) => time - times[index]));
  const wide = plot.valToPos(times[0] + step, 'x', true) - plot.valToPos(times[0], 'x', true);
  const gap = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  rows.forEach(({ counts }, row) => {
    const top = plot.valToPos(row + 1, 'y', true);
    const high = plot.valToPos(row, 'y', true) - top;
    counts.forEach((count, index) => {
      if (count > 1e-9) {
        ctx.fillStyle = shade(Math.sqrt(count / most), theme);
        ctx.fillRect(plot.valToPos(times[index], 'x', true) - wide, top + gap / 2, wide - Math.min(gap, wide / 4), high - gap);
      }
    });
  });
  ctx.restore();
}

// Few is near the panel's own colour: pale on light, dark on dark.
function shade(part, theme) {
  const scheme = theme.isDark ? [...BLUES].reverse() : BLUES;
  const place = part * (scheme.length - 1);
  const low = Math.min(scheme.length - 2, Math.floor(place));
  const mixed = scheme[low].map((one, index) => Math.round(one + (scheme[low + 1][index] - one) * (place - low)));
  return `rgb(${mixed})`;
}

// Draws one dashboard, from its JSON and a Prometheus, with the parts that Grafana itself is made of.
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { ThemeContext, createTheme, dateTime } from '@grafana/data';
import { GlobalStyles, PanelChrome } from '@grafana/ui';
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import { Curves } from './curves.jsx';
import { configured } from './fields.js';
import { Cells } from './cells.jsx';
import { Prometheus } from './queries.js';
import { Bars, Stat } from './single.jsx';

const KINDS = { timeseries: Curves, stat: Stat, bargauge: Bars, heatmap: Cells };
const DASHBOARDS = import.meta.glob('../../*.json', { import: 'default', eager: true });
const ROW = 30;
const GAP = 8;
const WIDTH = 1600;
const MARGIN = 16;
const TITLE = 40;

const asked = new URLSearchParams(location.search);
const dashboard = DASHBOARDS[`../../${asked.get('dashboard')}.json`];
const theme = createTheme({ colors: { mode: asked.get('theme') } });
const [from, to] = ['from', 'to'].map((name) => Number(asked.get(name)));
const source = new Prometheus(asked.get('prometheus'), from, to);
const range = { from: dateTime(from * 1000), to: dateTime(to * 1000), raw: { from: dateTime(from * 1000), to: dateTime(to * 1000) } };

function place({ x, y, w, h }) {
  const column = (WIDTH - 2 * MARGIN + GAP) / 24;
  return { left: MARGIN + x * column, top: MARGIN + TITLE + y * (ROW + GAP), width: w * column - GAP, height: h * (ROW + GAP) - GAP };
}

function Header() {
  const style = { position: 'absolute', left: MARGIN, right: MARGIN, top: MARGIN, display: 'flex', justifyContent: 'space-between' };
  const times = [range.from, range.to].map((time) => time.utc().format('YYYY-MM-DD HH:mm'));
  return (
    <div style={style}>
      <span style={{ ...theme.typography.h3, color: theme.colors.text.primary }}>{dashboard.title}</span>
      <span style={{ color: theme.colors.text.secondary }}>{times.join(' to ')} UTC</span>
    </div>
  );
}

function Title({ panel }) {
  const style = { position: 'absolute', ...place(panel.gridPos), ...theme.typography.h4, lineHeight: `${ROW}px` };
  return <div style={{ ...style, color: theme.colors.text.primary }}>{panel.title}</div>;
}

function Panel({ panel, moments }) {
  const [data, setData] = useState();
  useEffect(() => {
    Promise.all([source.frames(panel), source.exemplars(panel)]).then(([frames, exemplars]) =>
      setData({ frames: configured(frames, panel, theme), exemplars })
    );
  }, [panel]);
  const Kind = KINDS[panel.type];
  const { width, height, ...corner } = place(panel.gridPos);
  const empty = data && !data.frames.some(({ fields }) => fields[1]?.values.some((value) => value !== null));
  return (
    <div style={{ position: 'absolute', ...corner }} data-panel={panel.title} data-state={data ? (empty ? 'empty' : 'drawn') : 'waits'}>
      <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
        {(inner, high) =>
          data && <Kind {...{ panel, theme, range, moments }} {...data} width={inner} height={high} />
        }
      </PanelChrome>
    </div>
  );
}

function Page() {
  const [moments, setMoments] = useState();
  useEffect(() => {
    const marks = dashboard.annotations.list.map(async (one) => {
      const times = await source.moments(one);
      return times.map((time) => ({ time, colour: theme.visualization.getColorByName(one.iconColor) }));
    });
    Promise.all(marks).then((found) => setMoments(found.flat()));
  }, []);
  const rows = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const page = { position: 'relative', width: WIDTH, height: TITLE + rows * (ROW + GAP) + 2 * MARGIN - GAP };
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div id="dashboard" style={{ ...page, background: theme.colors.background.canvas }}>
        <Header />
        {moments &&
          dashboard.panels.map((panel) =>
            panel.type === 'row' ? <Title key={panel.id} panel={panel} /> : <Panel key={panel.id} {...{ panel, moments }} />
          )}
      </div>
    </ThemeContext.Provider>
  );
}

createRoot(document.getElementById('page')).render(<Page />);

// What Grafana's Prometheus data source does: variables, steps, legends, and answers as data frames.
import { FieldType, createDataFrame, rangeUtil, renderLegendFormat } from '@grafana/data';

const SCRAPE_SECONDS = 5;
const MOST_POINTS = 400;

export class Prometheus {
  constructor(url, from, to) {
    Object.assign(this, { url, from, to });
    this.step = Math.max(SCRAPE_SECONDS, Math.ceil((to - from) / MOST_POINTS));
  }

  // Every variable stands for all of its values.
  replace(text, step = this.step) {
    const rate = Math.max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS);
    const times = { __rate_interval: `${rate}s`, __interval: `${step}s`, __range: `${this.to - this.from}s` };
    return text.replace(/\$(\w+)/g, (whole, name) => times[name] ?? '.*');
  }

  async frames({ targets, interval }) {
    const step = Math.max(this.step, interval ? rangeUtil.intervalToSeconds(interval) : 0);
    const found = await Promise.all(targets.map((target) => this.target(target, step)));
    return found.flat();
  }

  async target({ expr, instant, legendFormat, format, refId }, step) {
    const query = this.replace(expr, step);
    const start = Math.ceil(this.from / step) * step;
    const result = instant
      ? await this.ask('query', { query, time: this.to })
      : await this.ask('query_range', { query, start, end: this.to, step });
    return result.map(({ metric, value, values }) => {
      const name = format === 'heatmap' ? metric.le : renderLegendFormat(legendFormat, metric) || query;
      return series({ name, labels: metric, points: values ?? [value], refId, step });
    });
  }

  // [{time, value}], each request once.
  async exemplars(panel) {
    const asked = panel.targets.filter(({ exemplar }) => exemplar);
    const found = await Promise.all(
      asked.map(({ expr }) => this.ask('query_exemplars', { query: this.replace(expr), start: this.from, end: this.to }))
    );
    const all = found.flat().flatMap(({ exemplars }) => exemplars);
    const byId = new Map(all.map(({ labels, value, timestamp }) => [labels.request_id, { time: timestamp * 1000, value: +value }]));
    return outstanding([...byId.values()], this.step * 1000);
  }

  // The times, in milliseconds, that an annotation's query has as values.
  async moments({ expr }) {
    const query = this.replace(expr);
    const result = await this.ask('query_range', { query, start: this.from, end: this.to, step: this.step });
    const times = new Set(result.flatMap(({ values }) => values.map(([, value]) => Math.floor(+value))));
    return [...times].filter((time) => time >= this.from * 1000 && time <= this.to * 1000);
  }

  async ask(what, parameters) {
    const answer = await fetch(`${this.url}/api/v1/${what}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = await answer.json();
    if (status !== 'success') {
      throw new Error(`${parameters.query}: ${error}`);
    }
    return data.result ?? data;
  }
}

function series({ name, labels, points, refId, step }) {
  return createDataFrame({
    refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: points.map(([time]) => time * 1000), config: { interval: step * 1000 } },
      {
        name: 'Value',
        type: FieldType.number,
        labels,
        values: points.map(([, value]) => (value === 'NaN' ? null : +value)),
        config: { displayNameFromDS: name },
      },
    ],
  });
}

// As Grafana does, of the exemplars in one step: the highest, and those below that are two standard deviations apart.
function outstanding(exemplars, step) {
  const mean = exemplars.reduce((sum, { value }) => sum + value, 0) / exemplars.length;
  const deviation = Math.sqrt(exemplars.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / exemplars.length);
  const kept = new Map();
  for (const one of exemplars.sort((a, b) => b.value - a.value)) {
    const at = Math.floor(one.time / step);
    const higher = kept.get(at) ?? [];
    if (!higher.length || higher.at(-1).value - one.value >= 2 * deviation) {
      kept.set(at, [...higher, one]);
    }
  }
  return [...kept.values()].flat();
}

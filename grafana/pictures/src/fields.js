// The part of Grafana's registry of field options that the dashboards use.
import { FieldConfigOptionsRegistry, applyFieldOverrides } from '@grafana/data';

const USED = [
  ...['unit', 'min', 'max', 'decimals', 'color', 'thresholds', 'mappings', 'links', 'noValue'],
  ...['drawStyle', 'lineInterpolation', 'lineWidth', 'lineStyle', 'fillOpacity', 'gradientMode', 'showPoints', 'pointSize'].map(custom),
  ...['spanNulls', 'stacking', 'axisPlacement', 'axisSoftMax', 'scaleDistribution', 'thresholdsStyle'].map(custom),
];

function custom(name) {
  return `custom.${name}`;
}

const registry = new FieldConfigOptionsRegistry(() =>
  USED.map((id) => ({
    id,
    path: id.replace(/^custom\./, ''),
    isCustom: id.startsWith('custom.'),
    name: id,
    process: (value) => value,
    shouldApply: () => true,
  }))
);

export function configured(frames, panel, theme) {
  return applyFieldOverrides({
    data: frames,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: registry,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
}

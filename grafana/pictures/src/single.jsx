// Stat and bar gauge: one value for each series.
import { VizOrientation, getDisplayValueAlignmentFactors, getFieldDisplayValues } from '@grafana/data';
import { BarGauge, BigValue, VizRepeater } from '@grafana/ui';

function Repeated({ panel, frames, theme, width, height, orientation, render, spacing }) {
  const values = () =>
    getFieldDisplayValues({
      data: frames,
      fieldConfig: panel.fieldConfig,
      reduceOptions: panel.options.reduceOptions,
      replaceVariables: (text) => text,
      theme,
      timeZone: 'utc',
      sparkline: panel.options.graphMode === 'area',
    });
  return (
    <VizRepeater
      getValues={values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={render}
      source={frames}
      width={width}
      height={height}
      itemSpacing={spacing}
      orientation={orientation}
      minVizHeight={panel.options.minVizHeight}
      maxVizHeight={panel.options.maxVizHeight}
      minVizWidth={panel.options.minVizWidth}
    />
  );
}

export function Stat(props) {
  const { colorMode, graphMode, justifyMode, text, textMode } = props.panel.options;
  const render = ({ value: { display, sparkline }, alignmentFactors, width, height, count }) => (
    <BigValue
      {...{ colorMode, graphMode, justifyMode, text, textMode, width, height, count, alignmentFactors, sparkline }}
      value={display}
      theme={props.theme}
      wideLayout
    />
  );
  return <Repeated {...props} render={render} orientation={VizOrientation.Auto} spacing={3} />;
}

export function Bars(props) {
  const { displayMode, valueMode, namePlacement, showUnfilled, text } = props.panel.options;
  const render = ({ value: { display, field, view, colIndex }, alignmentFactors, width, height, orientation }) => (
    <BarGauge
      {...{ displayMode, namePlacement, showUnfilled, text, width, height, orientation, alignmentFactors }}
      value={display}
      field={field}
      display={view?.getFieldDisplayProcessor(colIndex)}
      valueDisplayMode={valueMode}
      itemSpacing={8}
      lcdCellWidth={8}
      theme={props.theme}
    />
  );
  return <Repeated {...props} render={render} orientation={VizOrientation.Horizontal} spacing={8} />;
}

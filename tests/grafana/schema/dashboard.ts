// A dashboard as JSON, as Grafana's own types describe it, down to the options of each kind of panel.
import type * as grafana from '@grafana/schema';
import type * as bargauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// Grafana's types name values by enums; in JSON the values themselves stand.
type Json<T> = T extends string ? `${T}` : T extends object ? { [Key in keyof T]: Json<T[Key]> } : T;

// What follows is in none of the published types: queries, links and annotations of the Prometheus data source.
interface Target {
  refId: string;
  datasource: grafana.DataSourceRef;
  editorMode: 'code' | 'builder';
  expr: string;
  legendFormat: string;
  format: 'time_series' | 'heatmap' | 'table';
  instant: boolean;
  range: boolean;
  exemplar: boolean;
}

interface Link {
  title: string;
  url: string;
  targetBlank: boolean;
}

interface Moments extends Pick<grafana.AnnotationQuery, 'name' | 'enable' | 'iconColor' | 'datasource'> {
  expr: string;
  step: string;
  useValueForTime: 'on';
  titleFormat: string;
  textFormat: string;
}

type Defaults<Custom> = Omit<Json<grafana.FieldConfig>, 'custom' | 'links'> & { custom: Custom; links: Link[] };

interface Panel<Kind extends string, Options, Custom>
  extends Pick<Json<grafana.Panel>, 'id' | 'title' | 'description' | 'datasource' | 'interval' | 'gridPos'> {
  type: Kind;
  options: Json<Options>;
  fieldConfig: Omit<Json<grafana.FieldConfigSource>, 'defaults'> & { defaults: Defaults<Json<Custom>> };
  targets: Target[];
}

type Nothing = Record<string, never>;

type AnyPanel =
  | Json<grafana.RowPanel>
  | Panel<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | Panel<'stat', stat.Options, Nothing>
  | Panel<'bargauge', bargauge.Options, Nothing>
  | Panel<'heatmap', heatmap.Options, heatmap.FieldConfig>;

export interface Dashboard extends Omit<Json<grafana.Dashboard>, 'panels' | 'annotations'> {
  panels: AnyPanel[];
  annotations: { list: Moments[] };
}

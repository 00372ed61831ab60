// A dashboard as JSON, as Grafana's own types describe it.
import type * as grafana from '@grafana/schema';

// Grafana's types name values by enums; in JSON the values themselves stand.
type Json<T> = T extends string ? `${T}` : T extends object ? { [Key in keyof T]: Json<T[Key]> } : T;

export type Dashboard = Json<grafana.Dashboard>;

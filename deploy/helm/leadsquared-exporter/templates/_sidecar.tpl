{{/*
What a chart of an application includes in its Pods, with the values of this chart:

    {{- $exporter := index .Subcharts "leadsquared-exporter" }}
    {{- include "leadsquared-exporter.sidecar.container" $exporter | nindent 10 }}
*/}}

{{/* An item of initContainers. The last of them: those after it could not call LeadSquared before it is ready. */}}
{{- define "leadsquared-exporter.sidecar.container" -}}
{{- $lines := include "leadsquared-exporter.container" . -}}
- {{ $lines | nindent 2 | trim }}
{{- end }}

{{/* Items of volumes. With persistence the state is not one of them, but a claim of each Pod of a StatefulSet. */}}
{{- define "leadsquared-exporter.sidecar.volumes" -}}
- {{ include "leadsquared-exporter.configVolume" . | nindent 2 | trim }}
{{- if not .Values.persistence.enabled }}
- {{ include "leadsquared-exporter.emptyState" . | nindent 2 | trim }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* An item of volumeClaimTemplates of a StatefulSet, with persistence. */}}
{{- define "leadsquared-exporter.sidecar.volumeClaimTemplate" -}}
- metadata:
    name: leadsquared-exporter-state
    {{- with .Values.persistence.annotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    {{- include "leadsquared-exporter.claimSpec" . | nindent 4 }}
{{- end }}

{{/* Labels of the Pods, by which the PodMonitor finds them. */}}
{{- define "leadsquared-exporter.sidecar.labels" -}}
leadsquared-exporter/sidecar: {{ include "leadsquared-exporter.fullname" . }}
{{- end }}

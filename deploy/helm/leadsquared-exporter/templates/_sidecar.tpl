{{/*
What a chart of an application includes in its Pods, with the values of this chart:

    {{- with index .Subcharts "leadsquared-exporter" }}
    {{- include "leadsquared-exporter.sidecar.container" . | nindent 10 }}
    {{- end }}

With `enabled: false` there is no such subchart, and so nothing is included.
*/}}

{{/* An item of initContainers. The last of them: those after it could not call LeadSquared before it is ready. */}}
{{- define "leadsquared-exporter.sidecar.container" -}}
{{- if ne .Values.mode "sidecar" -}}
{{- fail (printf "leadsquared-exporter.sidecar.container: leadsquared-exporter.mode is %s; set it to sidecar, or a Deployment of its own starts besides" .Values.mode) }}
{{- end -}}
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

{{/* Items of imagePullSecrets of the Pods: those that the image of the exporter needs. */}}
{{- define "leadsquared-exporter.sidecar.imagePullSecrets" -}}
{{- with .Values.imagePullSecrets }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* Labels of the Pods, by which the PodMonitor finds them. */}}
{{- define "leadsquared-exporter.sidecar.labels" -}}
leadsquared-exporter/sidecar: {{ include "leadsquared-exporter.fullname" . }}
{{- end }}

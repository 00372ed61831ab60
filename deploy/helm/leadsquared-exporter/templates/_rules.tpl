{{/* Seconds as Prometheus writes them: 1h30m. */}}
{{- define "leadsquared-exporter.span" -}}
{{- $seconds := int64 . -}}
{{- if eq $seconds 0 -}}0s{{- end -}}
{{- with div $seconds 86400 }}{{ . }}d{{ end -}}
{{- with div (mod $seconds 86400) 3600 }}{{ . }}h{{ end -}}
{{- with div (mod $seconds 3600) 60 }}{{ . }}m{{ end -}}
{{- with mod $seconds 60 }}{{ . }}s{{ end -}}
{{- end }}

{{/* Where the exporter's pages are. */}}
{{- define "leadsquared-exporter.url" -}}
{{- if .Values.web.externalUrl -}}
{{- .Values.web.externalUrl | trimSuffix "/" -}}
{{- else if eq .Values.mode "sidecar" -}}
http://localhost:{{ .Values.web.port }}
{{- else -}}
{{- include "leadsquared-exporter.scheme" . }}://{{ include "leadsquared-exporter.fullname" . }}.{{ include "leadsquared-exporter.namespace" . }}:{{ .Values.web.port }}
{{- end -}}
{{- end }}

{{/* The rules, with this release's values in the places that `python -m alerts.rules --chart` left for them. */}}
{{- define "leadsquared-exporter.rules" -}}
{{- $given := .Values.prometheusRule -}}
{{- $rules := .Files.Get "alerts/leadsquared-exporter.rules.yaml" -}}
{{- $labels := "" -}}
{{- range $given.keepLabels }}{{ $labels = printf "%s, %s" $labels . }}{{ end -}}
{{- $rules = $rules | replace ", <<labels>>" $labels -}}
{{- if $given.selector -}}
{{- $rules = $rules | replace "<<selector>>" $given.selector -}}
{{- else -}}
{{- $rules = $rules | replace "{<<selector>>}" "" | replace "{<<selector>>," "{" -}}
{{- end -}}
{{- $url := include "leadsquared-exporter.url" . -}}
{{- $runbooks := default (printf "%s/runbooks" $url) $given.runbooksUrl -}}
{{- if not (contains "{alert}" $runbooks) }}{{ $runbooks = printf "%s/{alert}" (trimSuffix "/" $runbooks) }}{{ end -}}
{{- $rules = $rules | replace "<<exporter>>" $url -}}
{{- $rules = regexReplaceAll "<<runbooks:([A-Za-z]+)>>" $rules ($runbooks | replace "{alert}" "${1}") -}}
{{- range $name, $usual := .Files.Get "alerts/thresholds.yaml" | fromYaml -}}
{{- $value := $usual -}}
{{- if hasKey $given.thresholds $name }}{{ $value = index $given.thresholds $name }}{{ end -}}
{{- $rules = $rules | replace (printf "<<%s>>" $name) (printf "%v" $value) -}}
{{- $rules = $rules | replace (printf "<<%s:span>>" $name) (include "leadsquared-exporter.span" $value) -}}
{{- $rules = $rules | replace (printf "<<%s:percent>>" $name) (printf "%.6g %%" (mulf $value 100.0)) -}}
{{- end -}}
{{- $rules -}}
{{- end }}

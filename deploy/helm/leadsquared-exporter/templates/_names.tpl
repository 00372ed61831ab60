{{- define "leadsquared-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "leadsquared-exporter.fullname" -}}
{{- $name := include "leadsquared-exporter.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "leadsquared-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "leadsquared-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "leadsquared-exporter.labels" -}}
{{ include "leadsquared-exporter.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "leadsquared-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "leadsquared-exporter.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "leadsquared-exporter.claimName" -}}
{{- default (include "leadsquared-exporter.fullname" .) .Values.persistence.existingClaim }}
{{- end }}

{{- define "leadsquared-exporter.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Prometheus, the kubelet and the test have to know it. Read as YAML: a line that is commented out turns nothing on. */}}
{{- define "leadsquared-exporter.scheme" -}}
{{- $config := .Values.web.config | fromYaml -}}
{{- if hasKey $config "Error" }}{{ fail (printf "web.config is no YAML: %s" $config.Error) }}{{ end -}}
{{- ternary "https" "http" (or .Values.web.tls (hasKey $config "tls_server_config")) }}
{{- end }}

{{- define "leadsquared-exporter.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{/* The names of a Pod's ports are its own: the application may have a port "metrics" too. */}}
{{- define "leadsquared-exporter.portName" -}}
{{- ternary "lsq-metrics" "metrics" (eq .Values.mode "sidecar") }}
{{- end }}

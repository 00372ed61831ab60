{{/* The container, for both modes. */}}
{{- define "leadsquared-exporter.container" -}}
name: leadsquared-exporter
image: {{ include "leadsquared-exporter.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- if eq .Values.mode "sidecar" }}
# A sidecar: it starts before the application and stops after it.
restartPolicy: Always
{{- end }}
args:
  - --config.file=/etc/leadsquared-exporter/config.yaml
  - --config.auto-reload-interval={{ .Values.configReloadInterval }}
  - --web.listen-address=:{{ .Values.web.port }}
  {{- if or .Values.web.config .Values.web.fromSecret }}
  - --web.config.file=/etc/leadsquared-exporter/web.yaml
  {{- end }}
  - --log.level={{ .Values.log.level }}
  - --log.format={{ .Values.log.format }}
  {{- range .Values.extraArgs }}
  - {{ . | quote }}
  {{- end }}
{{- with .Values.env }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - name: {{ include "leadsquared-exporter.portName" . }}
    containerPort: {{ .Values.web.port }}
    protocol: TCP
  {{- if eq .Values.mode "standalone" }}
  {{- range .Values.gateways }}
  - name: {{ .name }}
    containerPort: {{ .port }}
    protocol: TCP
  {{- end }}
  {{- end }}
{{- $scheme := include "leadsquared-exporter.scheme" . | upper }}
# Reading a million unfinished requests takes 20 s.
startupProbe:
  httpGet:
    path: /-/ready
    port: {{ include "leadsquared-exporter.portName" . }}
    scheme: {{ $scheme }}
  periodSeconds: 1
  failureThreshold: {{ .Values.startupSeconds }}
livenessProbe:
  httpGet:
    path: /-/healthy
    port: {{ include "leadsquared-exporter.portName" . }}
    scheme: {{ $scheme }}
  periodSeconds: 15
  timeoutSeconds: 5
  failureThreshold: 4
{{- if eq .Values.mode "standalone" }}
readinessProbe:
  httpGet:
    path: /-/ready
    port: {{ include "leadsquared-exporter.portName" . }}
    scheme: {{ $scheme }}
  periodSeconds: 5
  timeoutSeconds: 3
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  - name: leadsquared-exporter-config
    mountPath: /etc/leadsquared-exporter
    readOnly: true
  - name: leadsquared-exporter-state
    mountPath: /var/lib/leadsquared-exporter
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/*
One folder for the configuration and the keys that it names: the kubelet swaps both at once, so that the exporter never
sees the one without the other, and `api_key_file: acme.key` is found beside config.yaml.
*/}}
{{- define "leadsquared-exporter.configVolume" -}}
name: leadsquared-exporter-config
projected:
  {{- if eq .Values.mode "sidecar" }}
  # The group of the files is the affair of the application's Pod, of which only this container mounts them.
  defaultMode: 0444
  {{- else }}
  defaultMode: 0440
  {{- end }}
  sources:
    - configMap:
        name: {{ default (include "leadsquared-exporter.fullname" .) .Values.existingConfigMap }}
    {{- if or .Values.secrets .Values.web.config }}
    - secret:
        name: {{ include "leadsquared-exporter.fullname" . }}
    {{- end }}
    {{- range .Values.existingSecrets }}
    - secret:
        name: {{ . }}
    {{- end }}
{{- end }}

{{- define "leadsquared-exporter.emptyState" -}}
name: leadsquared-exporter-state
emptyDir:
  sizeLimit: {{ .Values.persistence.size }}
{{- end }}

{{- define "leadsquared-exporter.claimSpec" -}}
accessModes:
  - {{ .Values.persistence.accessMode }}
{{- with .Values.persistence.storageClass }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .Values.persistence.size }}
{{- end }}

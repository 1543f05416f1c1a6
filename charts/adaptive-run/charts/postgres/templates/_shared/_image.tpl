{{/* Shared by all charts: charts/_shared is the source, `make charts` copies it. How an image is named. */}}

{{/* image: (dict "image" .Values.image "chart" .Chart) */}}
{{- define "modelops.image" -}}
{{- if .image.digest }}{{ .image.repository }}@{{ .image.digest }}{{ else }}{{ .image.repository }}:{{ .image.tag | default .chart.AppVersion }}{{ end }}
{{- end }}

{{/* Every mix of values that cannot work, all said at once. */}}
{{- define "dask-workspace.check" -}}
{{- $wrong := list }}
{{- if and (not .Values.tls.enabled) .Values.tls.existingSecret }}{{ $wrong = append $wrong "tls.enabled is false and tls.existingSecret is set; keep one" }}{{ end }}
{{- if gt (len .Release.Name) 40 }}{{ $wrong = append $wrong "the release's name is longer than 40 characters; choose a shorter one" }}{{ end }}
{{- if $wrong }}{{ fail (printf "\ndask-workspace: %s" (join "\ndask-workspace: " $wrong)) }}{{ end }}
{{- end }}

{{- define "dask-workspace.address" -}}
{{ if .Values.tls.enabled }}tls{{ else }}tcp{{ end }}://{{ .Release.Name }}-scheduler.{{ .Release.Namespace }}.svc:8786
{{- end }}

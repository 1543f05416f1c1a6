{{/* Every mix of values that cannot work, all said at once. */}}
{{- define "adaptive-run.check" -}}
{{- $wrong := list }}
{{- if not .Values.run.spec }}{{ $wrong = append $wrong "run.spec is empty; give the run's adaptive.yaml: --set-file run.spec=adaptive.yaml" }}{{ end }}
{{- if and (eq .Values.centralStore.mode "in-cluster") (not .Values.postgres.enabled) }}{{ $wrong = append $wrong "centralStore.mode is in-cluster and postgres.enabled is false; set centralStore.mode: external and centralStore.existingSecret" }}{{ end }}
{{- if ne .Values.centralStore.mode "in-cluster" }}
{{- if .Values.postgres.enabled }}{{ $wrong = append $wrong (printf "centralStore.mode is %s and postgres.enabled is true; set postgres.enabled: false" .Values.centralStore.mode) }}{{ end }}
{{- if not .Values.centralStore.existingSecret }}{{ $wrong = append $wrong (printf "centralStore.mode is %s and centralStore.existingSecret is empty; name the Secret that says how to connect" .Values.centralStore.mode) }}{{ end }}
{{- end }}
{{- if and (hasPrefix "tls://" .Values.dask.address) (not .Values.dask.existingSecret) }}{{ $wrong = append $wrong "dask.address is tls:// and dask.existingSecret is empty; name the Secret with ca.crt, tls.crt and tls.key" }}{{ end }}
{{- if gt (len .Release.Name) 43 }}{{ $wrong = append $wrong "the release's name is longer than 43 characters; choose a shorter one" }}{{ end }}
{{- if gt (len (toJson .Values.run)) 409600 }}{{ $wrong = append $wrong "run.spec and run.files are larger than 400 KB; put large files into an image" }}{{ end }}
{{- if $wrong }}{{ fail (printf "\nadaptive-run: %s" (join "\nadaptive-run: " $wrong)) }}{{ end }}
{{- end }}

{{- define "adaptive-run.storeSecret" -}}
{{- if eq .Values.centralStore.mode "in-cluster" }}{{ .Values.postgres.auth.existingSecret | default (printf "%s-postgres" .Release.Name) }}{{ else }}{{ .Values.centralStore.existingSecret }}{{ end }}
{{- end }}

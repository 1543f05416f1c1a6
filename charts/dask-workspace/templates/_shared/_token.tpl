{{/* Shared by all charts: charts/_shared is the source, `make charts` copies it. A token for workload identity. */}}

{{/* token: for workload identity; no token of the cluster's API */}}
{{- define "modelops.tokenEnv" -}}
{{- if .Values.serviceAccount.token.enabled }}
- {name: AZURE_FEDERATED_TOKEN_FILE, value: /var/run/secrets/azure/tokens/azure-identity-token}
{{- end }}
{{- end }}

{{- define "modelops.tokenMount" -}}
{{- if .Values.serviceAccount.token.enabled }}
- {name: azure-identity-token, mountPath: /var/run/secrets/azure/tokens, readOnly: true}
{{- end }}
{{- end }}

{{- define "modelops.tokenVolume" -}}
{{- with .Values.serviceAccount.token }}
{{- if .enabled }}
- name: azure-identity-token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: azure-identity-token, audience: {{ .audience | quote }}, expirationSeconds: {{ .expirationSeconds }}}
{{- end }}
{{- end }}
{{- end }}

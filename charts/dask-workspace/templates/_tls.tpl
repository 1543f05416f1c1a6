{{/* tlsSecret: which Secret a party mounts; context: (dict "root" $ "party" "scheduler") */}}
{{- define "dask-workspace.tlsSecret" -}}
{{- with .root.Values.tls.existingSecret }}{{ . }}{{ else -}}
{{ .root.Release.Name }}-dask-{{ .party }}-{{ (include "dask-workspace.issue" .root | fromJson).issue }}
{{- end }}
{{- end }}

{{/*
issue: which issue of the certificates is in force, as JSON: {issue, expires}; expires is empty for one that is made now.
The CA's Secret remembers it. A Secret of certificates is never changed: another issue is another Secret, so pods roll over
to it, and a rollback finds the old one.
*/}}
{{- define "dask-workspace.issue" -}}
{{- $kept := (lookup "v1" "Secret" .Release.Namespace (printf "%s-dask-ca" .Release.Name)) | default dict }}
{{- $notes := (($kept.metadata | default dict).annotations) | default dict }}
{{- $issue := index $notes "modelops.io/issue" | default "0" | int }}
{{- $expires := index $notes "modelops.io/certificates-expire" | default "0" }}
{{- $left := sub (int64 $expires) (now | unixEpoch | int64) }}
{{- if not $issue }}
{{- toJson (dict "issue" (toString .Release.Revision) "expires" "") }}
{{- else if or (ne (index $notes "modelops.io/renew") (toString .Values.tls.renew)) (lt $left (mul 86400 .Values.tls.renewBeforeDays)) }}
{{- toJson (dict "issue" (toString (add1 $issue)) "expires" "") }}
{{- else }}
{{- toJson (dict "issue" (toString $issue) "expires" $expires) }}
{{- end }}
{{- end }}

{{- define "dask-workspace.tlsFlags" -}}
{{- if .Values.tls.enabled }}
- --tls-ca-file=/etc/dask-tls/ca.crt
- --tls-cert=/etc/dask-tls/tls.crt
- --tls-key=/etc/dask-tls/tls.key
{{- end }}
{{- end }}

{{/* daskFlags: the same for our own programs */}}
{{- define "dask-workspace.daskFlags" -}}
{{- if .Values.tls.enabled }}
- --dask-ca=/etc/dask-tls/ca.crt
- --dask-cert=/etc/dask-tls/tls.crt
- --dask-key=/etc/dask-tls/tls.key
{{- end }}
{{- end }}

{{- define "dask-workspace.tlsMount" -}}
{{- if .Values.tls.enabled }}
- {name: dask-tls, mountPath: /etc/dask-tls, readOnly: true}
{{- end }}
{{- end }}

{{/* tlsVolume: (dict "root" $ "party" "scheduler") */}}
{{- define "dask-workspace.tlsVolume" -}}
{{- if .root.Values.tls.enabled }}
- {name: dask-tls, secret: {secretName: {{ include "dask-workspace.tlsSecret" . }}, defaultMode: 0440}}
{{- end }}
{{- end }}

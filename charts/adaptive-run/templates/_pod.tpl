{{/* What the workers and the test have in common; context: root */}}
{{- define "adaptive-run.env" -}}
{{- range list "PGHOST" "PGPORT" "PGDATABASE" "PGUSER" "PGPASSWORD" }}
- {name: {{ . }}, valueFrom: {secretKeyRef: {name: {{ include "adaptive-run.storeSecret" $ }}, key: {{ . }}}}}
{{- end }}
{{- end }}

{{/* ledgerCa: a managed server's certificate is checked; by ca.crt of its Secret, where that holds one */}}
{{- define "adaptive-run.ledgerCaArg" -}}
{{- if eq .Values.centralStore.mode "managed" }}
- --ledger-ca=/etc/ledger-ca/ca.crt
{{- end }}
{{- end }}

{{- define "adaptive-run.ledgerCaMount" -}}
{{- if eq .Values.centralStore.mode "managed" }}
- {name: ledger-ca, mountPath: /etc/ledger-ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "adaptive-run.ledgerCaVolume" -}}
{{- if eq .Values.centralStore.mode "managed" }}
- name: ledger-ca
  secret: {secretName: {{ .Values.centralStore.existingSecret }}, optional: true, defaultMode: 0440, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- end }}

{{- define "adaptive-run.dask" -}}
{{- if .Values.dask.address }}
- --dask={{ .Values.dask.address }}
{{- if .Values.dask.existingSecret }}
- --dask-ca=/etc/dask-tls/ca.crt
- --dask-cert=/etc/dask-tls/tls.crt
- --dask-key=/etc/dask-tls/tls.key
{{- end }}
{{- end }}
{{- end }}

{{- define "adaptive-run.podTemplate" -}}
metadata:
  labels:
    {{- include "modelops.selectorLabels" (dict "root" $ "component" "worker") | nindent 4 }}
    modelops.io/ledger: {{ .Release.Name | quote }}
    modelops.io/dask-client: "true"
    {{- with .Values.workers.pods.labels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    checksum/run: {{ toJson .Values.run | sha256sum }}
    {{- with .Values.workers.pods.annotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  restartPolicy: Never
  serviceAccountName: {{ .Release.Name }}-adaptive
  automountServiceAccountToken: false
  enableServiceLinks: false
  imagePullSecrets: {{ toJson .Values.imagePullSecrets }}
  securityContext: {{- include "modelops.podSecurity" 10001 | nindent 4 }}
  terminationGracePeriodSeconds: {{ .Values.workers.terminationGracePeriodSeconds }}
  {{- include "modelops.podPlace" .Values.workers.pods | nindent 2 }}
  containers:
    - name: worker
      image: {{ include "modelops.image" (dict "image" .Values.image "chart" .Chart) }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      workingDir: /work/run
      args:
        - --spec=/work/run/adaptive.yaml
        {{- with .Values.run.id }}
        - --run-id={{ . }}
        {{- end }}
        - --workers={{ .Values.workers.slots }}
        {{- include "adaptive-run.ledgerCaArg" . | nindent 8 }}
        {{- include "adaptive-run.dask" . | nindent 8 }}
      securityContext: {{- include "modelops.containerSecurity" . | nindent 8 }}
      env:
        {{- include "adaptive-run.env" . | nindent 8 }}
        - {name: MODELOPS_METRICS_PORT, value: "8790"}
        {{- include "modelops.tokenEnv" . | nindent 8 }}
        {{- with .Values.workers.pods.extraEnv }}{{ toYaml . | nindent 8 }}{{ end }}
      ports: [{name: metrics, containerPort: 8790}]
      resources: {{ toJson .Values.workers.resources }}
      volumeMounts:
        - {name: work, mountPath: /work/run}
        - {name: tmp, mountPath: /tmp}
        - {name: run, mountPath: /work/run/adaptive.yaml, subPath: adaptive.yaml, readOnly: true}
        {{- range $path, $_ := merge (dict) .Values.run.files .Values.run.binaryFiles }}
        - {name: run, mountPath: {{ printf "/work/run/%s" $path | quote }}, subPath: file-{{ sha256sum $path | trunc 12 }}, readOnly: true}
        {{- end }}
        {{- if .Values.dask.existingSecret }}
        - {name: dask-tls, mountPath: /etc/dask-tls, readOnly: true}
        {{- end }}
        {{- include "adaptive-run.ledgerCaMount" . | nindent 8 }}
        {{- include "modelops.tokenMount" . | nindent 8 }}
        {{- with .Values.workers.pods.extraVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
  volumes:
    - {name: work, emptyDir: {}}
    - {name: tmp, emptyDir: {}}
    - {name: run, configMap: {name: {{ .Release.Name }}-run}}
    {{- with .Values.dask.existingSecret }}
    - {name: dask-tls, secret: {secretName: {{ . }}, defaultMode: 0440}}
    {{- end }}
    {{- include "adaptive-run.ledgerCaVolume" . | nindent 4 }}
    {{- include "modelops.tokenVolume" . | nindent 4 }}
    {{- with .Values.workers.pods.extraVolumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}

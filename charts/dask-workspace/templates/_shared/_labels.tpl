{{/* Shared by all charts: charts/_shared is the source, `make charts` copies it. Labels of objects, and of pods. */}}

{{/* selectorLabels: (dict "root" $ "component" "worker") */}}
{{- define "modelops.selectorLabels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* labels: (dict "root" $ "component" "worker") */}}
{{- define "modelops.labels" -}}
{{ include "modelops.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: modelops
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* judged: for kube-score. An image's tag is a version: one that is there need not be asked for again. */}}
{{- define "modelops.judged" -}}
kube-score/ignore: container-image-pull-policy
{{- end }}

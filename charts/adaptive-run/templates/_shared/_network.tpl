{{/* Shared by all charts: charts/_shared is the source, `make charts` copies it. Rules of NetworkPolicies. */}}

{{/* dns: the egress rule that every pod needs */}}
{{- define "modelops.dns" -}}
- to:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
      podSelector: {matchLabels: {k8s-app: kube-dns}}
  ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
{{- end }}

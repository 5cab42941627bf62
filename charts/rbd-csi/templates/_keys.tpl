{{/* A Secret as the daemons' --keys directory: <clusterID>/userID and userKey. A changed Secret is used without a restart. */}}
{{- define "rbd-csi.keys" -}}
secret:
  secretName: {{ .secret }}
  defaultMode: 0440
  items:
    - {key: userID, path: {{ .fsid }}/userID}
    - {key: userKey, path: {{ .fsid }}/userKey}
{{- end -}}

{{/* What a StorageClass says to the driver. Call with root and class. Without secrets in it, the driver uses its own keys and
no sidecar reads a Secret. */}}
{{- define "rbd-csi.classParameters" -}}
clusterID: {{ .root.Values.cluster.fsid | quote }}
pool: {{ .class.pool | default .root.Values.cluster.pool | quote }}
csi.storage.k8s.io/fstype: {{ .class.fsType | default "ext4" }}
{{- with .class.dataPool }}
dataPool: {{ . | quote }}
{{- end }}
{{- with .class.radosNamespace }}
radosNamespace: {{ . | quote }}
{{- end }}
{{- $class := .class }}
{{- $root := .root }}
{{- $controller := list "provisioner" "controller-publish" "controller-expand" "controller-modify" }}
{{- $uses := dict "controllerSecret" $controller "nodeSecret" (list "node-stage" "node-expand") }}
{{- range $value, $calls := $uses }}
{{- $secret := index $class $value }}
{{- if $secret }}
{{- range $calls }}
csi.storage.k8s.io/{{ . }}-secret-name: {{ $secret | quote }}
csi.storage.k8s.io/{{ . }}-secret-namespace: {{ $root.Release.Namespace | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- range $key, $value := .class.parameters }}
{{ $key }}: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

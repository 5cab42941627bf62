{{/* Refuses what a schema cannot explain, before anything is created. */}}
{{- define "rbd-csi.check" -}}
{{- if not .Values.cluster.fsid }}{{ fail (include "rbd-csi.noFsid" .) }}{{ end -}}
{{- if not .Values.cluster.monitors }}{{ fail (include "rbd-csi.noMonitors" .) }}{{ end -}}
{{- if not .Values.cluster.pool }}{{ fail (include "rbd-csi.noPool" .) }}{{ end -}}
{{- $defaults := 0 -}}
{{- range .Values.storageClasses }}{{ if .default }}{{ $defaults = add1 $defaults }}{{ end }}{{ end -}}
{{- if gt (int $defaults) 1 }}{{ fail (include "rbd-csi.twoDefaults" .) }}{{ end -}}
{{- if and .Values.volumeAttributesClasses (not (include "rbd-csi.attributesVersion" .)) -}}
{{- fail (include "rbd-csi.noAttributes" .) -}}
{{- end -}}
{{- end -}}

{{- define "rbd-csi.noFsid" }}

cluster.fsid is not set: which Ceph cluster? Print it with
    ceph fsid
and give it as --set cluster.fsid=FSID (`make values` writes a whole values file)
{{ end -}}

{{- define "rbd-csi.noMonitors" }}

cluster.monitors is empty: where are Ceph's monitors? Print their addresses with
    ceph mon dump
and give them as --set 'cluster.monitors={192.0.2.1:3300,192.0.2.2:3300}'
{{ end -}}

{{- define "rbd-csi.noPool" }}

cluster.pool is not set: which pool holds the volumes? Print the pools for RBD with
    ceph osd pool ls detail | grep 'application rbd'
and give it as --set cluster.pool=POOL (a new one: ceph osd pool create POOL && rbd pool init POOL)
{{ end -}}

{{- define "rbd-csi.twoDefaults" }}

storageClasses: more than one has default: true (keep one; `kubectl get storageclass` shows the cluster's)
{{ end -}}

{{- define "rbd-csi.noAttributes" }}

volumeAttributesClasses: this cluster has no such API (Kubernetes 1.34 and later have it: kubectl api-resources | grep attributes)
{{ end -}}

{{/* Kubernetes would refuse the change in the middle of an upgrade. Call with kind, name, old and new. */}}
{{- define "rbd-csi.immutable" -}}
{{- fail (include "rbd-csi.other" .) -}}
{{- end -}}

{{- define "rbd-csi.other" }}

{{ .kind }} {{ .name }} is there with other parameters, and they cannot be changed.
    there:  {{ toJson .old }}
    wanted: {{ toJson .new }}
Give the class another name, or delete it first; volumes that were made with it stay as they are:
    kubectl delete {{ lower .kind }} {{ .name }}
{{ end -}}

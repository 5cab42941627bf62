{{- define "rbd-csi.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that never change: selectors are immutable. Call with (dict "root" $ "component" "controller"). */}}
{{- define "rbd-csi.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "rbd-csi.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* registry/repository:tag@digest. Call with (dict "root" $ "image" .Values...image). */}}
{{- define "rbd-csi.image" -}}
{{- $registry := .root.Values.global.imageRegistry | default .image.registry -}}
{{- $tag := .image.tag | default .root.Chart.AppVersion -}}
{{- printf "%s/%s:%s" $registry .image.repository $tag -}}
{{- with .image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- define "rbd-csi.pullSecrets" -}}
{{- with .Values.global.imagePullSecrets -}}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Pod Security Standard "restricted", and nothing can be written but the volumes. Call with anything; `seLinuxOptions` in
it is passed on. */}}
{{- define "rbd-csi.restricted" -}}
securityContext:
  {{- with .seLinuxOptions }}
  seLinuxOptions: {{- toYaml . | nindent 4 }}
  {{- end }}
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- define "rbd-csi.controllerAccount" -}}
{{- .Values.serviceAccounts.controller | default (printf "%s-controller" (include "rbd-csi.fullname" .)) -}}
{{- end -}}

{{- define "rbd-csi.nodeAccount" -}}
{{- .Values.serviceAccounts.node | default (printf "%s-node" (include "rbd-csi.fullname" .)) -}}
{{- end -}}

{{/* What the cluster offers; non-empty is true. */}}
{{- define "rbd-csi.hasSnapshots" -}}
{{- $forced := or .Values.sidecars.snapshotter.forceEnable .Values.groupSnapshots.forceEnable -}}
{{- if or $forced (.Capabilities.APIVersions.Has "snapshot.storage.k8s.io/v1") }}yes{{ end -}}
{{- end -}}

{{/* The version of the group snapshot API to write: the newest that the cluster serves. */}}
{{- define "rbd-csi.groupVersion" -}}
{{- $group := "groupsnapshot.storage.k8s.io" -}}
{{- $has := .Capabilities.APIVersions -}}
{{- if $has.Has (printf "%s/v1" $group) -}}{{ $group }}/v1
{{- else if $has.Has (printf "%s/v1beta2" $group) -}}{{ $group }}/v1beta2
{{- else if $has.Has (printf "%s/v1beta1" $group) -}}{{ $group }}/v1beta1
{{- else if .Values.groupSnapshots.forceEnable -}}{{ $group }}/v1
{{- end -}}
{{- end -}}

{{- define "rbd-csi.metadataVersion" -}}
{{- /* The sidecar speaks v1beta1 only, since its 1.0. */ -}}
{{- $version := "cbt.storage.k8s.io/v1beta1" -}}
{{- if or (.Capabilities.APIVersions.Has $version) .Values.sidecars.snapshotMetadata.forceEnable -}}{{ $version }}{{- end -}}
{{- end -}}

{{- define "rbd-csi.attributesVersion" -}}
{{- /* The sidecars speak v1 only. */ -}}
{{- if .Capabilities.APIVersions.Has "storage.k8s.io/v1/VolumeAttributesClass" -}}storage.k8s.io/v1{{ end -}}
{{- end -}}

{{/* Secrets that StorageClasses name, as a JSON list: the only ones that the sidecars may read. */}}
{{- define "rbd-csi.classSecrets" -}}
{{- $names := list -}}
{{- range .Values.storageClasses -}}
{{- with .controllerSecret }}{{ $names = append $names . }}{{ end -}}
{{- end -}}
{{- $names | uniq | sortAlpha | toJson -}}
{{- end -}}

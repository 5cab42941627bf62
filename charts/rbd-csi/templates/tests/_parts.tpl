{{- define "rbd-csi.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
# Also in the way of the next run if this one failed; until then it can be looked at.
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{/* Monitors that answer as Ceph does, and a kernel with krbd. Nothing is made. */}}
{{- define "rbd-csi.preflight" -}}
set -e
{{- range .Values.cluster.monitors }}
{{- $address := . | trimPrefix "[" | replace "]:" " " }}
{{- if not (hasPrefix "[" .) }}{{ $address = . | replace ":" " " }}{{ end }}
banner=$(timeout 5 nc -w 5 {{ $address }} </dev/null | head -c 6 | tr -d '\0' || true)
if [ "$banner" != "ceph v" ]; then
  echo "monitor {{ . }} does not answer as Ceph does: compare with ceph mon dump"
  exit 1
fi
echo "monitor {{ . }} answers"
{{- end }}
test -d /sys/bus/rbd || { echo "the kernel module rbd is not loaded on node $NODE: modprobe rbd"; exit 1; }
echo "the kernel of node $NODE has rbd"
{{- end -}}

{{/* Call with root, name, weight, script and claims, by the directories where the pod sees them. */}}
{{- define "rbd-csi.testPod" }}
---
apiVersion: v1
kind: Pod
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "rbd-csi.labels" .root | nindent 4 }}
  annotations: {{- include "rbd-csi.testHook" .weight | nindent 4 }}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  {{- with include "rbd-csi.pullSecrets" .root }}{{ . | nindent 2 }}{{ end }}
  terminationGracePeriodSeconds: 1
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    # An empty file system belongs to root: that the pod may write shows that the group is set.
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: test
      image: {{ include "rbd-csi.image" (dict "root" .root "image" .root.Values.tests.image) }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      command: [sh, -c]
      args:
        - |
          {{- .script | nindent 10 }}
      env:
        - name: NODE
          valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
      {{- include "rbd-csi.restricted" . | nindent 6 }}
      {{- with .claims }}
      volumeMounts:
        {{- range $place, $_ := . }}
        - {name: {{ $place }}, mountPath: /{{ $place }}}
        {{- end }}
  volumes:
    {{- range $place, $claim := . }}
    - name: {{ $place }}
      persistentVolumeClaim: {claimName: {{ $claim }}}
    {{- end }}
      {{- end }}
{{- end }}

{{/* Call with root, name, weight, class, size and, to restore, snapshot. */}}
{{- define "rbd-csi.testClaim" }}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "rbd-csi.labels" .root | nindent 4 }}
  annotations: {{- include "rbd-csi.testHook" .weight | nindent 4 }}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: {{ .class }}
  resources: {requests: {storage: {{ .size }}}}
  {{- with .snapshot }}
  dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: {{ . }}}
  {{- end }}
{{- end }}

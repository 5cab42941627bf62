{{/* A sidecar of the controller. Call with (dict "root" $ "name" "csi-provisioner" "values" .Values.sidecars.provisioner
"port" 8081 "args" (list ...)). All of them elect a leader and answer for that on one port, with their metrics. */}}
{{- define "rbd-csi.sidecar" -}}
{{- $election := .root.Values.controller.leaderElection -}}
- name: {{ .name }}
  image: {{ include "rbd-csi.image" (dict "root" .root "image" .values.image) }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args:
    - --csi-address=/run/csi/csi.sock
    - --http-endpoint=:{{ .port }}
    - --leader-election
    - --leader-election-lease-duration={{ $election.leaseDuration }}
    - --leader-election-renew-deadline={{ $election.renewDeadline }}
    - --leader-election-retry-period={{ $election.retryPeriod }}
    {{- /* Long enough for a slow Ceph; the driver answers ABORTED to what overlaps. */}}
    - --timeout=150s
    {{- /* The client's defaults, 5 and 10, make 50 claims at once wait for the API and not for Ceph. */}}
    - --kube-api-qps=50
    - --kube-api-burst=100
    {{- range .args }}
    - {{ . }}
    {{- end }}
    {{- range .values.extraArgs }}
    - {{ . | quote }}
    {{- end }}
  ports:
    - {name: {{ .portName }}, containerPort: {{ .port }}}
  {{- include "rbd-csi.httpProbes" (dict "path" "/healthz/leader-election" "port" .portName) | nindent 2 }}
  terminationMessagePolicy: FallbackToLogsOnError
  {{- include "rbd-csi.restricted" . | nindent 2 }}
  resources: {{- toYaml .values.resources | nindent 4 }}
  volumeMounts:
    - {name: socket, mountPath: /run/csi}
    - {name: api, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end -}}

{{/* The three probes of a container, over HTTP. `onNode`: it listens on the loopback of the node,
and shares the processors with all of its pods. A node that starts many at once answers late for minutes, and a restart
would make it later still; one that has ended is started again at once, whatever the probes say. */}}
{{- define "rbd-csi.httpProbes" -}}
{{- $get := dict "path" .path "port" .port -}}
{{- if .onNode }}{{ $_ := set $get "host" "127.0.0.1" }}{{ end -}}
startupProbe:
  httpGet: {{ toJson $get }}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 150
livenessProbe:
  httpGet: {{ toJson $get }}
  periodSeconds: 20
  timeoutSeconds: {{ ternary 20 10 (default false .onNode) }}
  failureThreshold: {{ ternary 15 5 (default false .onNode) }}
readinessProbe:
  httpGet: {{ toJson $get }}
  periodSeconds: 10
  timeoutSeconds: {{ ternary 20 10 (default false .onNode) }}
{{- end -}}

{{/* The livenessprobe container has nobody who asks after it but the kubelet: is its port open? `onNode`: as above. */}}
{{- define "rbd-csi.portProbes" -}}
{{- $socket := dict "port" .port -}}
{{- if .onNode }}{{ $_ := set $socket "host" "127.0.0.1" }}{{ end -}}
startupProbe:
  tcpSocket: {{ toJson $socket }}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 150
livenessProbe:
  tcpSocket: {{ toJson $socket }}
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: {{ ternary 15 5 (default false .onNode) }}
readinessProbe:
  tcpSocket: {{ toJson $socket }}
  periodSeconds: 10
  timeoutSeconds: 10
{{- end -}}

{{/* The sidecars that elect a leader. Retries begin early: most of what fails once is a moment of Ceph's. */}}
{{- define "rbd-csi.sidecars" -}}
{{- $s := .Values.sidecars -}}
{{- $retry := "--retry-interval-start=500ms" -}}
{{- $type := "--default-fstype=ext4" -}}
{{- $names := "--extra-create-metadata=true" -}}
{{- $workers := "--worker-threads=50" -}}
{{- /* It refuses to delete what is still attached and is not told when that ends: by default it would come back after 5 min. */ -}}
{{- $soon := "--retry-interval-max=30s" -}}
{{- $provisioner := dict "values" $s.provisioner "port" 8081 "args" (list $retry $soon $names $type $workers) -}}
{{- $attacher := dict "values" $s.attacher "port" 8082 "args" (list $retry $type $workers) -}}
{{- /* Volumes grow under running pods: none is waited for, so the pods need not be watched. */ -}}
{{- $resizer := dict "values" $s.resizer "port" 8083 "args" (list $retry "--handle-volume-inuse-error=false") -}}
{{- $all := list (merge $provisioner (dict "portName" "provisioner")) (merge $attacher (dict "portName" "attacher"))
    (merge $resizer (dict "portName" "resizer")) -}}
{{- if include "rbd-csi.hasSnapshots" . -}}
{{- $args := list $retry $names -}}
{{- if include "rbd-csi.groupVersion" . }}{{ $args = append $args "--feature-gates=CSIVolumeGroupSnapshot=true" }}{{ end -}}
{{- $all = append $all (dict "values" $s.snapshotter "port" 8084 "portName" "snapshotter" "args" $args) -}}
{{- end -}}
{{- range $i, $sidecar := $all }}
{{- if $i }}{{ "\n" }}{{ end }}
{{- include "rbd-csi.sidecar" (merge $sidecar (dict "root" $ "name" (printf "csi-%s" $sidecar.portName))) }}
{{- end -}}
{{- end -}}

{{/* What each sidecar may do in the whole cluster, as YAML: sidecar -> [{groups, resources, verbs}]. The driver's own
container uses no API. No Secrets: the daemons read theirs from files. */}}
{{- define "rbd-csi.clusterRules" -}}
provisioner:
  - {groups: [""], resources: [persistentvolumes], verbs: [get, list, watch, create, patch, delete]}
  # Finalizers of volumes that are being cloned.
  - {groups: [""], resources: [persistentvolumeclaims], verbs: [get, list, watch, update]}
  - {groups: [""], resources: [events], verbs: [list, watch, create, update, patch]}
  # No nodes and no CSINodes: the driver has no topology.
  - {groups: [storage.k8s.io], resources: [storageclasses, volumeattachments], verbs: [get, list, watch]}
  {{- if include "rbd-csi.attributesVersion" . }}
  - {groups: [storage.k8s.io], resources: [volumeattributesclasses], verbs: [get]}
  {{- end }}
  {{- if include "rbd-csi.hasSnapshots" . }}
  # Finalizers of snapshots that are being restored.
  - {groups: [snapshot.storage.k8s.io], resources: [volumesnapshots], verbs: [get, list, watch, update]}
  - {groups: [snapshot.storage.k8s.io], resources: [volumesnapshotcontents], verbs: [get, list]}
  {{- end }}
attacher:
  - {groups: [""], resources: [persistentvolumes], verbs: [get, list, watch, patch]}
  - {groups: [storage.k8s.io], resources: [csinodes], verbs: [get, list, watch]}
  - {groups: [storage.k8s.io], resources: [volumeattachments], verbs: [get, list, watch, patch]}
  - {groups: [storage.k8s.io], resources: [volumeattachments/status], verbs: [patch]}
resizer:
  - {groups: [""], resources: [persistentvolumes], verbs: [get, list, watch, patch]}
  - {groups: [""], resources: [persistentvolumeclaims], verbs: [get, list, watch]}
  - {groups: [""], resources: [persistentvolumeclaims/status], verbs: [patch]}
  - {groups: [""], resources: [events], verbs: [list, watch, create, update, patch]}
  {{- if include "rbd-csi.attributesVersion" . }}
  - {groups: [storage.k8s.io], resources: [volumeattributesclasses], verbs: [get, list, watch]}
  {{- end }}
{{- if include "rbd-csi.hasSnapshots" . }}
snapshotter:
  - {groups: [""], resources: [events], verbs: [list, watch, create, update, patch]}
  - {groups: [snapshot.storage.k8s.io], resources: [volumesnapshotclasses], verbs: [get, list, watch]}
  - {groups: [snapshot.storage.k8s.io], resources: [volumesnapshotcontents], verbs: [get, list, watch, update, patch]}
  - {groups: [snapshot.storage.k8s.io], resources: [volumesnapshotcontents/status], verbs: [update, patch]}
  {{- if include "rbd-csi.groupVersion" . }}
  - {groups: [groupsnapshot.storage.k8s.io], resources: [volumegroupsnapshotclasses], verbs: [get, list, watch]}
  - {groups: [groupsnapshot.storage.k8s.io], resources: [volumegroupsnapshotcontents], verbs: [get, list, watch, update, patch]}
  - {groups: [groupsnapshot.storage.k8s.io], resources: [volumegroupsnapshotcontents/status], verbs: [update, patch]}
  {{- end }}
{{- end }}
{{- if include "rbd-csi.metadataVersion" . }}
snapshot-metadata:
  - {groups: [cbt.storage.k8s.io], resources: [snapshotmetadataservices], verbs: [get, list, watch]}
  # Who asks, and may they read that snapshot?
  - {groups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create]}
  - {groups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create]}
  - {groups: [snapshot.storage.k8s.io], resources: [volumesnapshots, volumesnapshotcontents], verbs: [get, list]}
  - {groups: [snapshot.storage.k8s.io], resources: [volumesnapshotclasses], verbs: [get, list]}
{{- end }}
{{- end -}}

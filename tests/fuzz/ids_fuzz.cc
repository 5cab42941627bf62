// Ids: Kubernetes stores them, people paste them, and what comes back is anything at all.
#include <optional>
#include <string>

#include "csi/node_id.h"
#include "csi/snapshot_id.h"
#include "csi/volume_id.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

constexpr size_t kMaxNodeIdBytes = 192;

// An id has one spelling: the parts of a text that is one make the same text again.
template <class Id>
std::optional<Id> Read(std::string_view text, size_t max_bytes) {
  std::optional<Id> id = Id::Parse(text);
  if (id.has_value()) {
    HOLDS(text.size() <= max_bytes);
    HOLDS(id->ToString() == text);
  }
  return id;
}

void CheckPart(const std::string& part) {
  HOLDS(!HasControls(part) && !HasAnyOf(part, "/@") && part.front() != '-');
}

void CheckVolume(const VolumeId& id) {
  CheckPart(id.cluster);
  CheckPart(id.pool);
  CheckPart(id.image);
  if (!id.rados_namespace.empty()) {
    CheckPart(id.rados_namespace);
  }
  HOLDS(id.ToString() == id.cluster + "/" + id.Spec());
}

// Of every name there is a volume and a snapshot, wherever there is room for their ids.
void CheckName(const VolumeId& where, const std::string& name) {
  VolumeId volume = where;
  volume.image = ImageNameFor(name);
  const std::string text = volume.ToString();
  HOLDS(text.size() > kMaxIdBytes || VolumeId::Parse(text) == volume);

  const SnapshotId snapshot = {.volume = volume, .snapshot = volume.image};
  const auto read = SnapshotId::Parse(snapshot.ToString());
  HOLDS(snapshot.ToString().size() > kMaxIdBytes || read.has_value());
  if (read.has_value()) {
    HOLDS(read->snapshot == snapshot.snapshot && read->volume.pool == volume.pool &&
          read->volume.rados_namespace == volume.rados_namespace);
    HOLDS(read->volume.image.empty() || read->volume == volume);
  }
}

}  // namespace

void Fuzz(std::string_view input) {
  const auto volume = Read<VolumeId>(input, kMaxIdBytes);
  if (volume.has_value()) {
    CheckVolume(*volume);
  }
  if (const auto snapshot = Read<SnapshotId>(input, kMaxIdBytes)) {
    HOLDS(!volume.has_value());
    CheckPart(snapshot->volume.pool);
    HOLDS(!snapshot->snapshot.empty() && !HasControls(snapshot->snapshot) &&
          !HasAnyOf(snapshot->snapshot, "/@"));
  }
  if (const auto node = Read<NodeId>(input, kMaxNodeIdBytes)) {
    HOLDS(!HasSpaces(node->name) && !HasControls(node->name));
    NodeId limited = *node;
    limited.max_volumes = 7;
    const std::string text = limited.ToString();
    HOLDS(text.size() > kMaxNodeIdBytes || IsSameNode(text, input));
  }
  const std::vector<std::string> names = Lines(input);
  CheckName(volume.value_or(VolumeId{"cluster", "pool", "", ""}), names.back());
  HOLDS((ImageNameFor(names.front()) == ImageNameFor(names.back())) ==
        (names.front() == names.back()));
}

}  // namespace rbdcsi::fuzz

// The name of a volume, as Kubernetes stores it and as a person pastes it into `rbd`.
//
//   volume id = <clusterID>/<pool>/<image>  or  <clusterID>/<pool>/<namespace>/<image>      at most
//   128 bytes
//
// Pool ids would not survive mirroring; names do. An id that does not parse names no volume: the
// caller answers NOT_FOUND (or OK where an absent volume is fine), never INVALID_ARGUMENT
// (csi-sanity's "fake-vol-id"). Pure functions and values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rbdcsi {

inline constexpr size_t kMaxIdBytes = 128;  // CSI spec, "size limits", for any id
inline constexpr std::string_view kImagePrefix =
    "csi.";  // images made by us; a static volume may have any name

// True for what may be a part of an id: not empty, no '/', '@' or control character, no '-' first,
// and not "." or "..": the cluster names a directory of keys.
bool IsIdPart(std::string_view text);

struct VolumeId {
  std::string cluster;
  std::string pool;
  std::string rados_namespace;  // empty: the pool's default namespace
  std::string image;

  // Nullopt unless `text` is an id of the form above: three or four parts, none empty, "." or
  // "..", none with control characters, '@' or a leading '-', at most kMaxIdBytes.
  static std::optional<VolumeId> Parse(std::string_view text);
  std::string ToString() const;

  // "pool/image" or "pool/namespace/image", the way `rbd` spells it; for messages.
  std::string Spec() const;

  friend bool operator==(const VolumeId&, const VolumeId&) = default;
};

// The image that holds the volume of this CSI name; a pure function, so that creating is atomic on
// the name and no journal is needed. "csi.<name>" when the name has only [A-Za-z0-9_.-], does not
// begin with '-' and is at most 48 bytes; else "csi.=<first 40 hex digits of its SHA-256>". '=' is
// not in the plain alphabet, so the two forms never meet.
std::string ImageNameFor(std::string_view volume_name);

}  // namespace rbdcsi

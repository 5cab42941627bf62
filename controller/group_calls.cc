#include "controller/group_calls.h"

#include "absl/strings/str_cat.h"
#include "controller/wire.h"
#include "csi/status.h"

namespace rbdcsi::class_calls {
namespace {

// As Ceph's enums of the links and of the group snapshots have them.
constexpr uint8_t kAttached = 0;
constexpr uint8_t kComplete = 1;

GroupMember DecodeMember(Decoder body) {
  GroupMember member;
  member.pool = static_cast<int64_t>(body.U64());
  member.image_id = body.Text();
  member.snapshot = body.U64();
  return member;
}

GroupImage DecodeImage(Decoder body) {
  GroupImage image;
  Decoder spec = body.Struct();
  image.image_id = spec.Text();
  image.pool = static_cast<int64_t>(spec.U64());
  image.attached = body.U8() == kAttached;
  return image;
}

std::optional<GroupSnapshot> DecodeSnapshot(Decoder body) {
  GroupSnapshot snapshot;
  snapshot.id = body.Text();
  snapshot.name = body.Text();
  snapshot.complete = body.U8() == kComplete;
  const uint32_t count = body.U32();
  for (uint32_t i = 0; i < count && body.ok(); ++i) {
    snapshot.members.push_back(DecodeMember(body.Struct()));
  }
  return body.ok() ? std::optional(std::move(snapshot)) : std::nullopt;
}

}  // namespace

std::string GroupHeaderObject(std::string_view id) {
  return absl::StrCat("rbd_group_header.", Sv(id));
}

std::string GroupImageInput(int64_t pool, std::string_view id) {
  return Encoder().Text(id).U64(static_cast<uint64_t>(pool)).Struct(1);
}

// Both lists begin after an entry; one without a name is before all of them.
std::string GroupImagesInput(uint64_t most) {
  return GroupImageInput(-1, "") + Encoder().U64(most).bytes();
}

std::string GroupSnapshotsInput(uint64_t most) {
  return Encoder().Text("").Text("").U8(0).U32(0).Struct(1) + Encoder().U64(most).bytes();
}

std::optional<GroupRef> DecodeGroupRef(std::string_view reply) {
  Decoder in(reply);
  Decoder body = in.Struct();
  GroupRef group;
  group.pool = static_cast<int64_t>(body.U64());
  group.id = body.Text();
  return body.ok() ? std::optional(std::move(group)) : std::nullopt;
}

std::optional<std::vector<GroupImage>> DecodeGroupImages(std::string_view reply) {
  Decoder in(reply);
  const uint32_t count = in.U32();
  std::vector<GroupImage> images;
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    images.push_back(DecodeImage(in.Struct()));
  }
  return in.ok() ? std::optional(std::move(images)) : std::nullopt;
}

std::optional<std::vector<GroupSnapshot>> DecodeGroupSnapshots(std::string_view reply) {
  Decoder in(reply);
  const uint32_t count = in.U32();
  std::vector<GroupSnapshot> snapshots;
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    auto snapshot = DecodeSnapshot(in.Struct());
    if (!snapshot.has_value()) {
      return std::nullopt;
    }
    snapshots.push_back(*std::move(snapshot));
  }
  return in.ok() ? std::optional(std::move(snapshots)) : std::nullopt;
}

}  // namespace rbdcsi::class_calls

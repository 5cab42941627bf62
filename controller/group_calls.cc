#include "controller/group_calls.h"

#include "absl/strings/str_cat.h"
#include "controller/wire.h"
#include "csi/status.h"

namespace rbdcsi::class_calls {
namespace {

// As Ceph's enums of the links and of the group snapshots have them.
constexpr uint8_t kAttached = 0;
constexpr uint8_t kComplete = 1;

// Nullopt: a struct that is shorter than its members; what it lacks would read as zeros.
std::optional<GroupMember> DecodeMember(Decoder body) {
  GroupMember member;
  member.pool = static_cast<int64_t>(body.U64());
  member.image_id = body.Text();
  member.snapshot = body.U64();
  return body.ok() ? std::optional(std::move(member)) : std::nullopt;
}

std::optional<GroupImage> DecodeImage(Decoder body) {
  GroupImage image;
  Decoder spec = body.Struct();
  image.image_id = spec.Text();
  image.pool = static_cast<int64_t>(spec.U64());
  image.attached = body.U8() == kAttached;
  return spec.ok() && body.ok() ? std::optional(std::move(image)) : std::nullopt;
}

template <class Item>
std::optional<std::vector<Item>> DecodeList(Decoder& in, std::optional<Item> (*decode)(Decoder)) {
  const uint32_t count = in.U32();
  std::vector<Item> items;
  for (uint32_t i = 0; i < count && in.ok(); ++i) {
    std::optional<Item> item = decode(in.Struct());
    if (!item.has_value()) {
      return std::nullopt;
    }
    items.push_back(*std::move(item));
  }
  return in.ok() ? std::optional(std::move(items)) : std::nullopt;
}

std::optional<GroupSnapshot> DecodeSnapshot(Decoder body) {
  GroupSnapshot snapshot;
  snapshot.id = body.Text();
  snapshot.name = body.Text();
  snapshot.complete = body.U8() == kComplete;
  auto members = DecodeList(body, DecodeMember);
  if (!members.has_value()) {
    return std::nullopt;
  }
  snapshot.members = *std::move(members);
  return snapshot;
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
  return DecodeList(in, DecodeImage);
}

std::optional<std::vector<GroupSnapshot>> DecodeGroupSnapshots(std::string_view reply) {
  Decoder in(reply);
  return DecodeList(in, DecodeSnapshot);
}

}  // namespace rbdcsi::class_calls

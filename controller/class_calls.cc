#include "controller/class_calls.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "controller/wire.h"
#include "csi/status.h"

namespace rbdcsi::class_calls {
namespace {

constexpr uint64_t kHead = static_cast<uint64_t>(-2);  // CEPH_NOSNAP: the image, not a snapshot
constexpr uint8_t kClientEntity = 8;                   // CEPH_ENTITY_TYPE_CLIENT

// `bytes` is a sockaddr without its family: port, then the address where the family has it.
std::string SocketAddress(uint16_t family, std::string_view bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  in_port_t port = 0;
  if (bytes.size() < sizeof(port)) {
    return {};
  }
  std::memcpy(&port, bytes.data(), sizeof(port));
  const bool v6 = family == AF_INET6;
  const size_t offset = v6 ? 6 : 2;  // IPv6 has its flow label in between
  if (bytes.size() < offset + (v6 ? 16 : 4) || (!v6 && family != AF_INET) ||
      inet_ntop(family, bytes.data() + offset, text, sizeof(text)) == nullptr) {
    return {};
  }
  return v6 ? absl::StrCat("[", text, "]:", ntohs(port)) : absl::StrCat(text, ":", ntohs(port));
}

// entity_addr_t in its two forms: the first byte is 0 before msgr2 and 1 since.
std::string DecodeAddress(Decoder& in) {
  uint32_t nonce = 0;
  std::string address;
  if (in.U8() == 0) {
    in.Bytes(3);
    nonce = in.U32();
    const std::string_view storage = in.Bytes(128);
    if (storage.size() == 128) {
      // Only here is the family in network order.
      const uint16_t family = static_cast<uint16_t>((static_cast<unsigned char>(storage[0]) << 8) |
                                                    static_cast<unsigned char>(storage[1]));
      address = SocketAddress(family, storage.substr(2));
    }
  } else {
    Decoder body = in.Struct();
    body.U32();  // protocol: the blocklist goes by address and nonce whatever it is
    nonce = body.U32();
    Decoder socket(body.Text());
    const uint16_t family = socket.U16();
    address = SocketAddress(family, socket.Rest());
  }
  return address.empty() ? address : absl::StrCat(address, "/", nonce);
}

}  // namespace

std::string IdObject(std::string_view image) { return absl::StrCat("rbd_id.", Sv(image)); }
std::string HeaderObject(std::string_view id) { return absl::StrCat("rbd_header.", Sv(id)); }
std::string ObjectMapObject(std::string_view id) { return absl::StrCat("rbd_object_map.", Sv(id)); }

std::string SizeInput() { return Encoder().U64(kHead).bytes(); }

std::string FeaturesInput() { return Encoder().U64(kHead).U8(1).bytes(); }

std::string MetadataSetInput(std::string_view key, std::string_view value) {
  return Encoder().U32(1).Text(key).Text(value).bytes();
}

std::string TextInput(std::string_view text) { return Encoder().Text(text).bytes(); }

std::string DirectoryEntryInput(const NameAndId& entry) {
  return Encoder().Text(entry.name).Text(entry.id).bytes();
}

std::string TrashAddInput(const TrashEntry& entry) {
  constexpr uint8_t kSourceUser = 0;
  constexpr uint8_t kStateNormal = 0;
  const std::string spec = Encoder()
                               .U8(kSourceUser)
                               .Text(entry.name)
                               .Time(entry.deleted)
                               .Time(entry.deferred_until)
                               .U8(kStateNormal)
                               .Struct(2);
  return Encoder().Text(entry.id).bytes() + spec;
}

// LOCK_FLAG_MAY_RENEW
constexpr uint8_t kMayRenew = 1;

std::string LockInput(const LockRequest& request) {
  return Encoder()
      .Text(request.name)
      .U8(static_cast<uint8_t>(request.type))
      .Text(request.cookie)
      .Text("")  // tag: shared lockers must agree on it
      .Text(request.description)
      .Time(absl::UnixEpoch() + request.lasts)
      .U8(request.lasts > absl::ZeroDuration() ? kMayRenew : 0)
      .Struct(1);
}

std::string LockInfoInput(std::string_view name) { return Encoder().Text(name).Struct(1); }

std::string BreakLockInput(std::string_view name, const Locker& locker) {
  return Encoder().Text(name).U8(kClientEntity).U64(locker.client).Text(locker.cookie).Struct(1);
}

std::optional<SizeReply> DecodeSize(std::string_view reply) {
  Decoder in(reply);
  SizeReply size;
  size.order = in.U8();
  size.size = in.U64();
  return in.ok() ? std::optional(size) : std::nullopt;
}

std::optional<uint64_t> DecodeFeatures(std::string_view reply) {
  Decoder in(reply);
  const uint64_t features = in.U64();
  return in.ok() ? std::optional(features) : std::nullopt;
}

std::optional<std::string> DecodeText(std::string_view reply) {
  Decoder in(reply);
  std::string text(in.Text());
  return in.ok() ? std::optional(std::move(text)) : std::nullopt;
}

std::optional<LockInfo> DecodeLockInfo(std::string_view reply) {
  Decoder in(reply);
  Decoder info = in.Struct();
  LockInfo lock;
  const uint32_t count = info.U32();
  for (uint32_t i = 0; i < count && info.ok(); ++i) {
    Locker locker;
    Decoder id = info.Struct();
    id.U8();  // entity type
    locker.client = id.U64();
    locker.cookie = id.Text();
    Decoder detail = info.Struct();
    detail.Time();  // expiry
    locker.address = DecodeAddress(detail);
    locker.description = detail.Text();
    if (!id.ok() || !detail.ok()) {
      return std::nullopt;
    }
    lock.lockers.push_back(std::move(locker));
  }
  lock.type = static_cast<LockType>(info.U8());
  return info.ok() ? std::optional(std::move(lock)) : std::nullopt;
}

}  // namespace rbdcsi::class_calls

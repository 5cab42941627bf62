#include "controller/wire.h"

namespace rbdcsi {
namespace {

void Append(std::string& bytes, uint64_t value, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    bytes.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
  }
}

}  // namespace

Encoder& Encoder::U8(uint8_t value) {
  Append(bytes_, value, 1);
  return *this;
}

Encoder& Encoder::U16(uint16_t value) {
  Append(bytes_, value, 2);
  return *this;
}

Encoder& Encoder::U32(uint32_t value) {
  Append(bytes_, value, 4);
  return *this;
}

Encoder& Encoder::U64(uint64_t value) {
  Append(bytes_, value, 8);
  return *this;
}

Encoder& Encoder::Text(std::string_view value) {
  U32(static_cast<uint32_t>(value.size()));
  bytes_.append(value);
  return *this;
}

Encoder& Encoder::Time(absl::Time value) {
  const timespec split = absl::ToTimespec(value);
  return U32(static_cast<uint32_t>(split.tv_sec)).U32(static_cast<uint32_t>(split.tv_nsec));
}

std::string Encoder::Struct(uint8_t version) const {
  Encoder whole;
  whole.U8(version).U8(1).Text(bytes_);
  return whole.bytes_;
}

uint64_t Decoder::Little(size_t count) {
  const std::string_view bytes = Bytes(count);
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    value |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return value;
}

uint8_t Decoder::U8() { return static_cast<uint8_t>(Little(1)); }
uint16_t Decoder::U16() { return static_cast<uint16_t>(Little(2)); }
uint32_t Decoder::U32() { return static_cast<uint32_t>(Little(4)); }
uint64_t Decoder::U64() { return Little(8); }
std::string_view Decoder::Text() { return Bytes(U32()); }

std::string_view Decoder::Bytes(size_t count) {
  if (count > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view bytes = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return bytes;
}

absl::Time Decoder::Time() {
  const uint32_t seconds = U32();
  const uint32_t nanoseconds = U32();
  return absl::FromUnixSeconds(seconds) + absl::Nanoseconds(nanoseconds);
}

Decoder Decoder::Struct() {
  U8();  // version
  const uint8_t compatible = U8();
  Decoder body(Text());
  // A struct that even its oldest readers cannot take is from a Ceph that does not exist yet.
  body.ok_ = ok_ && compatible <= 64;
  return body;
}

}  // namespace rbdcsi

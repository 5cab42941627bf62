// Ceph's wire structs as bytes: what the `rbd` and `lock` object classes take and give.
//
// Little endian; a string or a buffer is a 32-bit length and its bytes; a versioned struct is
// version, oldest compatible version, 32-bit length, body (ceph: src/include/encoding.h). Decoding
// never reads past its input: the first bad length makes the decoder fail and everything after it
// reads as zero, so callers check ok() once at the end. Values and pure functions; any thread.
// The exact bytes are held by tests/unit/controller, their meaning by tests/live.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace rbdcsi {

class Encoder {
 public:
  Encoder& U8(uint8_t value);
  Encoder& U16(uint16_t value);
  Encoder& U32(uint32_t value);
  Encoder& U64(uint64_t value);
  Encoder& Text(std::string_view value);  // length and bytes
  Encoder& Time(absl::Time value);        // seconds and nanoseconds, 32 bits each
  // The bytes so far as the body of a struct of this version that version 1 readers understand.
  std::string Struct(uint8_t version) const;
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}
  uint8_t U8();
  uint16_t U16();
  uint32_t U32();
  uint64_t U64();
  std::string_view Text();
  std::string_view Bytes(size_t count);
  std::string_view Rest() { return Bytes(rest_.size()); }
  absl::Time Time();
  // The body of a versioned struct; what a newer writer appended to it is skipped by construction.
  Decoder Struct();
  bool ok() const { return ok_; }
  bool empty() const { return rest_.empty(); }

 private:
  uint64_t Little(size_t count);
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace rbdcsi

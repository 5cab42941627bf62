#include "node/device_probe.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "csi/status.h"
#include "node/child.h"
#include "node/format_mark.h"
#include "node/node_errors.h"

namespace rbdcsi {
namespace {

constexpr uint64_t kProofBytes = uint64_t{1} << 20;
// Where libblkid looks for the most, and reads all of (zfs) in any case.
constexpr uint64_t kProbedEnd = uint64_t{512} << 10;
constexpr absl::Duration kDeadTime = absl::Seconds(5);

struct FreeProbe {
  void operator()(blkid_probe probe) const { blkid_free_probe(probe); }
};
using Probe = std::unique_ptr<std::remove_pointer_t<blkid_probe>, FreeProbe>;

// What blkid names: "ext4", "crypto_LUKS", "gpt partition table"; empty: nothing.
struct Signature {
  std::string type;
  std::string partitions;
  bool ambivalent = false;
};

std::string Value(const Probe& probe, const char* name) {
  const char* text = nullptr;
  return blkid_probe_lookup_value(probe.get(), name, &text, nullptr) == 0 ? text : "";
}

absl::StatusOr<Signature> FindSignature(int fd, const std::string& device) {
  const Probe probe(blkid_new_probe());
  if (probe == nullptr || blkid_probe_set_device(probe.get(), fd, 0, 0) != 0) {
    return StatusFor(kReadDeviceErrors, EIO, device);
  }
  blkid_probe_enable_superblocks(probe.get(), 1);
  blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE);
  blkid_probe_enable_partitions(probe.get(), 1);
  Signature signature;
  switch (blkid_do_safeprobe(probe.get())) {
    case 0:
      signature.type = Value(probe, "TYPE");
      signature.partitions = Value(probe, "PTTYPE");
      return signature;
    case 1:
      return signature;
    case -2:
      signature.ambivalent = true;
      return signature;
    default:
      return StatusFor(kReadDeviceErrors, errno == 0 ? EIO : errno, device);
  }
}

// libblkid reads some thirty small places at both ends of the device one after the other, and each
// would be a round trip to Ceph. Asked for at once, both ends travel together and nearly every look
// finds its page here: 34 OSD operations for staging a volume, where the raw calls take 75
// (measured). Advice only: what fails here fails again, and is reported, where it is read.
void ReadAhead(int fd, uint64_t size) {
  const uint64_t end = std::min(size, kProbedEnd);
  const auto ask = [fd](const Range& range) {
    posix_fadvise(fd, static_cast<off_t>(range.offset), static_cast<off_t>(range.size),
                  POSIX_FADV_WILLNEED);
  };
  ask({.offset = 0, .size = end + 4096});
  ask({.offset = size - end, .size = end});
  if (size > kReserve) {
    ask({.offset = MarkOffset(size), .size = kMarkBytes});
  }
  for (const uint64_t mebibytes : {1, 2, 4}) {  // the places of several kinds of superblock
    ask({.offset = mebibytes << 20, .size = kMarkBytes});
  }
}

std::string Describe(const Signature& signature) {
  if (signature.ambivalent) {
    return "signatures of several file systems at once";
  }
  std::string what;
  if (!signature.type.empty()) {
    what = absl::StrCat("a ", signature.type, " signature");
  }
  if (!signature.partitions.empty()) {
    absl::StrAppend(&what, what.empty() ? "a " : " and a ", signature.partitions,
                    " partition table");
  }
  return what;
}

bool IsExtOrXfs(const std::string& type) {
  return type == "ext4" || type == "ext3" || type == "ext2" || type == "xfs";
}

absl::StatusOr<bool> ProvenZero(int fd, uint64_t size) {
  const uint64_t part = std::min(size, kProofBytes);
  ASSIGN_OR_RETURN(const bool head, IsZero(fd, {.offset = 0, .size = part}));
  if (!head) {
    return false;
  }
  return IsZero(fd, {.offset = size - part, .size = part});
}

Content Classify(const Signature& signature, const std::optional<Superblock>& superblock,
                 uint64_t device_bytes, bool marked) {
  const bool other = signature.ambivalent || !signature.partitions.empty() ||
                     (!signature.type.empty() && !IsExtOrXfs(signature.type));
  // See format_mark.h for why the reserve must be free.
  const bool reserve_free =
      !superblock.has_value() ||
      (device_bytes >= kReserve && superblock->size_bytes <= device_bytes - kReserve);
  if (marked && !other && reserve_free) {
    return {.kind = ContentKind::kFormatting, .superblock = {}, .what = {}};
  }
  if (!other && superblock.has_value() && !superblock->incomplete && !signature.type.empty() &&
      (signature.type == "xfs") == (superblock->type == "xfs")) {
    return {.kind = ContentKind::kFilesystem, .superblock = superblock, .what = {}};
  }
  const std::string what = Describe(signature);
  return {.kind = ContentKind::kOther,
          .superblock = {},
          .what = what.empty() ? "data of an unknown kind" : what};
}

}  // namespace

absl::StatusOr<uint64_t> SizeOf(int fd) {
  const off_t size = lseek(fd, 0, SEEK_END);
  if (size < 0) {
    return StatusFor(kReadDeviceErrors, errno, "size");
  }
  return static_cast<uint64_t>(size);
}

absl::StatusOr<bool> IsZero(int fd, const Range& range) {
  std::vector<char> buffer(uint64_t{256} * 1024);
  for (uint64_t done = 0; done < range.size;) {
    const size_t want = std::min<uint64_t>(buffer.size(), range.size - done);
    const ssize_t got = pread(fd, buffer.data(), want, static_cast<off_t>(range.offset + done));
    if (got <= 0) {
      return StatusFor(kReadDeviceErrors, got == 0 ? EIO : errno, "");
    }
    if (buffer[0] != 0 ||
        std::memcmp(buffer.data(), buffer.data() + 1, static_cast<size_t>(got) - 1) != 0) {
      return false;
    }
    done += static_cast<uint64_t>(got);
  }
  return true;
}

absl::StatusOr<Content> ProbeDevice(const std::string& device) {
  const UniqueFd fd(open(device.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return StatusFor(kOpenDeviceErrors, errno, device);
  }
  ASSIGN_OR_RETURN(const uint64_t size, SizeOf(fd.get()));
  ReadAhead(fd.get(), size);
  std::string head(kSuperblockBytes, '\0');
  if (pread(fd.get(), head.data(), head.size(), 0) != static_cast<ssize_t>(head.size())) {
    return StatusFor(kReadDeviceErrors, errno == 0 ? EIO : errno, device);
  }
  ASSIGN_OR_RETURN(const Signature signature, FindSignature(fd.get(), device));
  const std::optional<Superblock> superblock = ParseSuperblock(head);
  ASSIGN_OR_RETURN(const bool marked, HasMark(fd.get(), size));
  const bool nothing = !signature.ambivalent && signature.type.empty() &&
                       signature.partitions.empty() && !superblock.has_value() && !marked;
  if (nothing) {
    ASSIGN_OR_RETURN(const bool zero, ProvenZero(fd.get(), size));
    if (zero) {
      return Content{.kind = ContentKind::kBlank, .superblock = {}, .what = {}};
    }
  }
  return Classify(signature, superblock, size, marked);
}

bool IsDead(const std::string& device) {
  struct alignas(4096) Page {
    std::array<char, 4096> bytes;
  };
  const auto page = std::make_shared<Page>();
  const absl::StatusOr<int> result =
      RunBounded({.deadline = absl::Now() + kDeadTime}, [device, page] {
        const int fd = open(device.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
        return fd < 0 || pread(fd, page->bytes.data(), page->bytes.size(), 0) < 0 ? errno : 0;
      });
  return result.ok() && *result != 0 && *result != EBUSY;
}

}  // namespace rbdcsi

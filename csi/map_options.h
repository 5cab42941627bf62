// The krbd options that a StorageClass or a static PV may set: the controller checks against this
// list, the node maps by it. Names as in Linux' ceph_common.c and rbd.c. Constants; any thread.
#pragma once

#include <array>
#include <string_view>

namespace rbdcsi {

// Handed to the kernel as they are, with a value where they take one.
inline constexpr std::array<std::string_view, 22> kKernelMapOptions = {
    "abort_on_full",
    "alloc_size",
    "cephx_require_signatures",
    "cephx_sign_messages",
    "compression_hint",
    "crc",
    "crush_location",
    "lock_timeout",
    "mount_timeout",
    "ms_mode",
    "nocephx_require_signatures",
    "nocephx_sign_messages",
    "nocrc",
    "notcp_nodelay",
    "notrim",
    "osd_idle_ttl",
    "osd_request_timeout",
    "osdkeepalive",
    "queue_depth",
    "read_from_replica",
    "rxbounce",
    "tcp_nodelay",
};

// What the node adds itself, or what only the `rbd` command knows: fine to ask for, nothing to do.
inline constexpr std::array<std::string_view, 4> kImpliedMapOptions = {"lock_on_read", "noshare",
                                                                       "noudev", "udev"};

}  // namespace rbdcsi

#include "node/node_errors.h"

#include <cerrno>
#include <iterator>

namespace rbdcsi {
namespace {

using absl::StatusCode;

// drivers/block/rbd.c and net/ceph: what rbd_add() returns.
constexpr ErrnoRule kMap[] = {
    {ENXIO, StatusCode::kFailedPrecondition,
     "the image has a feature that this kernel does not support; dmesg names it, `rbd feature "
     "disable` takes it off"},
    {EINVAL, StatusCode::kFailedPrecondition,
     "the kernel does not take an option or the image; dmesg says which"},
    {ENOENT, StatusCode::kNotFound, "no such pool, namespace or image in the cluster"},
    {EPERM, StatusCode::kUnauthenticated, "the user's key or caps do not allow it"},
    {EACCES, StatusCode::kUnauthenticated, "the user's key or caps do not allow it"},
    {ENOKEY, StatusCode::kUnauthenticated, "the kernel found no key"},
    {EROFS, StatusCode::kFailedPrecondition, "the image is not writable here"},
    {ENOMEM, StatusCode::kUnavailable, "the node is out of memory"},
    {ETIMEDOUT, StatusCode::kUnavailable, "no answer from the monitors"},
    {ECONNREFUSED, StatusCode::kUnavailable, "no answer from the monitors"},
    {ENOTCONN, StatusCode::kUnavailable, "no answer from the monitors"},
    {ESHUTDOWN, StatusCode::kUnavailable, "this client is blocklisted"},
};

constexpr ErrnoRule kUnmap[] = {
    {EBUSY, StatusCode::kFailedPrecondition, "something on this node still has the device open"},
    {EINVAL, StatusCode::kUnavailable, "the kernel refused; dmesg says why"},
};

constexpr ErrnoRule kOpenDevice[] = {
    {ENOENT, StatusCode::kFailedPrecondition,
     "mapped, but without a node in /dev: give the node plugin the host's /dev"},
    {EACCES, StatusCode::kFailedPrecondition, "the node plugin must be privileged"},
    {EPERM, StatusCode::kFailedPrecondition, "the node plugin must be privileged"},
    {EBUSY, StatusCode::kUnavailable, "another program has the device open"},
    {EROFS, StatusCode::kFailedPrecondition, "the device is read-only"},
};

constexpr ErrnoRule kReadDevice[] = {
    {EIO, StatusCode::kUnavailable, "the device fails; dmesg and the cluster's health say why"},
    {ESHUTDOWN, StatusCode::kUnavailable, "this client is blocklisted"},
};

constexpr ErrnoRule kMount[] = {
    {EINVAL, StatusCode::kFailedPrecondition,
     "the kernel refused the file system or a mount option; dmesg says which"},
    {ENODEV, StatusCode::kFailedPrecondition, "this kernel has no module for the file system"},
    {EUCLEAN, StatusCode::kFailedPrecondition,
     "the file system is damaged; check it by hand, it is never formatted over"},
    {EROFS, StatusCode::kFailedPrecondition,
     "attached read-only, and its journal must be replayed first: it was not unmounted, or copied "
     "while it was mounted; attach it once for writing"},
    {EBUSY, StatusCode::kUnavailable, "another program has the device open"},
    {EPERM, StatusCode::kFailedPrecondition, "the node plugin must be privileged"},
};

constexpr ErrnoRule kUnmount[] = {
    {EBUSY, StatusCode::kFailedPrecondition, "a process still has files open in it"},
    {EPERM, StatusCode::kFailedPrecondition, "the node plugin must be privileged"},
};

constexpr ErrnoRule kPublish[] = {
    {ENOSYS, StatusCode::kFailedPrecondition, "Linux 5.12 or later is needed"},
    {EPERM, StatusCode::kFailedPrecondition, "the node plugin must be privileged"},
    {ENOENT, StatusCode::kFailedPrecondition, "the directory that holds the target is missing"},
    {ENOTDIR, StatusCode::kFailedPrecondition, "something else than a directory is in the way"},
    {EEXIST, StatusCode::kFailedPrecondition, "something else is at the target path"},
};

constexpr ErrnoRule kRemoveTarget[] = {
    {ENOTEMPTY, StatusCode::kFailedPrecondition,
     "the directory holds files that are not the volume's; they are never deleted"},
    {ENOTDIR, StatusCode::kFailedPrecondition, "not what was published"},
    {EBUSY, StatusCode::kFailedPrecondition, "it is a mount point in another mount namespace"},
};

constexpr ErrnoRule kGrow[] = {
    {EBUSY, StatusCode::kUnavailable, "another resize is running"},
    {EPERM, StatusCode::kFailedPrecondition,
     "the file system cannot grow while mounted; dmesg says why"},
    {EINVAL, StatusCode::kFailedPrecondition, "the file system does not take that size"},
    {EROFS, StatusCode::kFailedPrecondition, "it is mounted read-only"},
    {EOPNOTSUPP, StatusCode::kFailedPrecondition, "the file system cannot grow while mounted"},
};

constexpr ErrnoRule kOpenPath[] = {
    {ENOENT, StatusCode::kNotFound, "it is not there"},
    {ENOTDIR, StatusCode::kFailedPrecondition, "not a directory"},
    {ELOOP, StatusCode::kInvalidArgument, "symlinks are not followed"},
    {EXDEV, StatusCode::kInvalidArgument, "it leads out of the allowed directory"},
    {ENAMETOOLONG, StatusCode::kInvalidArgument, ""},
    {EACCES, StatusCode::kFailedPrecondition, "the node plugin must be privileged"},
    {ENOSYS, StatusCode::kFailedPrecondition, "Linux 5.12 or later is needed"},
};

constexpr char kWritableCgroup[] = "mount the host's /sys/fs/cgroup into the node plugin, writable";

constexpr ErrnoRule kIoController[] = {
    {EBUSY, StatusCode::kFailedPrecondition,
     "processes live in that cgroup itself; cgroup v2 allows none where controllers are passed on"},
    {EACCES, StatusCode::kFailedPrecondition, kWritableCgroup},
    {EPERM, StatusCode::kFailedPrecondition, kWritableCgroup},
    {EROFS, StatusCode::kFailedPrecondition, kWritableCgroup},
};

constexpr ErrnoRule kIoLimit[] = {
    {ENOENT, StatusCode::kUnavailable, "the pod's cgroup went away"},
    {ENODEV, StatusCode::kUnavailable, "the device went away"},
    {EINVAL, StatusCode::kFailedPrecondition, "the kernel does not take that value"},
    {ERANGE, StatusCode::kFailedPrecondition, "the kernel does not take that value"},
    {EACCES, StatusCode::kFailedPrecondition, kWritableCgroup},
    {EPERM, StatusCode::kFailedPrecondition, kWritableCgroup},
    {EROFS, StatusCode::kFailedPrecondition, kWritableCgroup},
};

}  // namespace

const ErrnoTable kMapErrors{"map image", kMap, std::size(kMap)};
const ErrnoTable kUnmapErrors{"unmap device", kUnmap, std::size(kUnmap)};
const ErrnoTable kOpenDeviceErrors{"open device", kOpenDevice, std::size(kOpenDevice)};
const ErrnoTable kReadDeviceErrors{"read device", kReadDevice, std::size(kReadDevice)};
const ErrnoTable kMountErrors{"mount", kMount, std::size(kMount)};
const ErrnoTable kUnmountErrors{"unmount", kUnmount, std::size(kUnmount)};
const ErrnoTable kPublishErrors{"publish at", kPublish, std::size(kPublish)};
const ErrnoTable kRemoveTargetErrors{"remove target", kRemoveTarget, std::size(kRemoveTarget)};
const ErrnoTable kGrowErrors{"grow file system", kGrow, std::size(kGrow)};
const ErrnoTable kOpenPathErrors{"open", kOpenPath, std::size(kOpenPath)};
const ErrnoTable kIoControllerErrors{"switch on the io controller in", kIoController,
                                     std::size(kIoController)};
const ErrnoTable kIoLimitErrors{"limit I/O by", kIoLimit, std::size(kIoLimit)};

std::vector<const ErrnoTable*> NodeErrnoTables() {
  return {&kMapErrors,   &kUnmapErrors,    &kOpenDeviceErrors,   &kReadDeviceErrors,
          &kMountErrors, &kUnmountErrors,  &kPublishErrors,      &kRemoveTargetErrors,
          &kGrowErrors,  &kOpenPathErrors, &kIoControllerErrors, &kIoLimitErrors};
}

}  // namespace rbdcsi

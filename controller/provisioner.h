// CreateVolume, DeleteVolume and expansion as decisions over looks and steps.
//
// The image is the record: its name is a pure function of the volume's name, so creating is atomic
// on it, and a second controller, a repeat after a crash and a repairer all meet at the same
// object. Every round looks, decides (a pure function, tested alone) and takes one step; each step
// is a compare-and-set or harmless to repeat, so losing a race means to look again. Blocking; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controller/cloner.h"
#include "controller/image_store.h"
#include "controller/snapshot_store.h"
#include "controller/volume_record.h"
#include "csi/capability.h"

namespace rbdcsi {

struct VolumeSpec {
  std::string image;  // its name
  SizeRange range;
  ImageSpec spec;  // with the size to make
  VolumeRecord record;
  // Of a volume from a snapshot or a volume; an error (the source is gone, say) only counts when
  // the volume is not there already.
  std::optional<absl::StatusOr<CloneSource>> source;
};

enum class CreateStep {
  kMake,          // nothing of this name
  kAnswer,        // there, and the same volume
  kFinishDelete,  // there, on its way out
  kClearName,     // an id without a header, left by a creator that died
  kInspect,       // a header without a record
};

struct Clock {
  absl::Time now;
  absl::Duration grace;  // how old a half-made image must be before it counts as left behind
};

// ALREADY_EXISTS: another volume or somebody's image. ABORTED: maybe still being made.
absl::StatusOr<CreateStep> DecideCreate(const Sight& sight, const VolumeSpec& wanted,
                                        const Clock& clock);

class Provisioner {
 public:
  explicit Provisioner(absl::Duration half_made_grace) : grace_(half_made_grace) {}

  // The size of the volume that now exists. `pool.snapshots` is for volumes from a source only.
  absl::StatusOr<uint64_t> Create(const PoolStores& pool, VolumeSpec wanted);
  absl::Status Delete(ImageStore& store, const std::string& image);
  // The size after it; never shrinks.
  absl::StatusOr<uint64_t> Expand(ImageStore& store, const std::string& image,
                                  const SizeRange& range);

 private:
  enum class Attempt { kDone, kNameTaken, kLost };
  absl::Status Advance(const PoolStores& pool, VolumeSpec& wanted, const Sight& sight,
                       CreateStep step);
  absl::StatusOr<Attempt> Make(const PoolStores& pool, VolumeSpec& wanted);
  absl::StatusOr<Attempt> Finish(const PoolStores& pool, const VolumeSpec& wanted,
                                 const std::string& id, const std::optional<CloneBase>& base);
  absl::StatusOr<std::optional<CloneBase>> PrepareSource(
      VolumeSpec& wanted, const std::optional<class_calls::Parent>& half_made);
  absl::Status Settle(const PoolStores& pool, VolumeSpec& wanted, const Sight& sight);
  absl::Status ReplaceHalfMade(ImageStore& store, const class_calls::NameAndId& image);
  absl::Status GiveUp(ImageStore& store, const class_calls::NameAndId& image,
                      const absl::Status& why);
  absl::StatusOr<bool> DeleteOnce(ImageStore& store, const std::string& image);
  absl::Status FinishDelete(ImageStore& store, const std::string& image, const Sight& sight);

  absl::Duration grace_;
  Cloner cloner_;
};

// True when the guard says that the image is going away.
bool IsBeingDeleted(const Sight& sight);
// The clients other than this one that have the image open or mapped.
std::vector<std::string> OtherClients(const ImageStore& store, const Sight& sight);
// The guard's holders: node ids, and what else has it.
std::string Holders(const Sight& sight);
// ABORTED: the guard is held by a controller that switches the image's features.
absl::Status CheckNotModified(const Sight& sight);
// True when `sight` is a volume: an image of ours with its record, or any image of another name.
bool IsVolume(const Sight& sight, const std::string& image);

}  // namespace rbdcsi

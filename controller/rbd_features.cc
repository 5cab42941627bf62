#include "controller/rbd_features.h"

#include "controller/pool_errors.h"
#include "csi/status.h"
#include "csi/step.h"

namespace rbdcsi {
namespace {

int NoProgress(uint64_t, uint64_t, void*) { return 0; }

}  // namespace

absl::Status SwitchImageFeatures(Pool& pool, const std::string& id, const FeatureSwitch& features) {
  constexpr CephOperation kOperation = CephOperation::kFeatures;
  const std::string object = SpecById(pool, id);
  ASSIGN_OR_RETURN(Image image, Image::OpenById(pool, id, Image::Mode::kReadWrite, kOperation));
  uint64_t now = 0;
  RETURN_IF_ERROR(Check(pool, kOperation, rbd_get_features(image.get(), &now), object));
  if (const uint64_t off = features.off & now; off != 0) {
    const Step step("switch image features off");
    RETURN_IF_ERROR(Check(pool, kOperation, rbd_update_features(image.get(), off, 0), object));
  }
  if (const uint64_t on = features.on & ~now; on != 0) {
    const Step step("switch image features on");
    RETURN_IF_ERROR(Check(pool, kOperation, rbd_update_features(image.get(), on, 1), object));
  }
  uint64_t flags = 0;
  RETURN_IF_ERROR(Check(pool, kOperation, rbd_get_flags(image.get(), &flags), object));
  if ((flags & (RBD_FLAG_OBJECT_MAP_INVALID | RBD_FLAG_FAST_DIFF_INVALID)) == 0) {
    return absl::OkStatus();
  }
  const Step step("rebuild object map");
  return Check(pool, kOperation, rbd_rebuild_object_map(image.get(), NoProgress, nullptr), object);
}

}  // namespace rbdcsi

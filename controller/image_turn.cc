#include "controller/image_turn.h"

#include <algorithm>
#include <cerrno>

#include "controller/ceph_handles.h"
#include "controller/image_header.h"
#include "controller/pool_errors.h"
#include "csi/status.h"
#include "csi/step.h"

namespace rbdcsi {

ImageTurns::Turn ImageTurns::Take(std::vector<std::string> images) {
  const auto are_free = [this, &images]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::none_of(images.begin(), images.end(),
                        [this](const std::string& image) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
                          return taken_.contains(image);
                        });
  };
  absl::MutexLock hold(&mutex_);
  if (!are_free()) {
    const Step step("wait for another use of the image");
    mutex_.Await(absl::Condition(&are_free));
  }
  taken_.insert(images.begin(), images.end());
  return Turn(this, std::move(images));
}

ImageTurns::Turn::~Turn() {
  if (turns_ != nullptr) {
    absl::MutexLock hold(&turns_->mutex_);
    for (const std::string& image : images_) {
      turns_->taken_.erase(image);
    }
  }
}

ImageTurns::Turn TakeTurn(Pool& pool, const std::string& image_id) {
  return pool.cluster().turns().Take({SpecById(pool, image_id)});
}

absl::StatusOr<ImageTurns::Turn> TakeTurnWithParent(Pool& pool, const std::string& image_id,
                                                    CephOperation operation) {
  image_header::Header header;
  const int r = image_header::ReadHeader(pool, image_id, &header);
  const std::string image = SpecById(pool, image_id);
  if (r != -ENOENT) {
    RETURN_IF_ERROR(Check(pool, operation, r, image));
  }
  std::vector<std::string> images = {image};
  if (header.parent.has_value()) {
    const class_calls::Parent& parent = *header.parent;
    ASSIGN_OR_RETURN(const Pool home, pool.Sibling(parent.pool, parent.rados_namespace));
    images.push_back(SpecById(home, parent.image_id));
  }
  return pool.cluster().turns().Take(std::move(images));
}

}  // namespace rbdcsi

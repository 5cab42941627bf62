// The images that are to lose their parent in the background: one table per pool and namespace.
//
// The object `rbd-csi.flatten` has an omap key per image id; its value says why, since when, and
// how far it is. A mark outlives the process that made it; one without an image, or without a
// parent, is dropped by the flattener. Results of the functions at the end are 0 or a
// negative errno as the OSD gave it. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "controller/ceph_handles.h"

namespace rbdcsi {

struct FlattenMark {
  enum class Why {
    kChain,      // too many clones stand on one another; lapses when the chain became shorter
    kSnapshots,  // its parent has too many snapshots, one of which only this clone holds
  };
  std::string image_id;
  Why why = Why::kChain;
  absl::Time since;  // the earliest go first
  int percent = 0;   // as the one who flattens it has last said

  std::string ToJson() const;
  // Nullopt: not a mark, or of a version newer than ours.
  static std::optional<FlattenMark> FromJson(std::string_view image_id, std::string_view text);
};

namespace flatten_marks {

inline constexpr char kObject[] = "rbd-csi.flatten";

// All of them, the earliest first.
int Read(Pool& pool, std::vector<FlattenMark>* marks);
// One of them; nullopt: not marked.
int ReadOne(Pool& pool, const std::string& image_id, std::optional<FlattenMark>* mark);
// `only_new`: ECANCELED when the image is marked already.
int Write(Pool& pool, const FlattenMark& mark, bool only_new);
int Remove(Pool& pool, const std::string& image_id);

}  // namespace flatten_marks
}  // namespace rbdcsi

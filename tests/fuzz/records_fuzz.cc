// What the driver keeps on images and in tables of a pool: others can write there too, and an older
// or a newer driver has.
#include "controller/flatten_marks.h"
#include "controller/volume_record.h"
#include "tests/fuzz/fuzz.h"

namespace rbdcsi::fuzz {
namespace {

void CheckRecord(const VolumeRecord& record) {
  const auto again = VolumeRecord::FromJson(record.ToJson());
  HOLDS(again.has_value());
  HOLDS(Difference(record, *again).empty());
  HOLDS(again->depth == record.depth && again->pvc == record.pvc && again->pv == record.pv);
  HOLDS(again->tunables == record.tunables);
}

void CheckMark(const FlattenMark& mark) {
  const auto again = FlattenMark::FromJson("id", mark.ToJson());
  HOLDS(again.has_value());
  HOLDS(again->why == mark.why && again->since == mark.since && again->percent == mark.percent);
}

}  // namespace

void Fuzz(std::string_view input) {
  const auto record = VolumeRecord::FromJson(input);
  if (record.has_value()) {
    CheckRecord(*record);
  }
  if (const auto mark = FlattenMark::FromJson("id", input)) {
    CheckMark(*mark);
  }
}

}  // namespace rbdcsi::fuzz

#include "node/publish_rules.h"

namespace rbdcsi {

bool ManyTargets(AccessMode mode) {
  switch (mode) {
    case AccessMode::kMultiNodeReaderOnly:
    case AccessMode::kMultiNodeSingleWriter:
    case AccessMode::kMultiNodeMultiWriter:
    case AccessMode::kSingleNodeMultiWriter:
      return true;
    case AccessMode::kSingleNodeWriter:
    case AccessMode::kSingleNodeReaderOnly:
    case AccessMode::kSingleNodeSingleWriter:
      return false;
  }
  return false;
}

PublishDecision DecidePublish(const PublishSituation& situation) {
  switch (situation.at_target) {
    case AtTarget::kForeign:
      return PublishDecision::kTargetOccupied;
    case AtTarget::kSame:
      return PublishDecision::kDone;
    case AtTarget::kDifferent:
      return PublishDecision::kAlreadyExists;
    case AtTarget::kNothing:
      break;
  }
  return situation.elsewhere && !ManyTargets(situation.mode) ? PublishDecision::kOneTargetOnly
                                                             : PublishDecision::kPublish;
}

}  // namespace rbdcsi

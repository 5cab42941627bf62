// What a publish finds already there, and what to answer: the table of the CSI spec ("Second
// publish of the same volume", NodePublishVolume), as a pure function.
//
// MULTI_NODE_* and SINGLE_NODE_MULTI_WRITER may have any number of targets on a node; the other
// modes have one. SINGLE_NODE_WRITER is among these: Kubernetes sends SINGLE_NODE_MULTI_WRITER for
// ReadWriteOnce to a driver that has the capability, as this one. Pure; any thread.
#pragma once

#include "csi/capability.h"

namespace rbdcsi {

enum class AtTarget {
  kNothing,
  kSame,       // this volume, with the same access
  kDifferent,  // this volume, with other access type or readonly
  kForeign,    // something else
};

struct PublishSituation {
  AccessMode mode = AccessMode::kSingleNodeWriter;
  AtTarget at_target = AtTarget::kNothing;
  bool elsewhere = false;  // the volume is published at another target of this node
};

enum class PublishDecision {
  kPublish,
  kDone,            // OK without doing anything
  kAlreadyExists,   // ALREADY_EXISTS
  kOneTargetOnly,   // FAILED_PRECONDITION
  kTargetOccupied,  // FAILED_PRECONDITION
};

PublishDecision DecidePublish(const PublishSituation& situation);

// True when the mode lets a node have the volume at several targets.
bool ManyTargets(AccessMode mode);

}  // namespace rbdcsi

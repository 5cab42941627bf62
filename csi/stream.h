// What a handler of a server stream writes to: csi/rpc.h's border gives it one for a call.
//
// The serving thread only. A stream that ends well has sent everything, so a handler returns every
// error it meets, these included. Without gRPC, so that handlers can be called from a test.
#pragma once

#include "absl/status/status.h"

namespace rbdcsi {

template <class Message>
class Outlet {
 public:
  virtual ~Outlet() = default;
  // Waits for a client that reads slowly. CANCELLED: the client is gone or out of patience.
  virtual absl::Status Send(const Message& message) = 0;
  // For work between two messages. CANCELLED: as Send.
  virtual absl::Status CheckWanted() = 0;
};

}  // namespace rbdcsi

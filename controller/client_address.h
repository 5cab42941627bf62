// The addresses by which Ceph knows clients, "192.0.2.11:0/123" or "[2001:db8::1]:0/123", with or
// without the protocol in front ("v2:"). Pure; any thread.
#pragma once

#include <string>

namespace rbdcsi {

// True when `address` is that of a client at this IP.
bool IsAtAddress(const std::string& address, const std::string& ip);

}  // namespace rbdcsi

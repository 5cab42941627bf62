#include "controller/client_address.h"

#include "absl/strings/match.h"

namespace rbdcsi {

bool IsAtAddress(const std::string& address, const std::string& ip) {
  // Ceph may put the protocol before the address ("v2:192.0.2.11:0/123").
  const size_t bracket = address.find('[');
  if (bracket != std::string::npos) {
    return address.substr(bracket + 1, address.find(']') - bracket - 1) == ip;
  }
  const size_t begin = absl::StartsWith(address, "v") ? address.find(':') + 1 : 0;
  return address.substr(begin, address.find(':', begin) - begin) == ip;
}

}  // namespace rbdcsi

// A secret that nobody can guess but who reads this file: where it shows up, a secret has leaked.
// Pure; one thread.
#pragma once

#include <google/protobuf/message.h>

#include <string_view>

namespace rbdcsi::fuzz {

// Base64 of 24 bytes, so that it also passes for a Ceph key until its bytes are looked at.
inline constexpr std::string_view kCanary = "Y2FuYXJ5LW9mLXRoZS1mdXp6ZXJzLTI0";

enum class Plant {
  kSecrets,  // what is a secret by the interface
  kHidden,   // also what no log line may show: mount flags and values of the volume context
};

// Puts the canary in place of what is there; a Ceph user's name stays, it is none.
void PlantCanary(google::protobuf::Message& message, Plant where);

}  // namespace rbdcsi::fuzz

// The Ceph that the live tests talk to, and raw librbd beside ours to compare with.
//
// Needs the environment variable CEPH_CONF of a cluster with a pool "store" and the key of
// client.admin in the keyring the file names. Without it every case fails: a live test that did not
// run must not look like one that passed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "controller/ceph_handles.h"
#include "controller/image_store.h"
#include "controller/provisioner.h"
#include "tests/catch.h"

namespace rbdcsi::live {

// Connected once for the whole run; throws with the reason when there is no Ceph.
std::shared_ptr<Cluster> Connected();
// A second client of the same cluster: another controller, or somebody's `rbd`.
std::shared_ptr<Cluster> AnotherClient();

Pool OpenPool(const std::shared_ptr<Cluster>& cluster);
std::unique_ptr<ImageStore> OpenStore(const std::shared_ptr<Cluster>& cluster);

// "csi.<word>-<number>", never given twice in a run.
std::string FreshImage(const std::string& word);
VolumeSpec SpecFor(const std::string& image);
// Provisioner::Create with the snapshots of the pool "store" beside `images`.
absl::StatusOr<uint64_t> Create(Provisioner provisioner, ImageStore& images,
                                const VolumeSpec& wanted);

// The OSD's count of client operations, from its admin socket.
uint64_t OsdOperations();

// What librbd itself says and does.
void RawCreate(Pool& pool, const std::string& image, uint64_t size, uint64_t features);
std::string RawId(Pool& pool, const std::string& image);
void RawWrite(Pool& pool, const std::string& image);
bool RawOpens(Pool& pool, const std::string& image);
void RemoveObject(Pool& pool, const std::string& object);
bool ObjectExists(Pool& pool, const std::string& object);

// The value, or the case fails with the status' text.
template <class T>
T Must(absl::StatusOr<T> result) {
  INFO(result.status().ToString());
  REQUIRE(result.ok());
  return *std::move(result);
}
inline void Must(const absl::Status& status) {
  INFO(status.ToString());
  REQUIRE(status.ok());
}

}  // namespace rbdcsi::live

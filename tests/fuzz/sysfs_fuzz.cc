// What krbd shows of its devices: anybody may have mapped them, and one that is being removed shows
// only a part.
#include "absl/strings/str_cat.h"
#include "node/krbd_line.h"
#include "node/krbd_sysfs.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/text.h"

namespace rbdcsi::fuzz {
namespace {

constexpr const char* kFiles[] = {"name",        "pool",  "pool_ns", "current_snap",
                                  "config_info", "major", "minor",   "size"};

// A sysfs with two devices at most: 0 is as the input has it, 7 as this driver maps one.
class Sysfs {
 public:
  Sysfs() {
    for (const char* name : {"bus", "bus/rbd", "bus/rbd/devices", "block", "block/rbd0",
                             "block/rbd0/holders", "block/rbd7"}) {
      scratch_.Directory(name);
    }
  }
  KrbdOptions options() const { return {.sysfs = scratch_.path(), .dev = "/nonexistent"}; }

  void Show(const std::string& id, const Fields& files) {
    scratch_.Directory(absl::StrCat("bus/rbd/devices/", id));
    for (const char* name : kFiles) {
      const std::string path = absl::StrCat("bus/rbd/devices/", id, "/", name);
      if (const auto file = files.find(name); file != files.end()) {
        scratch_.File(path, file->second + "\n");
      } else {
        scratch_.Remove(path);
      }
    }
    scratch_.File(absl::StrCat("block/rbd", id, "/ro"), Get(files, "ro") + "\n");
  }

 private:
  Scratch scratch_;
};

Fields FilesOf(const VolumeId& volume) {
  const auto line = MakeKrbdLine({.volume = volume,
                                  .monitors = "192.0.2.1:3300",
                                  .credentials = {.user = "node", .key = "c2VjcmV0"},
                                  .options = ""},
                                 absl::Seconds(60));
  HOLDS(line.ok());
  return {{"name", volume.image}, {"pool", volume.pool}, {"pool_ns", volume.rados_namespace},
          {"current_snap", "-"},  {"major", "252"},      {"minor", "112"},
          {"size", "1073741824"}, {"ro", "0"},           {"config_info", line->text}};
}

void CheckFound(const KrbdDevice& found, const Fields& files, const VolumeId& volume) {
  HOLDS(Get(files, "name") == volume.image && Get(files, "pool") == volume.pool);
  HOLDS(Get(files, "pool_ns") == volume.rados_namespace && Get(files, "current_snap") == "-");
  HOLDS(IsOurs(found.config_info, volume.cluster));
  HOLDS(found.device.name == "rbd" + found.device.id);
  HOLDS(found.device.path == "/nonexistent/" + found.device.name);
  HOLDS(found.device.read_only == (Get(files, "ro") == "1"));
}

}  // namespace

void Fuzz(std::string_view input) {
  static Sysfs sysfs;
  static const VolumeId volume = {"prod", "rbd", "k8s", "csi.pvc-1"};
  static const Fields own = FilesOf(volume);
  const Fields foreign = ParseFields(input);
  sysfs.Show("0", foreign);
  sysfs.Show("7", {});
  const auto alone = FindKrbdDevice(sysfs.options(), volume);
  HOLDS(alone.ok());
  if (alone->has_value()) {
    CheckFound(**alone, foreign, volume);
  }
  // Beside whatever else there is, the volume's own device is found.
  sysfs.Show("7", own);
  const auto both = FindKrbdDevice(sysfs.options(), volume);
  HOLDS(both.ok() && both->has_value());
  HOLDS((*both)->device.id == "7" || alone->has_value());
  HOLDS(HoldersOf(sysfs.options(), "rbd0").empty());
}

}  // namespace rbdcsi::fuzz

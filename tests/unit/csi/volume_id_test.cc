#include "csi/volume_id.h"

#include <set>

#include "tests/catch.h"

namespace rbdcsi {

TEST_CASE("a volume id survives being written and read") {
  for (const VolumeId& id :
       {VolumeId{"main", "rbd", "", "csi.pvc-1"}, VolumeId{"main", "rbd", "team-a", "csi.pvc-1"},
        VolumeId{"c", "p", "", "my image=\xC3\xBC"}}) {
    CHECK(VolumeId::Parse(id.ToString()) == id);
  }
  CHECK(VolumeId{"main", "rbd", "", "i"}.ToString() == "main/rbd/i");
  CHECK(VolumeId{"main", "rbd", "ns", "i"}.ToString() == "main/rbd/ns/i");
}

TEST_CASE("messages spell a volume as rbd does") {
  CHECK(VolumeId{"main", "rbd", "", "i"}.Spec() == "rbd/i");
  CHECK(VolumeId{"main", "rbd", "ns", "i"}.Spec() == "rbd/ns/i");
}

TEST_CASE("hostile and foreign ids name no volume") {
  for (const std::string text :
       {"",
        "fake-vol-id",
        "a/b",
        "a/b/c/d/e",
        "/b/c",
        "a//c",
        "../b/c",
        "a/./c",
        "a/b/..",
        "a/b/",
        "a/b//d",
        "-a/b/c",
        "a/-b/c",
        "a/b/-c",
        "a/b/--snap",
        "a/b/c@snap",
        "a/b@s/c",
        "a/b/c\n",
        "a/b/c\x7F",
        "a/\tb/c",
        "0001-0009-rook-ceph-0000000000000002-b0285c97-a0ce-11eb-8c66-0242ac110002"}) {
    INFO(text);
    CHECK_FALSE(VolumeId::Parse(text).has_value());
  }
  CHECK_FALSE(VolumeId::Parse(std::string("a/b/c\0d", 7)).has_value());
}

TEST_CASE("an id has at most 128 bytes") {
  const std::string longest = "a/b/" + std::string(kMaxIdBytes - 4, 'i');
  CHECK(VolumeId::Parse(longest).has_value());
  CHECK_FALSE(VolumeId::Parse(longest + "i").has_value());
}

TEST_CASE("plain names stay readable") {
  CHECK(ImageNameFor("pvc-0a1b") == "csi.pvc-0a1b");
  CHECK(ImageNameFor("A_b.C-9") == "csi.A_b.C-9");
  CHECK(ImageNameFor(std::string(48, 'x')) == "csi." + std::string(48, 'x'));
}

TEST_CASE("other names become the first 40 digits of their SHA-256") {
  // printf 'a b' | sha256sum
  CHECK(ImageNameFor("a b") == "csi.=c8687a08aa5d6ed2044328fa6a697ab8e96dc342");
  CHECK(ImageNameFor("-x").rfind("csi.=", 0) == 0);
  CHECK(ImageNameFor("").size() == 45);
  CHECK(ImageNameFor(std::string(49, 'x')).size() == 45);
  CHECK(ImageNameFor("\xC3\xBC/\n@").size() == 45);
}

TEST_CASE("different names get different images that fit into ids") {
  std::set<std::string> images;
  std::set<std::string> names;
  for (int size = 0; size < 140; ++size) {
    for (const char c : {'a', 'b', '-', '=', '/', '@', ' '}) {
      names.insert(std::string(size, c));
    }
  }
  for (const std::string& name : names) {
    const std::string image = ImageNameFor(name);
    images.insert(image);
    const auto id = VolumeId::Parse("cluster/pool/" + image);
    REQUIRE(id.has_value());
    CHECK(id->image == image);
  }
  CHECK(images.size() == names.size());
}

}  // namespace rbdcsi

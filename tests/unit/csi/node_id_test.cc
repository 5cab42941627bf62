#include "csi/node_id.h"

#include "tests/catch.h"

namespace rbdcsi {

TEST_CASE("a node id survives being written and read") {
  for (const NodeId& id : {NodeId{"node-1", "192.0.2.11"}, NodeId{"a.example", "2001:db8::1"},
                           NodeId{"node-1", "192.0.2.11", 4294967295}}) {
    CHECK(NodeId::Parse(id.ToString()) == id);
  }
  CHECK(NodeId{"node-1", "192.0.2.11"}.ToString() == "v1/node-1/192.0.2.11");
  CHECK(NodeId{"node-1", "192.0.2.11", 25}.ToString() == "v1/node-1/192.0.2.11/25");
}

TEST_CASE("any other text is no node of ours") {
  for (const std::string text : {"",
                                 "node-1",
                                 "some-fake-node-id",
                                 "v1/node-1",
                                 "v2/node-1/192.0.2.11",
                                 "v1//192.0.2.11",
                                 "v1/node-1/",
                                 "v1/node-1/192.0.2.11/x",
                                 "v1/node-1/192.0.2.11/",
                                 "v1/node-1/192.0.2.11/0",
                                 "v1/node-1/192.0.2.11/07",
                                 "v1/node-1/192.0.2.11/-1",
                                 "v1/node-1/192.0.2.11/+7",
                                 "v1/node-1/192.0.2.11/4294967296",
                                 "v1/node-1/192.0.2.11/7/7",
                                 "v1/node-1/192.0.2",
                                 "v1/node-1/192.0.2.011",
                                 "v1/node-1/[2001:db8::1]",
                                 "v1/node-1/2001:DB8::1",
                                 "v1/node-1/2001:db8:0::1",
                                 "v1/node 1/192.0.2.11",
                                 "v1/node\n/192.0.2.11"}) {
    INFO(text);
    CHECK_FALSE(NodeId::Parse(text).has_value());
  }
}

TEST_CASE("a node id has at most 192 bytes") {
  const std::string name(192 - std::string("v1//192.0.2.11").size(), 'n');
  CHECK(NodeId::Parse("v1/" + name + "/192.0.2.11").has_value());
  CHECK_FALSE(NodeId::Parse("v1/" + name + "n/192.0.2.11").has_value());
}

}  // namespace rbdcsi

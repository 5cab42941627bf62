#include "csi/credentials.h"

#include <sys/stat.h>

#include <filesystem>

#include "tests/catch.h"
#include "tests/unit/csi/process.h"

namespace rbdcsi {
namespace {

using Secrets = google::protobuf::Map<std::string, std::string>;

constexpr char kKey[] = "QVFDYW5hcnlrZXlmb3J0ZXN0c29ubHkxMjM0NTY=";

Secrets Both(const std::string& user, const std::string& key) {
  Secrets secrets;
  secrets["userID"] = user;
  secrets["userKey"] = key;
  return secrets;
}

// A keys directory with one cluster, "main".
class Keys {
 public:
  Keys() { std::filesystem::create_directory(dir_ / "main"); }
  ~Keys() {
    for (const char* file : {"main/userID", "main/userKey"}) {
      std::filesystem::remove(dir_ / file);
    }
  }
  void Write(const char* file, const std::string& text) const {
    WriteFile(dir_ / ("main/" + std::string(file)), text);
  }
  const std::string& path() const { return dir_.path(); }

 private:
  TempDir dir_;
};

}  // namespace

TEST_CASE("a request's secrets win over the directory") {
  const Keys keys;
  keys.Write("userID", "from-directory");
  keys.Write("userKey", kKey);
  const auto found = FindCredentials(Both("from-request", kKey), keys.path(), "main");
  CHECK(found.value() == Credentials{"from-request", kKey});
}

TEST_CASE("the directory is read at each use, without its line ends") {
  const Keys keys;
  keys.Write("userID", "one\n");
  keys.Write("userKey", std::string(kKey) + " \r\n");
  CHECK(FindCredentials({}, keys.path(), "main").value() == Credentials{"one", kKey});
  keys.Write("userID", "two");
  CHECK(FindCredentials({}, keys.path(), "main").value() == Credentials{"two", kKey});
}

TEST_CASE("half of the secrets is refused") {
  Secrets secrets;
  secrets["userKey"] = kKey;
  const absl::Status status = FindCredentials(secrets, "/nowhere", "main").status();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(std::string(status.message()), Catch::Matchers::Contains("only one of userID"));
}

TEST_CASE("without any key the answer names the places that were looked at") {
  const Keys keys;
  const absl::Status status = FindCredentials({}, keys.path(), "main").status();
  CHECK(status.code() == absl::StatusCode::kUnauthenticated);
  CHECK_THAT(std::string(status.message()),
             Catch::Matchers::Contains(keys.path() + "/main/userID: No such file") &&
                 Catch::Matchers::Contains(keys.path() + "/main/userKey") &&
                 Catch::Matchers::Contains("the keys userID and userKey"));
  keys.Write("userID", "one");
  keys.Write("userKey", "\n");
  CHECK_THAT(std::string(FindCredentials({}, keys.path(), "main").status().message()),
             Catch::Matchers::Contains("/main/userKey: empty"));
  CHECK_THAT(std::string(FindCredentials({}, "", "main").status().message()),
             Catch::Matchers::Contains("--keys"));
}

TEST_CASE("a key that is not base64 is refused and not repeated") {
  for (const std::string key : {"not*base64==", "abc", "", "ab cd ef", "AQ=A"}) {
    const absl::Status status = FindCredentials(Both("user", key), "", "main").status();
    INFO(key);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK((key.empty() || status.message().find(key) == absl::string_view::npos));
  }
}

TEST_CASE("a user that would break an option list is refused") {
  for (const char* user : {"", "a,name=admin", "a b", "a=b"}) {
    CHECK(FindCredentials(Both(user, kKey), "", "main").status().code() ==
          absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("a cluster's name cannot leave the directory") {
  const Keys keys;
  keys.Write("userID", "one");
  keys.Write("userKey", kKey);
  for (const char* cluster : {"", ".", "..", "../main", "main/../main", "/main"}) {
    CHECK(FindCredentials({}, keys.path(), cluster).status().code() ==
          absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace rbdcsi

#include "node/krbd_line.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "csi/map_options.h"
#include "csi/status.h"

namespace rbdcsi {
namespace {

constexpr absl::string_view kLockOnRead = "lock_on_read";
// The kernel copies at most one page.
constexpr size_t kMaxLine = 4000;

template <class List>
bool In(const List& list, absl::string_view key) {
  return std::any_of(list.begin(), list.end(),
                     [key](std::string_view entry) { return Sv(entry) == key; });
}

// Spaces end a word of the kernel's line, a zero byte ends the line; nothing quotes them.
bool EndsWord(char c) { return absl::ascii_isspace(c) || absl::ascii_iscntrl(c); }

absl::StatusOr<std::vector<std::string>> UserOptions(absl::string_view text) {
  std::vector<std::string> options;
  for (absl::string_view option : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    option = absl::StripAsciiWhitespace(option);
    const absl::string_view key = option.substr(0, option.find('='));
    if (In(kImpliedMapOptions, option)) {
      continue;
    }
    if (!In(kKernelMapOptions, key) || std::any_of(option.begin(), option.end(), EndsWord)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "map option \"", key, "\": not allowed (docs/parameters.md lists those that are)"));
    }
    options.emplace_back(option);
  }
  return options;
}

absl::Status CheckWord(absl::string_view what, absl::string_view word, bool in_options) {
  const auto bad = [&](char c) { return EndsWord(c) || (in_options && c == ','); };
  if (word.empty() || std::any_of(word.begin(), word.end(), bad)) {
    return absl::FailedPreconditionError(absl::StrCat("map image: the kernel cannot take the ",
                                                      what, " \"", word,
                                                      "\" (no spaces, commas or control "
                                                      "characters; rename it)"));
  }
  return absl::OkStatus();
}

bool UsesMessenger2(absl::string_view monitors) {
  for (absl::string_view monitor : absl::StrSplit(monitors, ',')) {
    if (absl::EndsWith(monitor, ":3300")) {
      return true;
    }
  }
  return false;
}

std::string Escaped(absl::string_view text) {
  std::string result;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.') {
      result += c;
    } else {
      absl::StrAppendFormat(&result, "%%%02x", static_cast<unsigned char>(c));
    }
  }
  return result;
}

// The words of config_info or of a line: monitors, options, pool, image, snapshot.
std::vector<absl::string_view> OptionsOf(absl::string_view line) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::StripAsciiWhitespace(line), ' ', absl::SkipEmpty());
  if (words.size() < 2) {
    return {};
  }
  return absl::StrSplit(words[1], ',');
}

absl::Status CheckWords(const MapRequest& request) {
  RETURN_IF_ERROR(CheckWord("list of monitors", request.monitors, false));
  RETURN_IF_ERROR(CheckWord("user", request.credentials.user, true));
  RETURN_IF_ERROR(CheckWord("pool", request.volume.pool, false));
  RETURN_IF_ERROR(CheckWord("image", request.volume.image, false));
  if (!request.volume.rados_namespace.empty()) {
    RETURN_IF_ERROR(CheckWord("namespace", request.volume.rados_namespace, true));
  }
  return absl::OkStatus();
}

}  // namespace

std::string KeyMark(absl::string_view cluster) {
  return absl::StrCat("rbd-csi/", Escaped(cluster), "/");
}

std::string KeyDescription(absl::string_view cluster, absl::string_view user) {
  return absl::StrCat(KeyMark(cluster), Escaped(user));
}

absl::StatusOr<KrbdLine> MakeKrbdLine(const MapRequest& request, absl::Duration timeout) {
  RETURN_IF_ERROR(CheckWords(request));
  ASSIGN_OR_RETURN(const std::vector<std::string> user, UserOptions(request.options));
  const Credentials& credentials = request.credentials;
  const int64_t seconds = std::max<int64_t>(1, absl::ToInt64Seconds(timeout));
  KrbdLine line;
  std::vector<std::string> options = {
      absl::StrCat("name=", credentials.user),
      absl::StrCat("key=", KeyDescription(request.volume.cluster, credentials.user)),
      "noshare",
      // Bounds the wait for the monitors; half, so that there is time left to say so.
      absl::StrCat("mount_timeout=", std::max<int64_t>(1, seconds / 2)),
  };
  if (request.read_only) {
    options.push_back("ro");
  } else {
    // The lock is taken while mapping (so its owner can be fenced before the first write), and a
    // dead owner keeps it for 30 s.
    options.push_back(std::string(request.exclusive ? kExclusive : kLockOnRead));
    options.push_back(absl::StrCat("lock_timeout=", seconds));
    line.lock_on_read = !request.exclusive;
  }
  if (UsesMessenger2(request.monitors) && !absl::StrContains(request.options, "ms_mode=")) {
    options.push_back("ms_mode=prefer-crc");
  }
  if (!request.volume.rados_namespace.empty()) {
    options.push_back(absl::StrCat("_pool_ns=", request.volume.rados_namespace));
  }
  options.insert(options.end(), user.begin(), user.end());
  line.text = absl::StrCat(request.monitors, " ", absl::StrJoin(options, ","), " ",
                           request.volume.pool, " ", request.volume.image, " -");
  if (line.text.size() > kMaxLine) {
    return absl::InvalidArgumentError("map image: monitors and options are longer than a page");
  }
  return line;
}

std::string WithoutLockOnRead(const KrbdLine& line) {
  std::vector<std::string> words = absl::StrSplit(line.text, ' ');
  std::vector<std::string> options = absl::StrSplit(words.at(1), ',');
  std::erase(options, kLockOnRead);
  words[1] = absl::StrJoin(options, ",");
  return absl::StrJoin(words, " ");
}

bool IsOurs(absl::string_view config_info, absl::string_view cluster) {
  const std::string mark = absl::StrCat("key=", KeyMark(cluster));
  const std::vector<absl::string_view> options = OptionsOf(config_info);
  return std::any_of(options.begin(), options.end(), [&](absl::string_view option) {
    return absl::StartsWith(option, mark) &&
           option.substr(mark.size()).find('/') == absl::string_view::npos;
  });
}

bool HasMapOption(absl::string_view line, absl::string_view option) {
  const std::vector<absl::string_view> options = OptionsOf(line);
  return std::find(options.begin(), options.end(), option) != options.end();
}

bool SameOptions(absl::string_view config_info, absl::string_view line) {
  std::vector<absl::string_view> have = OptionsOf(config_info);
  std::vector<absl::string_view> want = OptionsOf(line);
  std::erase(have, kLockOnRead);
  std::erase(want, kLockOnRead);
  std::sort(have.begin(), have.end());
  std::sort(want.begin(), want.end());
  return have == want;
}

}  // namespace rbdcsi

// What the controller told the node through Kubernetes: the node reads what was written, and
// whatever else has come of it is refused by name.
#include "absl/strings/match.h"
#include "csi/publish_context.h"
#include "tests/fuzz/fields.h"
#include "tests/fuzz/fuzz.h"

namespace rbdcsi::fuzz {

void Fuzz(std::string_view input) {
  const PublishContext::Map map = ParseFields(input);
  const auto context = PublishContext::FromMap(map);
  if (!context.ok()) {
    HOLDS(absl::IsInvalidArgument(context.status()));
    HOLDS(absl::StartsWith(context.status().message(), "publish_context "));
    return;
  }
  HOLDS(!context->monitors.empty() && !context->pool.empty() && !context->image.empty());
  const auto again = PublishContext::FromMap(context->ToMap());
  HOLDS(again.ok() && *again == *context);
  // NodePublishVolume reads the limits alone.
  const auto limits = IoLimits::FromMap(map);
  HOLDS(limits.ok() && *limits == context->limits);
}

}  // namespace rbdcsi::fuzz

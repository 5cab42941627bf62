// Who waits for whom.
#include "controller/image_turn.h"

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "tests/catch.h"

namespace rbdcsi {
namespace {

constexpr absl::Duration kMoment = absl::Milliseconds(50);
constexpr absl::Duration kPatience = absl::Seconds(10);

// Takes a turn on a thread of its own, and keeps it until it is destroyed.
class Caller {
 public:
  Caller(ImageTurns& turns, std::vector<std::string> images)
      : thread_([this, &turns, images = std::move(images)] {
          const ImageTurns::Turn turn = turns.Take(images);
          taken_.Notify();
          leave_.WaitForNotification();
        }) {}
  ~Caller() { leave_.Notify(); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  bool HasItSoon() const { return taken_.WaitForNotificationWithTimeout(kPatience); }
  bool Waits() const { return !taken_.WaitForNotificationWithTimeout(kMoment); }

 private:
  absl::Notification taken_;
  absl::Notification leave_;
  std::jthread thread_;
};

TEST_CASE("an image has one turn, and others have their own") {
  ImageTurns turns;
  std::optional<ImageTurns::Turn> first(turns.Take({"a"}));
  const Caller other(turns, {"b"});
  CHECK(other.HasItSoon());
  const Caller second(turns, {"a"});
  CHECK(second.Waits());
  first.reset();
  CHECK(second.HasItSoon());
}

TEST_CASE("who waits for several holds none of them") {
  ImageTurns turns;
  std::optional<ImageTurns::Turn> b(turns.Take({"b"}));
  std::optional<Caller> both(std::in_place, turns, std::vector<std::string>{"a", "b"});
  CHECK(both->Waits());
  { const ImageTurns::Turn a = turns.Take({"a"}); }
  b.reset();
  CHECK(both->HasItSoon());
  const Caller later(turns, {"a"});
  CHECK(later.Waits());
  both.reset();
  CHECK(later.HasItSoon());
}

TEST_CASE("a turn that was moved ends once, with the new one") {
  ImageTurns turns;
  std::optional<ImageTurns::Turn> old(turns.Take({"a"}));
  std::optional<ImageTurns::Turn> current(std::move(*old));
  old.reset();
  const Caller next(turns, {"a"});
  CHECK(next.Waits());
  current.reset();
  CHECK(next.HasItSoon());
}

}  // namespace
}  // namespace rbdcsi

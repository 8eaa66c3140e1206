#include "consumer/cli/value_hold.h"

#include <algorithm>
#include <climits>
#include <csignal>
#include <poll.h>
#include <sys/wait.h>
#include <utility>

#include "consumer/cli/buses.h"
#include "consumer/cli/command.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"
#include "consumer/cli/value_text.h"

namespace bus::cli {

namespace {

// For the deletion at the end, which the hub does at once, if it is there.
constexpr std::chrono::milliseconds kDeletePatience{1000};
// How often the command is looked at where the kernel does not tell of its end.
constexpr int kLookAtHeldMs = 20;

}  // namespace

ValueWait::ValueWait(const ValueCommand& command, const Console& console, busd::Connection& connection,
                     std::optional<Clock::time_point> until)
    : command_(command), console_(console), connection_(connection), until_(until) {}

std::chrono::milliseconds ValueWait::left() const {
  if (!until_) return busd::forever;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(*until_ - Clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

bool ValueWait::over() const { return caught_signal() != 0 || left().count() == 0; }

busd::Change ValueWait::try_once(const std::string& json) const {
  busd::PutOptions options = put_options_of(command_);
  if (until_) options.timeout = std::max(left(), std::chrono::milliseconds(1));
  // Who waits for a key waits for a hub, too.
  if (!until_ && command_.wait) options.timeout = busd::forever;
  return connection_.put(command_.key, json, options);
}

busd::Change ValueWait::put(const std::string& json) {
  for (bool said = false;;) {
    busd::Change change = try_once(json);
    // What was put on a connection that broke, the hub has deleted with it, if it is held.
    bool again = change.status == BUSD_EXISTS || (change.status == BUSD_LOST && command_.hold);
    if (!command_.wait || !again || over()) return change;
    if (change.status == BUSD_LOST) continue;
    if (!std::exchange(said, true)) {
      console_.note(in_quotes(command_.key) + " exists, waiting until it does not" +
                    (change.present ? ": " + short_value(change.present->json) : ""));
    }
    if (auto fault = wait_until_free(change)) return {.status = fault->result, .message = fault->message};
  }
}

std::optional<busd::Error> ValueWait::wait_until_free(const busd::Change& refused) {
  exists_ = true;
  if (refused.present) version_ = std::max(version_, refused.present->version);
  if (watch_ == 0) {
    auto watch = connection_.watch({command_.key}, {.values = false});
    if (!watch) return watch.error();
    watch_ = *watch;
  }
  while (exists_) {
    if (over()) return busd::Error{BUSD_TIMED_OUT, in_quotes(command_.key) + " exists still"};
    if (auto item = connection_.next(left())) {
      take(*item);
    } else if (item.error().result != BUSD_TIMED_OUT) {
      return item.error();
    }
  }
  return std::nullopt;
}

void ValueWait::take(const busd::Item& item) {
  if (item.is_reset()) version_ = 0;  // another hub counts anew
  if (item.number() != watch_) return;
  if (item.is_value()) {
    busd::Value value = item.value();
    // An older state may come after the answer that has told of a newer one.
    if (value.version < version_) return;
    version_ = value.version;
    exists_ = !value.deleted;
  } else if (item.is_synced() && item.synced().keys == 0) {
    exists_ = false;  // the deletion came before the watch, or the hub is another one
  }
}

ValueHold::ValueHold(const ValueCommand& command, const Console& console, busd::Connection& connection)
    : command_(command), console_(console), connection_(connection) {}

int ValueHold::run(uint64_t version) {
  version_ = version;
  child_.take_over_signals();
  // One that came before; the value goes with the connection.
  if (caught_signal() != 0) return ended_by_signal(caught_signal());
  auto facts = busd::hub_inspect(hub_of(command_.place));
  auto environment = environment_with({{"BUSD_KEY", command_.key},
                                       {"BUSD_VERSION", std::to_string(version)},
                                       {"BUSD_SOCKET", facts ? facts->socket : command_.place.socket}});
  std::string fault = child_.start(command_.command, environment, command_.kill_on_loss);
  if (!fault.empty()) return console_.error(ErrorCode::command_failed, fault);
  // Others may delete the key, or put another value.
  auto watch = connection_.watch({command_.key}, {.values = false});
  if (watch) watch_ = *watch;
  int status = 0;
  for (;;) {
    take_items();
    child_.pass_on_signals();
    if (child_.has_ended(status)) return finish(status);
    wait();
  }
}

void ValueHold::take_items() {
  while (connected_) {
    if (auto item = connection_.next(std::chrono::milliseconds(0))) {
      take(*item);
    } else if (item.error().result == BUSD_TIMED_OUT) {
      return;
    } else {
      connected_ = false;
      lose("the connection to the hub is lost: " + item.error().message);
    }
  }
}

void ValueHold::take(const busd::Item& item) {
  if (item.is_break()) {
    lose("the connection to the hub broke" +
         (item.detail().empty() ? "" : ": " + std::string(item.detail())));
  } else if (item.is_held()) {
    if (item.result() == BUSD_OK) {
      held_ = true;
      version_ = item.value().version;
      console_.note(in_quotes(command_.key) + " is held again");
    } else {
      console_.warning(in_quotes(command_.key) + " is not held again: " + std::string(item.detail()));
    }
  } else if (item.is_value() && item.number() == watch_) {
    watch_value(item.value());
  } else if (item.is_synced() && item.number() == watch_ && item.synced().keys == 0) {
    // It went before the watch began. After a break it is not held, or is itself among the keys.
    lose("it is gone");
  }
}

void ValueHold::watch_value(const busd::Value& value) {
  // While it is not held, whatever is there is somebody else's, or our own on its way back.
  if (!held_ || value.version <= version_) return;
  lose(value.expired ? "it has expired" : value.deleted ? "it was deleted" : "it was changed by another");
}

void ValueHold::lose(const std::string& reason) {
  if (!std::exchange(held_, false)) return;
  bool kills = command_.kill_on_loss;
  console_.warning(in_quotes(command_.key) + " is not held any more: " + reason + "; " +
                   command_.command.front() + (kills ? " gets SIGTERM" : " goes on"));
  if (!kills) return;
  child_.terminate();
  terminated_ = true;
}

void ValueHold::wait() const {
  pollfd waits[] = {{.fd = connected_ ? connection_.fd() : -1,
                     .events = connected_ ? connection_.events() : short{0},
                     .revents = 0},
                    {.fd = child_.pid_fd(), .events = POLLIN, .revents = 0},
                    {.fd = child_.signals(), .events = POLLIN, .revents = 0}};
  int most = child_.pid_fd() < 0 ? kLookAtHeldMs : -1;
  if (auto deadline = connected_ ? connection_.deadline() : std::nullopt) {
    auto due = static_cast<int>(std::clamp<int64_t>(deadline->count(), 0, INT_MAX));
    most = most < 0 ? due : std::min(most, due);
  }
  poll(waits, std::size(waits), most);
}

int ValueHold::finish(int status) {
  // By its version: what somebody else has put meanwhile stays. The hub deletes it in any case when the
  // connection ends, which what runs next may be faster than.
  if (held_ && connected_)
    static_cast<void>(connection_.erase(command_.key, {.version = version_ + 1, .timeout = kDeletePatience}));
  if (terminated_) {
    return console_.error(
        ErrorCode::connection_lost,
        command_.command.front() + " was ended, because " + in_quotes(command_.key) + " was lost",
        "without --kill-on-loss it would have gone on");
  }
  return WIFSIGNALED(status) ? ended_by_signal(WTERMSIG(status)) : WEXITSTATUS(status);
}

}  // namespace bus::cli

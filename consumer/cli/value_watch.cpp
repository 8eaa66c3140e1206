#include "consumer/cli/value_watch.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <poll.h>
#include <unistd.h>
#include <vector>

#include "consumer/cli/buses.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"
#include "consumer/cli/value_text.h"

namespace bus::cli {

namespace {

// So many items in a row, then one look at stdout, signals and the command.
constexpr int kItemsPerLook = 256;
constexpr int kLookAtWatchMs = 20;

}  // namespace

ValueWatch::ValueWatch(const ValueCommand& command, const Console& console, busd::Connection& connection,
                       std::optional<Clock::time_point> until)
    : command_(command),
      console_(console),
      connection_(connection),
      until_(until),
      output_(STDOUT_FILENO),
      to_terminal_(isatty(STDOUT_FILENO) == 1) {
  if (command.exec.empty()) return;
  auto facts = busd::hub_inspect(hub_of(command.place));
  exec_.emplace(command.exec, facts ? facts->socket : command.place.socket, command.prints_text(), console);
}

int ValueWatch::run() {
  auto watch = connection_.watch(command_.patterns(), {.snapshot = !command_.no_snapshot});
  if (!watch) fail(error_of(watch.error(), {}));
  while (!code_) {
    take_items();
    process();
    if (!code_) wait();
  }
  enter_phase(Phase::leaving);
  if (exec_) exec_->finish();
  return *code_;
}

void ValueWatch::take_items() {
  more_at_hand_ = true;
  for (int i = 0; i < kItemsPerLook && more_at_hand_ && !code_; ++i) {
    if (caught_signal() != 0) {
      end(ended_by_signal(caught_signal()));
    } else if (auto item = connection_.next(std::chrono::milliseconds(0))) {
      take(*item);
    } else if (item.error().result == BUSD_TIMED_OUT) {
      more_at_hand_ = false;
    } else {
      fail(error_of(item.error()));
    }
  }
  note(output_.flush());
}

void ValueWatch::take(const busd::Item& item) {
  if (item.is_value()) {
    take_value(item.value());
  } else if (item.is_synced()) {
    take_synced(item.synced());
  } else if (item.is_break()) {
    known_.doubt_all();
    std::string why = item.detail().empty() ? std::string() : ": " + std::string(item.detail());
    console_.note("the connection to the hub broke, reconnecting" + why);
  } else if (item.is_reset()) {
    console_.note("connected again");
  } else if (item.is_watch_end()) {
    fail(error_of(busd::Error{item.result(), std::string(item.detail())}, {}));
  }
}

void ValueWatch::take_value(const busd::Value& value) {
  // Without a snapshot nothing is known of the other keys.
  if (!command_.no_snapshot) known_.take(value);
  tell(value, false);
}

void ValueWatch::take_synced(const busd::Synced& synced) {
  for (std::string& key : known_.vanished(synced)) {
    busd::Value gone;
    gone.key = std::move(key);
    gone.deleted = true;
    tell(gone, true);
  }
  if (!exec_ && !command_.prints_text()) return note(output_.line(synced_json(synced)));
  console_.fixed_line("[bus] synced keys=" + std::to_string(synced.keys) +
                      " rev=" + std::to_string(synced.rev) + (synced.reset ? " reset" : ""));
}

void ValueWatch::tell(const busd::Value& value, bool vanished) {
  if (code_) return;
  if (exec_) return exec_->take(value);
  if (!command_.prints_text()) {
    note(output_.line(vanished ? vanished_json(value.key) : watched_json(value)));
  } else if (value.deleted) {
    console_.note(in_quotes(value.key) + (value.expired ? " has expired" : " was deleted"));
  } else {
    std::string line;
    if (command_.means_many()) line = (to_terminal_ ? safe_text(value.key) : value.key) + '\t';
    note(output_.line(line + line_text(value.json, to_terminal_)));
  }
  count();
}

void ValueWatch::count() {
  ++told_;
  if (command_.limit && told_ >= *command_.limit && !code_) end(kDone);
}

void ValueWatch::process() {
  while (exec_ && !code_ && exec_->process()) count();
  if (code_ || !until_ || Clock::now() < *until_) return;
  if (!command_.limit) return end(kDone);
  Error error = error_of(ErrorCode::timed_out, "--timeout ran out after " + std::to_string(told_) + " of " +
                                                   counted(*command_.limit, "change"));
  fail(error);
}

void ValueWatch::wait() {
  // No event is asked of stdout: that its reader is gone is always told.
  std::vector<pollfd> waits = {{.fd = STDOUT_FILENO, .events = 0, .revents = 0},
                               {.fd = connection_.fd(), .events = connection_.events(), .revents = 0},
                               {.fd = signal_fd(), .events = POLLIN, .revents = 0}};
  if (exec_) exec_->add_waits(waits);
  int ready = poll(waits.data(), waits.size(), most_ms());
  if (caught_signal() != 0) return end(ended_by_signal(caught_signal()));
  if (ready > 0 && (waits[0].revents & (POLLERR | POLLHUP)) != 0) note(Written::closed);
}

int ValueWatch::most_ms() const {
  if (more_at_hand_) return 0;
  std::optional<int64_t> most;
  auto at_most = [&most](int64_t ms) { most = std::min(most.value_or(ms), ms); };
  if (auto deadline = connection_.deadline()) at_most(deadline->count());
  if (until_) at_most(std::chrono::ceil<std::chrono::milliseconds>(*until_ - Clock::now()).count());
  if (exec_ && exec_->must_look()) at_most(kLookAtWatchMs);
  return most ? static_cast<int>(std::clamp<int64_t>(*most, 0, INT_MAX)) : -1;
}

void ValueWatch::note(Written written) {
  if (code_ || written == Written::ok) return;
  if (written == Written::interrupted) return end(ended_by_signal(caught_signal()));
  // As of head(1): who has read enough is no failure of ours.
  if (written == Written::closed) return end(kDone);
  fail(error_of(ErrorCode::output_failed, std::string("cannot write to stdout: ") + std::strerror(errno)));
}

void ValueWatch::fail(const Error& error) {
  if (!code_) end(console_.error(error));
}

void ValueWatch::end(int code) {
  if (!code_) code_ = code;
}

}  // namespace bus::cli

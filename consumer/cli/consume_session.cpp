#include "consumer/cli/consume_session.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include "consumer/cli/control_lines.h"
#include "consumer/cli/patterns.h"
#include "consumer/cli/signals.h"

namespace bus::cli {

namespace {

// So many items in a row, then one look at stdin, stdout and the clock.
constexpr int kItemsPerTurn = 256;

int64_t now_ms() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace

const char* name_of(Reason reason) {
  switch (reason) {
    case Reason::limit:
      return "limit";
    case Reason::timeout:
      return "timeout";
    case Reason::signal:
      return "signal";
    case Reason::output_closed:
      return "output-closed";
    case Reason::eof:
      return "eof";
    case Reason::hub_gone:
      return "hub-gone";
    case Reason::failed:
      break;
  }
  return "failed";
}

ConsumeSession::ConsumeSession(const ConsumeOptions& options, const Console& console, EventSink& sink,
                               Output& output)
    : options_(options), console_(console), sink_(sink), output_(output) {}

Reason ConsumeSession::run(busd::Consumer& consumer) {
  if (options_.timeout) deadline_ = Clock::now() + *options_.timeout;
  return finish(stream(consumer));
}

Reason ConsumeSession::stream(busd::Consumer& consumer) {
  while (true) {
    if (auto end = take_items(consumer)) return *end;
    if (auto end = wait(consumer)) return *end;
  }
}

std::optional<Reason> ConsumeSession::take_items(busd::Consumer& consumer) {
  std::optional<Reason> end;
  more_at_hand_ = true;
  for (int i = 0; i < kItemsPerTurn && more_at_hand_ && !end && sink_.ready(); ++i) {
    if (caught_signal() != 0) {
      end = Reason::signal;
    } else if (auto item = consumer.next(std::chrono::milliseconds(0))) {
      end = take(*item);
    } else if (item.error().result == BUSD_TIMED_OUT) {
      more_at_hand_ = false;
    } else {
      // A set-up after a reset that fails because a signal, passed on to it, has ended it.
      error_ = item.error();
      end = caught_signal() != 0 ? Reason::signal : Reason::hub_gone;
    }
  }
  // What was taken goes out whatever ended it, except that a broken output is the stronger reason.
  if (!more_at_hand_ || end || !sink_.ready()) {
    auto broken = after(outcome_of(output_.flush()));
    if (broken && end != Reason::signal) return broken;
  }
  return end;
}

std::optional<Reason> ConsumeSession::wait(busd::Consumer& consumer) {
  // While the sink is busy nothing is read from the hub, and waking the consumer is not seen: signals are.
  // poll skips negative descriptors. No event is asked of stdout: that its reader is gone is always told.
  std::vector<pollfd> waits = {
      {.fd = options_.until_eof ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0},
      {.fd = options_.watch_stdout ? STDOUT_FILENO : -1, .events = 0, .revents = 0},
      {.fd = sink_.ready() ? consumer.fd() : -1, .events = consumer.events(), .revents = 0},
      {.fd = signal_fd(), .events = POLLIN, .revents = 0}};
  sink_.add_waits(waits);
  int ready = poll(waits.data(), waits.size(), poll_timeout_ms(consumer));
  if (ready < 0 && errno != EINTR)
    return fail(std::string("poll: ") + std::strerror(errno), ErrorCode::failed);
  if (caught_signal() != 0) return Reason::signal;
  if (ready > 0) {
    if (auto end = look_at(waits)) return end;
  }
  if (auto end = after(sink_.process())) return end;
  if (deadline_ && Clock::now() >= *deadline_) return Reason::timeout;
  return std::nullopt;
}

std::optional<Reason> ConsumeSession::look_at(const std::vector<pollfd>& waits) {
  const pollfd& input = waits[0];
  const pollfd& output = waits[1];
  if ((output.revents & (POLLERR | POLLHUP)) != 0) return Reason::output_closed;
  if (input.revents != 0) return check_input();
  return std::nullopt;
}

int ConsumeSession::poll_timeout_ms(const busd::Consumer& consumer) const {
  if (more_at_hand_ && sink_.ready()) return 0;
  std::optional<std::chrono::milliseconds> wait;
  auto at_most = [&wait](std::chrono::milliseconds most) { wait = std::min(wait.value_or(most), most); };
  auto until = [&at_most](std::optional<Clock::time_point> time) {
    if (time) at_most(std::chrono::ceil<std::chrono::milliseconds>(*time - Clock::now()));
  };
  if (sink_.ready() && consumer.deadline()) at_most(*consumer.deadline());
  until(deadline_);
  until(sink_.deadline());
  if (!wait) return -1;
  return static_cast<int>(std::clamp<int64_t>(wait->count(), 0, INT_MAX));
}

std::optional<Reason> ConsumeSession::check_input() const {
  char ignored[4096];
  ssize_t n = read(STDIN_FILENO, ignored, sizeof ignored);
  if (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN))) return std::nullopt;
  return Reason::eof;
}

std::optional<Reason> ConsumeSession::take(const busd::Item& item) {
  if (item.is_event()) return take_event(item.event());
  if (item.is_lost()) {
    counts_.lost += item.lost().count;
    console_.warning(lost_text(item));
    return control_line(lost_line(item.lost()));
  }
  if (item.is_break()) {
    console_.note(break_text(item));
  } else if (item.is_reset()) {
    ++counts_.resets;
    console_.warning(reset_text(item));
    return control_line(reset_line(item));
  } else if (item.is_source_status()) {
    console_.note(source_status_text(item.source_status()));
    return control_line(source_status_line(item.source_status()));
  }
  return std::nullopt;
}

std::optional<Reason> ConsumeSession::take_event(const busd::Event& event) {
  auto matches = [&event](const std::string& entry) { return entry_matches(entry, event.type()); };
  if (std::any_of(options_.excluded.begin(), options_.excluded.end(), matches)) {
    ++counts_.excluded;
    return std::nullopt;
  }
  ++counts_.events;
  if (auto end = after(sink_.take(event, now_ms()))) return end;
  if (options_.limit && counts_.events >= *options_.limit) return Reason::limit;
  return std::nullopt;
}

std::optional<Reason> ConsumeSession::control_line(const std::string& line) {
  if (!options_.control) return std::nullopt;
  if (auto end = after(sink_.put_in_order())) return end;
  if (!options_.timestamps) return after(outcome_of(output_.line(line)));
  std::string timed;
  append_with_received(timed, line, now_ms());
  return after(outcome_of(output_.line(timed)));
}

std::optional<Reason> ConsumeSession::after(const Outcome& outcome) {
  switch (outcome.written) {
    case Written::ok:
      return std::nullopt;
    case Written::closed:
      return Reason::output_closed;
    case Written::interrupted:
      return Reason::signal;
    case Written::failed:
      break;
  }
  return fail(outcome.fault, outcome.code);
}

Reason ConsumeSession::finish(Reason reason) {
  busd::Error error = error_;
  ErrorCode failure = failure_;
  auto broken = after(sink_.finish());
  if (!broken) broken = after(outcome_of(output_.flush()));
  bool stronger = reason != Reason::signal && reason != Reason::hub_gone && reason != Reason::failed;
  if (broken && stronger) return *broken;
  error_ = std::move(error);
  failure_ = failure;
  return reason;
}

Reason ConsumeSession::fail(std::string message, ErrorCode code) {
  failure_ = code;
  error_ = {BUSD_INTERNAL, std::move(message)};
  return Reason::failed;
}

}  // namespace bus::cli

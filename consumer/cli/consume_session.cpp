#include "consumer/cli/consume_session.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

// So many items in a row, then one look at stdin, stdout and the clock.
constexpr int kItemsPerTurn = 256;

std::string source_status_line(const busd::SourceStatus& status) {
  std::string line = R"({"type":"source_status","source":)";
  append_json_string(line, status.source);
  line += R"(,"state":)";
  append_json_string(line, name_of(status.state));
  if (!status.detail.empty()) {
    line += R"(,"detail":)";
    append_json_string(line, status.detail);
  }
  return line + "}";
}

std::string lost_line(const busd::Lost& lost) {
  return R"({"type":"lost","count":)" + std::to_string(lost.count) + R"(,"after":)" +
         std::to_string(lost.after) + R"(,"before":)" + std::to_string(lost.before) + "}";
}

std::string reset_line(const busd::Item& item) {
  std::string line = R"({"type":"reset","first":)";
  line += item.first() ? "true" : "false";
  if (!item.detail().empty()) {
    line += R"(,"detail":)";
    append_json_string(line, item.detail());
  }
  return line + "}";
}

std::string with_detail(std::string text, std::string_view detail) {
  if (!detail.empty()) text += " (" + std::string(detail) + ")";
  return text;
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

ConsumeSession::ConsumeSession(const ConsumeOptions& options, const Console& console, EventFiles& files)
    : options_(options), console_(console), files_(files), output_(STDOUT_FILENO) {}

Reason ConsumeSession::run(busd::Consumer& consumer) {
  if (options_.timeout) deadline_ = Clock::now() + *options_.timeout;
  while (true) {
    if (auto end = take_items(consumer)) return *end;
    if (auto end = wait(consumer)) return *end;
  }
}

std::optional<Reason> ConsumeSession::take_items(busd::Consumer& consumer) {
  std::optional<Reason> end;
  more_at_hand_ = true;
  for (int i = 0; i < kItemsPerTurn && more_at_hand_ && !end; ++i) {
    if (caught_signal() != 0) {
      end = Reason::signal;
    } else if (auto item = consumer.next(std::chrono::milliseconds(0))) {
      end = take(*item);
    } else if (item.error().result == BUSD_TIMED_OUT) {
      more_at_hand_ = false;
    } else {
      error_ = item.error();
      end = Reason::hub_gone;
    }
  }
  // What was taken goes out whatever ended it, except that a broken output is the stronger reason.
  if (!more_at_hand_ || end) {
    auto broken = after(output_.flush());
    if (broken && end != Reason::signal) return broken;
  }
  return end;
}

std::optional<Reason> ConsumeSession::wait(busd::Consumer& consumer) {
  bool uses_stdout = options_.output_dir.empty() || options_.control;
  // poll skips negative descriptors. No event is asked of stdout: that its reader is gone is always told.
  pollfd waits[] = {{.fd = consumer.fd(), .events = consumer.events(), .revents = 0},
                    {.fd = options_.until_eof ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0},
                    {.fd = uses_stdout ? STDOUT_FILENO : -1, .events = 0, .revents = 0}};
  int ready = poll(waits, 3, more_at_hand_ ? 0 : poll_timeout_ms(consumer));
  if (ready < 0 && errno != EINTR) return fail(std::string("poll: ") + std::strerror(errno));
  if (caught_signal() != 0) return Reason::signal;
  if (ready > 0 && (waits[2].revents & (POLLERR | POLLHUP)) != 0) return Reason::output_closed;
  if (ready > 0 && waits[1].revents != 0) {
    if (auto end = check_input()) return end;
  }
  if (deadline_ && Clock::now() >= *deadline_) return Reason::timeout;
  return std::nullopt;
}

int ConsumeSession::poll_timeout_ms(const busd::Consumer& consumer) const {
  std::optional<std::chrono::milliseconds> wait = consumer.deadline();
  if (deadline_) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now());
    wait = std::min(wait.value_or(left), left);
  }
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
    busd::Lost lost = item.lost();
    lost_ += lost.count;
    std::string text = "lost " + std::to_string(lost.count) + (lost.count == 1 ? " event" : " events");
    text += " between seq " + std::to_string(lost.after) + " and " + std::to_string(lost.before);
    console_.note(with_detail(text, item.detail()));
    return control_line(lost_line(lost));
  }
  if (item.is_break()) {
    console_.note(with_detail("the connection to the hub broke, reconnecting", item.detail()));
  } else if (item.is_reset()) {
    std::string text = "connected again; events in between may be lost";
    if (item.first()) text += "; first of its scope";
    console_.note(text);
    return control_line(reset_line(item));
  } else if (item.is_source_status()) {
    busd::SourceStatus status = item.source_status();
    std::string text = "source " + std::string(status.source) + " is " + name_of(status.state);
    console_.note(with_detail(text, status.detail));
    return control_line(source_status_line(status));
  }
  return std::nullopt;
}

std::optional<Reason> ConsumeSession::take_event(const busd::Event& event) {
  ++events_;
  std::string_view text = options_.payload_only ? event.payload() : event.frame();
  std::optional<Reason> end;
  if (options_.output_dir.empty()) {
    end = after(output_.line(text));
  } else {
    std::string fault = files_.write(event.id().empty() ? event.type() : event.id(), event.seq(), text);
    if (!fault.empty()) end = fail(fault);
  }
  if (end) return end;
  if (options_.limit && events_ >= *options_.limit) return Reason::limit;
  return std::nullopt;
}

std::optional<Reason> ConsumeSession::control_line(const std::string& line) {
  if (!options_.control) return std::nullopt;
  return after(output_.line(line));
}

std::optional<Reason> ConsumeSession::after(Written written) {
  switch (written) {
    case Written::ok:
      return std::nullopt;
    case Written::closed:
      return Reason::output_closed;
    case Written::interrupted:
      return Reason::signal;
    case Written::failed:
      break;
  }
  return fail(std::string("cannot write to stdout: ") + std::strerror(errno));
}

Reason ConsumeSession::fail(std::string message) {
  error_ = {BUSD_INTERNAL, std::move(message)};
  return Reason::failed;
}

}  // namespace bus::cli

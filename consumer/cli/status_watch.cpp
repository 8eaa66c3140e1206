#include "consumer/cli/status_watch.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/keys.h"
#include "consumer/cli/program_names.h"
#include "consumer/cli/readable.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr std::chrono::seconds kNoticeTime{30};
constexpr int64_t kLongestWaitMs = 3'600'000;

std::string local_time(const char* format) {
  time_t now = time(nullptr);
  tm parts{};
  char text[64];
  if (localtime_r(&now, &parts) == nullptr || strftime(text, sizeof text, format, &parts) == 0) return {};
  return text;
}

std::string interval_text(std::chrono::milliseconds interval) {
  if (interval.count() % 1000 != 0) return std::to_string(interval.count()) + "ms";
  return std::to_string(interval.count() / 1000) + "s";
}

}  // namespace

Look look_at_hub(const busd::HubOptions& hub) {
  Look look{std::nullopt, ask_hub(hub)};
  if (!look.answer.text) return look;
  look.report = parse_status(*look.answer.text);
  if (!look.report) look.answer.trouble = {kProtocol, "the peer is not a busd hub"};
  if (look.report) name_programs(*look.report);
  return look;
}

int StatusWatch::run() {
  bool screen_wanted = !json_ && screen_is_possible();
  enter_phase(Phase::running);
  if (screen_wanted) {
    Screen screen(output_);
    keys_ = isatty(STDIN_FILENO) == 1;
    watch_screen(screen);
  } else {
    watch_pipe();
  }
  if (caught_signal() != 0) return ended_by_signal(caught_signal());
  return fault_.empty() ? kDone : console_.error(error_of(ErrorCode::output_failed, fault_));
}

void StatusWatch::look() {
  Look look = look_at_hub(hub_);
  auto now = Clock::now();
  if (!look.report) {
    if (trouble_.exit_code == kDone) trouble_since_ = now;
    trouble_ = std::move(look.answer.trouble);
    return;
  }
  trouble_ = {};
  answer_ = std::move(*look.answer.text);
  seen_at_ = local_time("%H:%M:%S");
  bool replaced = meter_.add(*look.report, now);
  if (replaced) {
    replaced_ = "the hub with pid " + std::to_string(last_->pid) + " was replaced by one with pid " +
                std::to_string(look.report->pid) + "; all counts begin again";
    replaced_at_ = now;
  } else if (last_) {
    published_.add(last_at_, now, static_cast<double>(look.report->published - last_->published));
  }
  last_ = std::move(look.report);
  last_at_ = now;
}

std::string StatusWatch::notice(Clock::time_point now) const {
  return !replaced_.empty() && now - replaced_at_ < kNoticeTime ? replaced_ : std::string();
}

WatchPicture StatusWatch::picture(Clock::time_point now) const {
  return {*last_, meter_.rates(), published_, now, order_, notice(now)};
}

// ---- on a terminal

void StatusWatch::watch_screen(Screen& screen) {
  do {
    if (!paused_ && Clock::now() >= next_look_) {
      look();
      next_look_ = Clock::now() + interval_;
    }
  } while (caught_signal() == 0 && draw(screen) && wait(screen));
}

bool StatusWatch::draw(Screen& screen) const {
  std::vector<TableLine> lines;
  if (trouble_.exit_code != kDone) {
    lines.push_back({safe_text(trouble_.summary), Emphasis::alarm});
    auto since = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - trouble_since_);
    lines.push_back({"for " + readable_seconds(static_cast<uint64_t>(since.count())) +
                         "; asking again every " + interval_text(interval_),
                     Emphasis::none});
  } else if (last_) {
    size_t rows = screen.rows() > 1 ? screen.rows() - 1 : 1;
    lines = watch_table(picture(last_at_), {screen.columns(), rows, locale_is_utf8()});
  }
  return screen.draw(lines, footer(), colour_wanted(STDOUT_FILENO));
}

std::string StatusWatch::footer() const {
  std::string text = paused_ ? "PAUSED  " : "";
  text += keys_ ? std::string("q quit  p ") + (paused_ ? "continue" : "pause") + "  s " + name_of(order_)
                : std::string("Ctrl-C quit");
  if (!seen_at_.empty()) text += "  " + seen_at_;
  return text + " every " + interval_text(interval_);
}

bool StatusWatch::wait(Screen& screen) {
  int64_t left = kLongestWaitMs;
  if (!paused_) {
    auto time = std::chrono::ceil<std::chrono::milliseconds>(next_look_ - Clock::now());
    left = std::clamp<int64_t>(time.count(), 0, kLongestWaitMs);
  }
  pollfd waits[] = {{.fd = signal_fd(), .events = POLLIN, .revents = 0},
                    {.fd = STDOUT_FILENO, .events = 0, .revents = 0},
                    {.fd = screen.fd(), .events = POLLIN, .revents = 0},
                    {.fd = keys_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}};
  if (poll(waits, 4, static_cast<int>(left)) <= 0) return caught_signal() == 0;
  if (caught_signal() != 0 || (waits[1].revents & (POLLERR | POLLHUP)) != 0) return false;
  if (waits[2].revents != 0) screen.handle_changes();
  if (waits[3].revents != 0 && !take_keys()) return false;
  return caught_signal() == 0;
}

// Returns false when a person wants to quit.
bool StatusWatch::take_keys() {
  char bytes[256];
  ssize_t length = read(STDIN_FILENO, bytes, sizeof bytes);
  if (length == 0 || (length < 0 && errno != EINTR && errno != EAGAIN)) keys_ = false;
  if (length <= 0) return true;
  for (Key key : keys_in(std::string_view(bytes, static_cast<size_t>(length)))) {
    switch (key) {
      case Key::quit:
        return false;
      case Key::sort:
        order_ = next_order(order_);
        break;
      case Key::pause:
        paused_ = !paused_;
        if (!paused_) next_look_ = {};
        break;
      case Key::redraw:
        break;
    }
  }
  return true;
}

// ---- anywhere else

void StatusWatch::watch_pipe() {
  bool going = true;
  while (going) {
    look();
    going = print_snapshot() && wait_in_pipe();
  }
}

// Returns false when the reader of stdout has gone. Trouble is reported once, not each time.
bool StatusWatch::print_snapshot() {
  if (trouble_.exit_code != kDone) {
    if (trouble_.summary != complaint_) console_.error(error_of(trouble_));
    complaint_ = trouble_.summary;
    return true;
  }
  complaint_.clear();
  std::string text = answer_ + "\n";
  if (!json_) {
    text = printed_ ? "\n" : "";
    text += "time    " + local_time("%Y-%m-%dT%H:%M:%S%z") + "\n";
    text += joined(watch_table(picture(last_at_), {std::nullopt, std::nullopt, locale_is_utf8()}), false);
  }
  printed_ = true;
  Written written = output_.text(text);
  if (written == Written::ok) written = output_.flush();
  if (written == Written::failed) fault_ = std::string("cannot write to stdout: ") + std::strerror(errno);
  return written == Written::ok;
}

bool StatusWatch::wait_in_pipe() const {
  pollfd waits[] = {{.fd = signal_fd(), .events = POLLIN, .revents = 0},
                    {.fd = STDOUT_FILENO, .events = 0, .revents = 0}};
  poll(waits, 2, static_cast<int>(std::min<int64_t>(interval_.count(), kLongestWaitMs)));
  return caught_signal() == 0 && (waits[1].revents & (POLLERR | POLLHUP)) == 0;
}

}  // namespace bus::cli

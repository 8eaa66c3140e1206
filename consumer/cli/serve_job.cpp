#include "consumer/cli/serve_job.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <sys/ioctl.h>
#include <unistd.h>

namespace bus::cli {

namespace {

// The hub says when a deadline has passed. One that is stopped does not: then we do, a little later.
constexpr std::chrono::milliseconds kHubPatience{500};

// How often to look whether a group has gone, of which no descriptor tells.
constexpr std::chrono::milliseconds kLookForGroupEvery{20};

// No read of stdout takes less than this, if so much is there.
constexpr size_t kLeastReadBytes = 64 * 1024;

}  // namespace

std::string ServeJob::start(const std::vector<std::string>& arguments,
                            const std::vector<std::string>& environment) {
  std::string fault = child_.start(arguments, environment, shared_.keeper.fd());
  if (!fault.empty()) gone_ = true;
  return fault;
}

void ServeJob::begin(const ServeRequest& request, Clock::time_point now) {
  request_ = request.number;
  paused_ = false;
  tail_.forget();
  to_write_.erase(0, written_);
  written_ = 0;
  to_write_ += request.args;
  to_write_ += '\n';
  until_.reset();
  if (request.timeout_ms > 0) until_ = now + std::chrono::milliseconds(request.timeout_ms) + kHubPatience;
  feed();
}

void ServeJob::answer(const ServeReply& reply) {
  if (request_ == 0) return;
  shared_.answers.send(request_, reply);
  request_ = 0;
  until_.reset();
}

void ServeJob::add_waits(std::vector<pollfd>& waits) const {
  // poll(2) skips what is negative.
  if (!ended_) waits.push_back({.fd = child_.pid_fd(), .events = POLLIN, .revents = 0});
  if (written_ < to_write_.size()) waits.push_back({.fd = child_.input(), .events = POLLOUT, .revents = 0});
  if (may_read() && wants_output()) waits.push_back({.fd = child_.output(), .events = POLLIN, .revents = 0});
  if (shared_.relay.has_room()) waits.push_back({.fd = child_.errors(), .events = POLLIN, .revents = 0});
}

std::optional<ServeJob::Clock::time_point> ServeJob::deadline(Clock::time_point now) const {
  std::optional<Clock::time_point> first = end_.deadline();
  auto take = [&first](Clock::time_point at) { first = first ? std::min(*first, at) : at; };
  if (until_) take(*until_);
  if (reaped_ || (!ended_ && child_.pid_fd() < 0)) take(now + kLookForGroupEvery);
  return first;
}

void ServeJob::process(Clock::time_point now) {
  if (gone_) return;
  enforce_deadline(now);
  feed();
  // Before its output is read: what it printed is in the pipe by then.
  look_for_end();
  pass_errors(false);
  if (!reaped_) read_output(now);
  take_steps(now);
  if (ended_ && !reaped_ && is_drained()) finish(now);
  if (!reaped_ || !(end_.killed() || child_.group_is_empty())) return;
  gone_ = true;
  shared_.keeper.forget(child_.group());
}

void ServeJob::enforce_deadline(Clock::time_point now) {
  if (until_ && now >= *until_)
    stop(reply_error("timeout", "the deadline has passed, and the hub has not said so"), now);
}

void ServeJob::cancel(Clock::time_point now) {
  request_ = 0;
  until_.reset();
  stopped_ = true;
  end_.begin(now);
}

void ServeJob::stop(const ServeReply& reply, Clock::time_point now) {
  answer(reply);
  stopped_ = true;
  end_.begin(now);
}

void ServeJob::feed() {
  while (child_.input() >= 0 && written_ < to_write_.size()) {
    ssize_t n = write(child_.input(), to_write_.data() + written_, to_write_.size() - written_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) child_.close_input();  // EPIPE: it does not want the rest
    written_ += n < 0 ? 0 : static_cast<size_t>(n);
  }
  to_write_.clear();
  written_ = 0;
  if (input_ends_) child_.close_input();
}

// `all`: the command has ended, and what it said has to pass before the answer. One that it has left behind may
// go on for ever.
void ServeJob::pass_errors(bool all) {
  std::array<char, 16 * 1024> bytes;
  int left = 0;
  if (all && child_.errors() >= 0) ioctl(child_.errors(), FIONREAD, &left);
  while (child_.errors() >= 0 && (all ? left > 0 : shared_.relay.has_room())) {
    ssize_t n = read(child_.errors(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return child_.close_errors();
    left -= static_cast<int>(n);
    tail_.take({bytes.data(), static_cast<size_t>(n)}, shared_.relay.waiting());
  }
}

void ServeJob::look_for_end() {
  if (ended_ || !child_.has_ended(status_)) return;
  ended_ = true;
  int bytes = 0;
  if (child_.output() >= 0) ioctl(child_.output(), FIONREAD, &bytes);
  reads_left_ = static_cast<size_t>(bytes) / kLeastReadBytes + 1;
  drained_ = child_.output() < 0;
}

bool ServeJob::note_read(ssize_t bytes) {
  bool again = bytes < 0 && errno == EINTR;
  bool nothing_now = bytes < 0 && errno == EAGAIN;
  if (again) return true;
  if (bytes == 0 || (bytes < 0 && !nothing_now)) child_.close_output();
  if (ended_ && (bytes <= 0 || --reads_left_ == 0)) drained_ = true;
  return bytes > 0 && !drained_;
}

void ServeJob::finish(Clock::time_point now) {
  pass_errors(true);
  tail_.finish(shared_.relay.waiting());
  // What it said is to be seen before what its caller says of it.
  shared_.relay.write_some();
  conclude(status_);
  request_ = 0;
  until_.reset();
  child_.close_input();
  child_.close_output();
  child_.close_errors();
  // Before it is reaped its number is its own: the signal cannot meet another group.
  end_.begin(now);
  take_steps(now);
  child_.reap();
  reaped_ = true;
}

void ServeJob::take_steps(Clock::time_point now) {
  switch (end_.due(now)) {
    case GroupEnd::Step::close_input:
      child_.close_input();
      break;
    case GroupEnd::Step::terminate:
      child_.signal_group(SIGTERM);
      child_.signal_group(SIGCONT);  // one that is stopped would not see it
      break;
    case GroupEnd::Step::kill:
      child_.signal_group(SIGKILL);
      break;
    case GroupEnd::Step::none:
      break;
  }
}

}  // namespace bus::cli

#include "tests/bench/gocache_driver.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/base64.h"
#include "protocol/base/file.h"

namespace bus::gocache_bench {

namespace {

// Far above what any answer takes.
constexpr int kPatienceMs = 60'000;

double seconds_since(TimePoint then) { return std::chrono::duration<double>(now() - then).count(); }

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void append_id(std::string& out, std::string_view name, std::string_view id) {
  out += ",\"" + std::string(name) + "\":\"";
  append_base64(out, id);
  out += '"';
}

uint64_t most_rss_kib_of(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/status", 65536);
  constexpr std::string_view kName = "VmHWM:";
  size_t at = text ? text->find(kName) : std::string::npos;
  return at == std::string::npos ? 0 : std::strtoull(text->c_str() + at + kName.size(), nullptr, 10);
}

bool is_again() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

Request get_request(std::string_view action, bool misses) {
  Request out;
  out.misses = misses;
  out.members = ",\"Command\":\"get\"";
  append_id(out.members, "ActionID", action);
  return out;
}

Request put_request(std::string_view action, std::string_view output, std::string_view body, uint64_t bytes) {
  Request out;
  out.body = body;
  out.members = ",\"Command\":\"put\"";
  append_id(out.members, "ActionID", action);
  append_id(out.members, "OutputID", output);
  out.members += ",\"BodySize\":" + std::to_string(bytes);
  return out;
}

double Took::percentile_us(double part) {
  if (latencies_us.empty()) return 0;
  auto at = static_cast<size_t>(part * static_cast<double>(latencies_us.size() - 1));
  std::nth_element(latencies_us.begin(), latencies_us.begin() + static_cast<std::ptrdiff_t>(at),
                   latencies_us.end());
  return latencies_us[at];
}

Result<Driver> Driver::start(const std::vector<std::string>& command) {
  int requests[2];
  int answers[2];
  if (::pipe2(requests, O_CLOEXEC) != 0 || ::pipe2(answers, O_CLOEXEC) != 0)
    return errno_error("pipe", errno);
  Fd child_in(requests[0]);
  Fd child_out(answers[1]);
  Driver out;
  out.in_ = Fd(requests[1]);
  out.out_ = Fd(answers[0]);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  TimePoint began = now();
  out.pid_ = ::fork();
  if (out.pid_ < 0) return errno_error("fork", errno);
  if (out.pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(child_in.get(), 0);
    ::dup2(child_out.get(), 1);
    ::signal(SIGPIPE, SIG_DFL);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  child_in.reset();
  child_out.reset();
  out.answers_.clear();
  while (out.answers_.find('\n') == std::string::npos) {
    ssize_t got = ::read(out.out_.get(), out.buffer_.data(), out.buffer_.size());
    if (got <= 0) return Error{Errc::unavailable, command[0] + " has not said what it knows"};
    out.answers_.append(out.buffer_.data(), static_cast<size_t>(got));
  }
  out.ready_ms_ = seconds_since(began) * 1e3;
  out.answers_.erase(0, out.answers_.find('\n') + 1);
  for (int fd : {out.in_.get(), out.out_.get()}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return out;
}

Result<Took> Driver::ask(const std::vector<Request>& requests, size_t in_flight) {
  Took out;
  out.latencies_us.reserve(requests.size());
  TimePoint began = now();
  for (size_t next = 0; next < requests.size() || !open_.empty() || is_writing();) {
    while (!is_writing() && next < requests.size() && open_.size() < in_flight) {
      begin(requests[next++]);
      BUSD_TRY(write_some());
    }
    pollfd fds[2] = {{out_.get(), POLLIN, 0}, {is_writing() ? in_.get() : -1, POLLOUT, 0}};
    int ready = ::poll(fds, 2, kPatienceMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Error{Errc::timed_out, "an answer does not come"};
    if (fds[0].revents != 0) BUSD_TRY(read_some(&out));
    if (fds[1].revents != 0) BUSD_TRY(write_some());
  }
  out.seconds = seconds_since(began);
  return out;
}

Result<Ended> Driver::end() {
  Ended out;
  out.most_rss_kib = most_rss_kib_of(pid_);
  Request close;
  close.members = ",\"Command\":\"close\"";
  std::vector<Request> requests{close};
  BUSD_TRY(ask(requests, 1));
  in_.reset();
  out_.reset();
  int status = 0;
  rusage usage{};
  while (::wait4(pid_, &status, 0, &usage) < 0) {
    if (errno != EINTR) return errno_error("wait4", errno);
  }
  out.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return Error{Errc::io, "the cache ended with status " + std::to_string(status)};
  return out;
}

void Driver::begin(const Request& request) {
  head_ = "{\"ID\":" + std::to_string(++last_id_) + request.members + "}\n\n";
  if (!request.body.empty()) head_ += '"';
  parts_ = {head_, request.body, request.body.empty() ? std::string_view() : std::string_view("\"\n")};
  open_.emplace(last_id_, Open{request.misses, now()});
}

Result<void> Driver::write_some() {
  for (std::string_view& part : parts_) {
    while (!part.empty()) {
      ssize_t put = ::write(in_.get(), part.data(), part.size());
      if (put < 0 && is_again()) return {};
      if (put < 0) return errno_error("write to the cache", errno);
      part.remove_prefix(static_cast<size_t>(put));
    }
  }
  return {};
}

Result<void> Driver::read_some(Took* took) {
  ssize_t got = ::read(out_.get(), buffer_.data(), buffer_.size());
  if (got < 0 && is_again()) return {};
  if (got <= 0) return Error{Errc::closed, "the cache has ended"};
  answers_.append(buffer_.data(), static_cast<size_t>(got));
  size_t taken = 0;
  for (size_t end = 0; (end = answers_.find('\n', taken)) != std::string::npos; taken = end + 1) {
    if (end > taken) BUSD_TRY(take(std::string_view(answers_).substr(taken, end - taken), took));
  }
  answers_.erase(0, taken);
  return {};
}

Result<void> Driver::take(std::string_view line, Took* took) {
  constexpr std::string_view kBegin = "{\"ID\":";
  uint64_t id = 0;
  if (line.starts_with(kBegin)) std::from_chars(line.data() + kBegin.size(), line.data() + line.size(), id);
  auto at = open_.find(id);
  bool misses = line.find("\"Miss\":true") != std::string_view::npos;
  bool is_wrong = at == open_.end() || at->second.misses != misses;
  if (is_wrong || line.find("\"Err\":") != std::string_view::npos)
    return Error{Errc::protocol, "not what was to come: " + std::string(line.substr(0, 300))};
  took->latencies_us.push_back(seconds_since(at->second.since) * 1e6);
  open_.erase(at);
  return {};
}

}  // namespace bus::gocache_bench

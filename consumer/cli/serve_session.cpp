#include "consumer/cli/serve_session.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <unistd.h>
#include <utility>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

// So many items in a row, then one look at the commands.
constexpr int kItemsInARow = 256;

// Of a stderr whose reader has stopped, when all else is done.

constexpr std::chrono::milliseconds kLeavePatience{2000};

ServeReply stopping() { return reply_error("stopping", "the provider is ending"); }

}  // namespace

ServeSession::ServeSession(const ServeCommand& command, Variables variables, const Console& console,
                           StderrRelay& relay, const Keeper& keeper, busd::Connection connection)
    : command_(command),
      variables_(std::move(variables)),
      console_(console),
      connection_(std::move(connection)),
      relay_(relay),
      answers_(connection_.handle()),
      shared_{answers_, relay_, keeper, *command.grace} {}

ServeCounts ServeSession::counts() const { return {requests_, answers_.failed(), canceled_}; }

int ServeSession::run() {
  while (!is_over()) {
    auto now = Clock::now();
    turn(now);
    if (!is_over()) wait(now);
  }
  return finish();
}

void ServeSession::turn(Clock::time_point now) {
  if (caught_signal() != 0 && !leaving_) begin_to_leave(now);
  if (code_ == kDone) take_items(now);
  for (auto& job : jobs_) job->process(now);
  remove_gone();
  start_waiting(now);
  end_in_time(now);
  relay_.write_some();
}

// --- what the hub says

void ServeSession::take_items(Clock::time_point now) {
  for (int i = 0; i < kItemsInARow; ++i) {
    auto item = connection_.next(std::chrono::milliseconds(0));
    if (item) {
      take(*item, now);
      if (code_ != kDone) return;
      continue;
    }
    if (item.error().result != BUSD_TIMED_OUT) end_for_good(item.error(), now);
    return;
  }
}

void ServeSession::take(const busd::Item& item, Clock::time_point now) {
  switch (item.kind()) {
    case BUSD_ITEM_REQUEST:
      return take_request(item);
    case BUSD_ITEM_CANCELED:
      return cancel(item.number(), now);
    case BUSD_ITEM_PAUSE:
    case BUSD_ITEM_RESUME:
      if (ServeJob* job = job_of(item.number())) job->pause(item.kind() == BUSD_ITEM_PAUSE);
      return;
    case BUSD_ITEM_CALL_END:
      return answers_.on_call_end(item.number());
    case BUSD_ITEM_BREAK:
      return console_.warning("the connection to the hub broke: " + std::string(item.detail()) +
                              "; connecting again");
    case BUSD_ITEM_RESET:
      return console_.note("connected to the hub again");
    case BUSD_ITEM_REFUSED:
      // Only tasks that are provided again are refused so.
      return end_for_good({BUSD_REFUSED, std::string(item.refusal().message)}, now);
    default:
      return;
  }
}

void ServeSession::take_request(const busd::Item& item) {
  if (leaving_) return answers_.decline(item.number());
  ++requests_;
  waiting_.push_back(request_of(item.number(), *item.raw().request));
}

void ServeSession::cancel(uint64_t request, Clock::time_point now) {
  size_t waited = std::erase_if(waiting_, [=](const ServeRequest& each) { return each.number == request; });
  ServeJob* job = job_of(request);
  if (job != nullptr) job->cancel(now);
  if (waited > 0 || job != nullptr) ++canceled_;
}

ServeJob* ServeSession::job_of(uint64_t request) {
  auto at =
      std::find_if(jobs_.begin(), jobs_.end(), [=](const auto& job) { return job->request() == request; });
  return at == jobs_.end() ? nullptr : at->get();
}

// --- commands

void ServeSession::start_waiting(Clock::time_point now) {
  retry_at_.reset();
  while (!waiting_.empty()) {
    const ServeRequest& request = waiting_.front();
    bool taken = command_.lines ? give_to_co_process(request, now) : start_one_shot(request, now);
    if (!taken) return;
    waiting_.pop_front();
  }
}

// False: it has to wait.
bool ServeSession::start_one_shot(const ServeRequest& request, Clock::time_point now) {
  if (jobs_.size() >= command_.slots) return false;
  bool streams = command_.stream && request.stream;
  Variables variables = variables_;
  for (auto& variable : variables_of(request, streams)) variables.push_back(std::move(variable));
  auto job = std::make_unique<OneShotJob>(shared_, streams);
  std::string fault = job->start(command_.command, environment_with(variables));
  if (!fault.empty()) {
    answers_.send(request.number, reply_error("failed", fault));
    return true;
  }
  job->serve(request, now);
  jobs_.push_back(std::move(job));
  return true;
}

bool ServeSession::give_to_co_process(const ServeRequest& request, Clock::time_point now) {
  auto idle = std::find_if(co_processes_.begin(), co_processes_.end(),
                           [](const CoProcess* each) { return each->is_idle(); });
  CoProcess* process = idle == co_processes_.end() ? nullptr : *idle;
  if (process == nullptr && jobs_.size() < command_.slots) {
    if (now < delay_.not_before()) {
      retry_at_ = delay_.not_before();
      return false;
    }
    process = start_co_process();
    if (process == nullptr) {
      answers_.send(request.number, reply_error("failed", "the command could not be started"));
      return true;
    }
  }
  if (process == nullptr) return false;
  process->serve(request, now);
  return true;
}

CoProcess* ServeSession::start_co_process() {
  auto process = std::make_unique<CoProcess>(shared_, delay_);
  std::string fault = process->start(command_.command, environment_with(variables_));
  if (!fault.empty()) {
    console_.error(ErrorCode::command_failed, fault);
    delay_.ended(Clock::now());
    return nullptr;
  }
  CoProcess* raw = process.get();
  co_processes_.push_back(raw);
  jobs_.push_back(std::move(process));
  return raw;
}

void ServeSession::remove_gone() {
  for (const CoProcess* each : co_processes_) {
    if (each->unasked() == 0 || std::exchange(unasked_said_, true)) continue;
    console_.warning(
        "COMMAND printed a line that no request asked for; with --lines it prints one line for each request");
  }
  std::erase_if(co_processes_, [](const CoProcess* each) { return each->has_gone(); });
  std::erase_if(jobs_, [](const auto& job) { return job->has_gone(); });
}

// --- the end

void ServeSession::begin_to_leave(Clock::time_point now) {
  leaving_ = true;
  drain_until_ = now + *command_.drain;
  // What has not begun can be done by another provider.
  for (const ServeRequest& request : waiting_) answers_.decline(request.number);
  requests_ -= waiting_.size();
  waiting_.clear();
  auto error = BUSD_INIT(busd_error);
  if (code_ == kDone) busd_connection_unprovide(connection_.handle(), nullptr, 0, &error);
  for (auto& job : jobs_) job->leave(now);
  auto busy = std::count_if(jobs_.begin(), jobs_.end(), [](const auto& job) { return job->request() != 0; });
  if (busy > 0 && isatty(STDERR_FILENO) == 1)
    console_.note("waiting for " + counted(static_cast<unsigned long long>(busy), "command") +
                  "; a second signal ends everything");
}

void ServeSession::end_in_time(Clock::time_point now) {
  if (!drain_until_ || now < *drain_until_) return;
  drain_until_.reset();
  for (auto& job : jobs_) job->stop(stopping(), now);
}

void ServeSession::end_for_good(const busd::Error& error, Clock::time_point now) {
  code_ = console_.error(error_of(error));
  leaving_ = true;
  drain_until_.reset();
  waiting_.clear();
  for (auto& job : jobs_) job->stop(stopping(), now);
}

int ServeSession::finish() {
  relay_.finish();
  auto closed = connection_.close(code_ == kDone ? kLeavePatience : std::chrono::milliseconds(0));
  if (code_ != kDone) return code_;
  if (!closed && closed.error().result != BUSD_LOST) console_.error(error_of(closed.error()));
  return ended_by_signal(caught_signal());
}

// --- waiting

void ServeSession::wait(Clock::time_point now) {
  std::vector<pollfd> waits;
  if (code_ == kDone) waits.push_back({.fd = connection_.fd(), .events = connection_.events(), .revents = 0});
  if (!leaving_) waits.push_back({.fd = signal_fd(), .events = POLLIN, .revents = 0});
  if (relay_.is_behind()) waits.push_back({.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0});
  for (const auto& job : jobs_) job->add_waits(waits);
  if (poll(waits.data(), waits.size(), poll_timeout_ms(now)) >= 0 || errno == EINTR) return;
  end_for_good({BUSD_INTERNAL, std::string("poll: ") + std::strerror(errno)}, now);
}

int ServeSession::poll_timeout_ms(Clock::time_point now) const {
  int64_t ms = INT_MAX;
  auto take = [&](Clock::time_point at) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(at - now).count();
    ms = std::clamp<int64_t>(left, 0, ms);
  };
  if (code_ == kDone) {
    if (auto left = connection_.deadline()) ms = std::min<int64_t>(ms, left->count());
  }
  for (const auto& job : jobs_) {
    if (auto at = job->deadline(now)) take(*at);
  }
  if (drain_until_) take(*drain_until_);
  if (retry_at_) take(*retry_at_);
  return ms == INT_MAX ? -1 : static_cast<int>(ms);
}

}  // namespace bus::cli

#include "consumer/cli/call_session.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <poll.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/signals.h"

namespace bus::cli {

namespace {

// So many items in a row, then one look at stdin, stdout and signals.
constexpr int kItemsInARow = 256;
// A hub that works ends canceled calls at once.
constexpr std::chrono::milliseconds kCancelPatience{1000};
constexpr std::chrono::milliseconds kLeaveTimeout{1000};

}  // namespace

CallSession::CallSession(const Console& console, busd::Connection connection)
    : console_(console), connection_(std::move(connection)), output_(STDOUT_FILENO) {
  wake_on_signal([](void* handle) { busd_connection_wake(static_cast<busd_connection*>(handle)); },
                 connection_.handle());
}

CallSession::Start CallSession::start(const CallRequest& request, uint64_t& call, busd::Error& fault) {
  busd_call_options options = options_of(request);
  auto error = BUSD_INIT(busd_error);
  busd_result result = busd_connection_call_start(connection_.handle(), c_text(request.task),
                                                  c_text(request.args), &options, &call, &error);
  // A signal ended a wait for room; the call is started nevertheless.
  if (result == BUSD_OK || result == BUSD_TIMED_OUT) {
    calls_.insert(call);
    return Start::started;
  }
  fault = {result, error.message};
  if (result == BUSD_INVALID) return Start::refused;
  if (!failure_) failure_ = lost(fault);
  return Start::over;
}

void CallSession::run() {
  while (true) {
    take_items();
    if (going_on()) start_more();
    if (!going_on() || (calls_.empty() && !wants_input())) break;
    wait();
  }
  leave();
}

std::optional<int> CallSession::broken_exit() const {
  if (caught_signal() != 0) return ended_by_signal(caught_signal());
  if (failure_) return failure_->exit;
  return std::nullopt;
}

// Of a connection that was open: what it was used for may be done or not.
Error CallSession::lost(const busd::Error& error) const {
  Error said = error_of(error);
  if (error.result == BUSD_CLOSED || error.result == BUSD_UNREACHABLE || error.result == BUSD_LOST) {
    said.code = ErrorCode::connection_lost;
    said.exit = exit_code_of(said.code);
    said.message = "connection to the hub lost: " + said.message;
  }
  return said;
}

bool CallSession::going_on() const { return !failure_ && caught_signal() == 0; }

void CallSession::take_items() {
  more_at_hand_ = true;
  for (int i = 0; i < kItemsInARow && more_at_hand_ && going_on(); ++i) {
    if (auto item = connection_.next(std::chrono::milliseconds(0))) {
      take(item->raw());
    } else if (item.error().result == BUSD_TIMED_OUT || (calls_.empty() && !wants_input())) {
      more_at_hand_ = false;
    } else {
      failure_ = lost(item.error());
    }
  }
  flush();
}

void CallSession::take(const busd_item& item) {
  if (calls_.count(item.call) == 0) return;
  if (item.kind == BUSD_ITEM_CHUNK) {
    part(item.call, view_of(item.payload), item.seq);
  } else if (item.kind == BUSD_ITEM_PROGRESS) {
    progress(item);
  } else if (item.kind == BUSD_ITEM_CALL_END) {
    calls_.erase(item.call);
    ended(item.call, *item.answer);
  }
}

void CallSession::wait() {
  // No event is asked of stdout: that its reader is gone is always told. poll skips negative descriptors.
  pollfd waits[] = {{.fd = wants_input() ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0},
                    {.fd = STDOUT_FILENO, .events = 0, .revents = 0},
                    {.fd = connection_.fd(), .events = connection_.events(), .revents = 0},
                    {.fd = signal_fd(), .events = POLLIN, .revents = 0}};
  int most = -1;
  if (auto deadline = connection_.deadline())
    most = static_cast<int>(std::clamp<int64_t>(deadline->count(), 0, INT_MAX));
  int ready = poll(waits, std::size(waits), more_at_hand_ ? 0 : most);
  if (ready <= 0 || caught_signal() != 0) return;
  if ((waits[1].revents & (POLLERR | POLLHUP)) != 0) return note(Written::closed);
  if (waits[0].revents != 0) read_input();
}

void CallSession::note(Written written) {
  if (failure_ || written == Written::ok || written == Written::interrupted) return;
  failure_ = written == Written::closed
                 ? error_of(ErrorCode::output_failed, "stdout was closed before everything was written to it")
                 : error_of(ErrorCode::output_failed,
                            std::string("cannot write to stdout: ") + std::strerror(errno));
}

// Until each has its end, which the hub gives at once.
void CallSession::cancel_open() {
  const std::vector<uint64_t> open(calls_.begin(), calls_.end());
  for (uint64_t call : open) busd_connection_cancel(connection_.handle(), call, nullptr);
  auto until = std::chrono::steady_clock::now() + kCancelPatience;
  while (!calls_.empty()) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return;
    if (auto item = connection_.next(left)) {
      take(item->raw());
    } else if (item.error().result != BUSD_TIMED_OUT) {
      return;
    }
  }
}

void CallSession::leave() {
  cancel_open();
  flush();
  enter_phase(Phase::leaving);
  wake_on_signal(nullptr, nullptr);
  clear_line();
  if (failure_ && caught_signal() == 0) console_.error(*failure_);
  // All calls have ended: what closing answers changes nothing.
  static_cast<void>(connection_.close(kLeaveTimeout));
}

}  // namespace bus::cli

#include "consumer/sources/hub_link.h"

#include <utility>

namespace bus::sources {

namespace {

// Items of one turn; what is left comes in the next one, after the other links had theirs.
constexpr int kItemsPerTurn = 256;
// One write for many lines; those of a turn that is over are sent whatever they are.
constexpr size_t kHoldBytes = 65'536;
// A hub that runs answers at once. It is waited for no longer, because our whole loop waits.
constexpr int64_t kOpenTimeoutMs = 2000;

Errc code_of(busd_result result) {
  switch (result) {
    case BUSD_UNREACHABLE:
    case BUSD_CLOSED:
      return Errc::unavailable;
    case BUSD_DENIED:
    case BUSD_REFUSED:
      return Errc::denied;
    case BUSD_INVALID:
      return Errc::invalid;
    case BUSD_TIMED_OUT:
      return Errc::timed_out;
    case BUSD_PROTOCOL:
      return Errc::protocol;
    default:
      return Errc::busy;
  }
}

}  // namespace

HubLink::HubLink(Loop& loop, Owner& owner)
    : loop_(loop), owner_(owner), deadline_(loop, [this] { turn(); }) {}

HubLink::~HubLink() {
  watch_.reset();
  busd_connection_abandon(connection_);
}

Result<void> HubLink::open(busd_connection_options options) {
  options.no_start = 1;
  options.no_reconnect = 1;
  options.open_timeout_ms = kOpenTimeoutMs;
  options.buffer_bytes = kBufferBytes;
  options.hold_bytes = kHoldBytes;
  auto error = BUSD_INIT(busd_error);
  busd_result result = busd_connection_open(&options, &connection_, &error);
  if (result != BUSD_OK) return Error{code_of(result), error.message};
  watch_ = std::make_unique<FdWatch>(loop_, busd_connection_fd(connection_),
                                     static_cast<FdWatch::Handler&>(*this));
  if (!watch_->set(FdWatch::Mode::reading, false)) {
    busd_connection_abandon(std::exchange(connection_, nullptr));
    return Error{Errc::io, "no room for a watch of the hub's socket"};
  }
  stir();
  return {};
}

void HubLink::close(Duration patience) {
  if (connection_ == nullptr) return;
  if (!watch_->set(FdWatch::Mode::off, false)) watch_.reset();
  deadline_.clear();
  (void)busd_connection_close(std::exchange(connection_, nullptr), to_ms(patience), nullptr);
}

void HubLink::stir() {
  if (connection_ == nullptr) return;
  int64_t left = busd_connection_deadline(connection_);
  deadline_.set(left == BUSD_FOREVER ? kNever : now() + milliseconds(left));
}

void HubLink::turn() {
  auto error = BUSD_INIT(busd_error);
  auto item = BUSD_INIT(busd_item);
  for (int taken = 0; taken < kItemsPerTurn && connection_ != nullptr; ++taken) {
    busd_result result = busd_connection_next(connection_, 0, &item, &error);
    if (result == BUSD_TIMED_OUT) break;
    if (result != BUSD_OK) return lose(error.message);
    owner_.on_item(item);
  }
  if (connection_ != nullptr) owner_.on_turn_done();
  stir();
}

void HubLink::send_held() { turn(); }

void HubLink::lose(const std::string& reason) {
  static_cast<void>(watch_->set(FdWatch::Mode::off, false));
  deadline_.clear();
  busd_connection_abandon(std::exchange(connection_, nullptr));
  owner_.on_link_lost(reason);
}

Result<void> HubLink::provide(const std::vector<std::string>& tasks, uint32_t slots, int32_t priority) {
  std::vector<busd_text> names;
  names.reserve(tasks.size());
  for (const std::string& task : tasks) names.push_back(text_of(task));
  auto options = BUSD_INIT(busd_provide_options);
  options.slots = slots;
  options.priority = priority;
  auto error = BUSD_INIT(busd_error);
  busd_result result = busd_connection_provide(connection_, names.data(), names.size(), &options, &error);
  stir();
  if (result != BUSD_OK) return Error{code_of(result), error.message};
  return {};
}

}  // namespace bus::sources

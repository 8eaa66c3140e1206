#include "hub/notifier.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>

namespace bus::hub {

namespace {

constexpr Duration kSendAgainAfter = milliseconds(100);

// Half of what the manager waits, as sd_watchdog_enabled(3) advises; not so often that it becomes work.
Duration ping_interval(Duration watchdog) {
  constexpr Duration kShortest = milliseconds(1);
  return watchdog == Duration::max() ? watchdog : std::max(watchdog / 2, kShortest);
}

ssize_t send_datagram(int fd, const std::string& where, const std::string& text) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, where.data(), where.size());
  // An abstract name is as long as the address says; a path has its NUL.
  size_t length = offsetof(sockaddr_un, sun_path) + where.size() + (where[0] == '\0' ? 0 : 1);
  ssize_t sent = 0;
  do {
    sent = ::sendto(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length));
  } while (sent < 0 && errno == EINTR);
  return sent;
}

}  // namespace

Notifier::Notifier(Loop& loop, const ServiceManager& manager, std::function<std::string()> status, Log& log)
    : address_(manager.address),
      ping_every_(ping_interval(manager.watchdog)),
      status_(std::move(status)),
      log_(log),
      ping_(loop, [this] { live(); }),
      status_due_(loop, [this] { tell_new_status(); }),
      retry_(loop, [this] { send(); }) {}

void Notifier::ready() {
  if (address_.empty() || stopping_) return;
  owed_state_ = kTellReady;
  told_status_ = status_();
  looked_at_ = now();
  owed_status_ = tell_status(told_status_);
  send();
  if (ping_every_ != Duration::max() && ping_.due() == kNever) live();
}

void Notifier::reloading() {
  if (address_.empty() || stopping_) return;
  owed_state_ = tell_reloading(now());
  send();
}

void Notifier::stopping(const std::string& reason) {
  stopping_ = true;
  status_due_.clear();
  if (address_.empty()) return;
  owed_state_ = kTellStopping;
  owed_status_ = tell_status("stopping: " + reason);
  send();
}

void Notifier::note_changes(uint64_t count) {
  seen_changes_ = count;
  if (address_.empty() || stopping_ || status_due_.due() != kNever) return;
  status_due_.set(looked_at_ + kStatusEvery);
}

void Notifier::tell_new_status() {
  looked_at_ = now();
  std::string status = status_();
  if (status == told_status_) return;
  told_status_ = std::move(status);
  owed_status_ = tell_status(told_status_);
  send();
}

void Notifier::live() {
  ping_.set(now() + ping_every_);
  owed_ping_ = true;
  send();
}

void Notifier::send() {
  std::string datagram = owed_state_ + owed_status_ + std::string(owed_ping_ ? kTellAlive : "");
  if (datagram.empty()) return;
  if (!socket_) socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ssize_t sent = socket_ ? send_datagram(socket_.get(), address_, datagram) : -1;
  if (sent < 0) {
    int reason = errno;
    if (!std::exchange(failure_logged_, true)) {
      log_.write(LogLevel::warning, "the service manager cannot be told",
                 {{"reason", errno_error("NOTIFY_SOCKET", reason).what}});
    }
    // A manager that is busy, or a machine that is short of something, may have room soon. One that is gone
    // will not come back.
    bool passes =
        reason == EAGAIN || reason == ENOBUFS || reason == ENOMEM || reason == EMFILE || reason == ENFILE;
    if (passes) {
      retry_.set(now() + kSendAgainAfter);
      return;
    }
  } else {
    failure_logged_ = false;
  }
  owed_state_.clear();
  owed_status_.clear();
  owed_ping_ = false;
}

}  // namespace bus::hub

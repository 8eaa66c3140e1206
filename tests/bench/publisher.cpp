#include "tests/bench/publisher.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

#include "protocol/base/check.h"
#include "tests/bench/accounting.h"
#include "tests/bench/payload.h"

namespace bus::bench {

namespace {

constexpr size_t kHeardBytes = 200;

}  // namespace

Publisher::Publisher(Fd fd, Contender& contender, size_t index, const std::vector<std::string>& topics,
                     const std::string& payload, size_t slots)
    : fd_(std::move(fd)), number_(number_text(index * kNumbersPerPublisher)) {
  BUSD_CHECK(slots > 0 && slots % topics.size() == 0);
  for (size_t slot = 0; slot < slots; ++slot) {
    size_t begin = ring_.size();
    contender.append_publication(ring_, topics[slot % topics.size()], payload, slot + 1);
    size_t mark = ring_.find(kNumberMark, begin);
    BUSD_CHECK(mark != std::string::npos);
    digits_at_.push_back(mark + kNumberMark.size());
    ends_at_.push_back(ring_.size());
  }
}

void Publisher::publish(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    size_t slot = published_++ % digits_at_.size();
    increment_number(number_);
    std::memcpy(ring_.data() + digits_at_[slot], number_.data(), kNumberDigits);
    unwritten_bytes_ += ends_at_[slot] - (slot == 0 ? 0 : ends_at_[slot - 1]);
  }
}

Result<void> Publisher::flush() {
  while (unwritten_bytes_ > 0) {
    size_t whole = std::min(unwritten_bytes_, ring_.size() - write_at_);
    ssize_t sent = ::send(fd_.get(), ring_.data() + write_at_, whole, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) return {};
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno_error("the server does not take messages any more", errno);
    write_at_ = (write_at_ + static_cast<size_t>(sent)) % ring_.size();
    unwritten_bytes_ -= static_cast<size_t>(sent);
    if (static_cast<size_t>(sent) < whole) return {};
  }
  return {};
}

Result<void> Publisher::drain() {
  std::array<char, 64 * 1024> bytes;
  ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (got < 0) return errno_error("recv from the server", errno);
  if (got == 0) return Error{Errc::closed, "the server closed the connection of a publisher"};
  size_t kept = std::min(static_cast<size_t>(got), kHeardBytes);
  last_heard_.assign(bytes.data() + got - kept, kept);
  return {};
}

}  // namespace bus::bench

#include "tests/bench/generator.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "protocol/base/strings.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr int kTurnPatienceMs = 1000;
constexpr Duration kStuckAfter = seconds(5);

std::vector<std::string> topics_of(const Shape& shape) {
  if (shape.topics == 1) return {"bench"};
  std::vector<std::string> topics;
  // All of one length, so that none is cheaper than another.
  for (size_t i = 0; i < shape.topics; ++i) topics.push_back("bench.k" + std::to_string(10'000 + i));
  return topics;
}

}  // namespace

struct Generator::Subscriber : MessageSink {
  Subscriber(Generator& generator, Fd socket, std::unique_ptr<Parser> cutter, size_t number)
      : owner(generator), fd(std::move(socket)), parser(std::move(cutter)), index(number) {}

  void message(std::string_view payload) override { owner.accounting_.received(index, payload); }

  Generator& owner;
  Fd fd;
  std::unique_ptr<Parser> parser;
  size_t index;
};

Generator::Generator(const Shape& shape, std::string payload)
    : payload_(std::move(payload)),
      accounting_(shape.publishers, shape.subscribers, shape.topics, payload_),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      buffer_(kReadBytes, '\0') {}

Generator::~Generator() = default;

Result<std::unique_ptr<Generator>> Generator::connect(Contender& contender, const Shape& shape) {
  std::unique_ptr<Generator> generator(
      new Generator(shape, make_payload(shape.payload, shape.payload_bytes)));
  if (!generator->epoll_) return errno_error("epoll_create", errno);
  BUSD_TRY(generator->connect_subscribers(contender, shape));
  BUSD_TRY(generator->connect_publishers(contender, shape));
  return generator;
}

// In epoll, publishers have the tags from 0, subscribers those behind them.
Result<void> Generator::connect_subscribers(Contender& contender, const Shape& shape) {
  std::vector<std::string> topics = topics_of(shape);
  for (size_t i = 0; i < shape.subscribers; ++i) {
    std::vector<std::string> wanted = {topics[i % topics.size()]};
    if (shape.apart) wanted.push_back("apart.k" + std::to_string(10'000 + i));
    auto connected =
        shape.apart ? contender.connect_subscriber_apart(wanted, i) : contender.connect_subscriber(wanted);
    BUSD_ASSIGN(Fd fd, std::move(connected));
    BUSD_TRY(set_buffers(fd.get()));
    BUSD_TRY(watch(fd.get(), shape.publishers + i, EPOLL_CTL_ADD, EPOLLIN));
    subscribers_.push_back(std::make_unique<Subscriber>(*this, std::move(fd), contender.make_parser(), i));
  }
  for (size_t i = 0; i < shape.bystanders; ++i) {
    BUSD_ASSIGN(Fd fd, contender.connect_subscriber({"other.k" + std::to_string(10'000 + i)}));
    others_.push_back(std::move(fd));
  }
  for (size_t i = 0; i < shape.stopped; ++i) {
    BUSD_ASSIGN(Fd fd, contender.connect_subscriber({topics[0]}));
    others_.push_back(std::move(fd));
  }
  return {};
}

Result<void> Generator::connect_publishers(Contender& contender, const Shape& shape) {
  std::vector<std::string> topics = topics_of(shape);
  for (size_t i = 0; i < shape.publishers; ++i) {
    BUSD_ASSIGN(Fd fd, contender.connect_publisher());
    BUSD_TRY(set_buffers(fd.get()));
    BUSD_TRY(watch(fd.get(), i, EPOLL_CTL_ADD, EPOLLIN));
    publishers_.emplace_back(std::move(fd), contender, i, topics, payload_, shape.window / shape.publishers);
    waits_for_room_.push_back(0);
  }
  return {};
}

Result<void> Generator::watch(int fd, uint64_t tag, int operation, uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) return errno_error("epoll_ctl", errno);
  return {};
}

Result<Flood> Generator::flood(Duration duration) {
  uint64_t delivered_at_start = accounting_.delivered();
  TimePoint begin = now();
  TimePoint deadline = begin + duration;
  last_progress_ = begin;
  BUSD_TRY(refill());
  while (!all_completed()) {
    BUSD_TRY(turn(kTurnPatienceMs));
    if (now() < deadline) BUSD_TRY(refill());
  }
  Flood flood;
  flood.seconds = std::chrono::duration<double>(now() - begin).count();
  flood.delivered = accounting_.delivered() - delivered_at_start;
  // What comes now comes for the second time.
  BUSD_TRY(turn(0));
  return flood;
}

Result<std::vector<Duration>> Generator::pace(size_t rate_per_second, Duration duration) {
  const Duration interval = std::chrono::duration_cast<Duration>(seconds(1)) / rate_per_second;
  const auto total = static_cast<size_t>(duration / interval);
  Publisher& publisher = publishers_[0];
  const uint64_t before = accounting_.completed(0);
  const TimePoint begin = now() + interval;
  std::vector<Duration> latencies;
  latencies.reserve(total);
  last_progress_ = begin;
  for (size_t sent = 0; latencies.size() < total;) {
    if (sent < total && now() >= begin + interval * sent && sent - latencies.size() < publisher.slots()) {
      publisher.publish(1);
      BUSD_TRY(write_due(0));
      ++sent;
    }
    BUSD_TRY(turn(0));
    TimePoint arrived = now();
    while (latencies.size() < accounting_.completed(0) - before) {
      latencies.push_back(arrived - (begin + interval * latencies.size()));
    }
  }
  return latencies;
}

Result<void> Generator::refill() {
  for (size_t i = 0; i < publishers_.size(); ++i) {
    Publisher& publisher = publishers_[i];
    auto in_flight = static_cast<size_t>(publisher.published() - accounting_.completed(i));
    if (in_flight > publisher.slots() / 2) continue;
    publisher.publish(publisher.slots() - in_flight);
    BUSD_TRY(write_due(i));
  }
  return {};
}

Result<void> Generator::write_due(size_t i) {
  BUSD_TRY(publishers_[i].flush());
  bool waits = publishers_[i].has_unwritten();
  if (waits == (waits_for_room_[i] != 0)) return {};
  waits_for_room_[i] = waits ? 1 : 0;
  return watch(publishers_[i].fd(), i, EPOLL_CTL_MOD, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

Result<void> Generator::turn(int patience_ms) {
  std::array<epoll_event, 256> events;
  int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience_ms);
  if (count < 0 && errno != EINTR) return errno_error("epoll_wait", errno);
  for (int i = 0; i < count; ++i) BUSD_TRY(handle(events[static_cast<size_t>(i)].data.u64));
  if (accounting_.delivered() != delivered_before_) {
    delivered_before_ = accounting_.delivered();
    last_progress_ = now();
  } else if (now() - last_progress_ > kStuckAfter) {
    return stuck();
  }
  return {};
}

Result<void> Generator::handle(uint64_t tag) {
  auto at = static_cast<size_t>(tag);
  if (at >= publishers_.size()) return read_from(*subscribers_[at - publishers_.size()]);
  BUSD_TRY(publishers_[at].drain());
  return write_due(at);
}

Result<void> Generator::read_from(Subscriber& subscriber) {
  ssize_t got = ::recv(subscriber.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (got < 0) return errno_error("recv from the server", errno);
  if (got == 0) return Error{Errc::closed, "the server closed the connection of a subscriber"};
  std::string_view bytes(buffer_.data(), static_cast<size_t>(got));
  if (!subscriber.parser->take(bytes, subscriber)) {
    return Error{Errc::protocol, "a subscriber got what is no message: " + printable(bytes)};
  }
  if (!accounting_.fault().empty()) return Error{Errc::protocol, accounting_.fault()};
  return {};
}

bool Generator::all_completed() const {
  for (size_t i = 0; i < publishers_.size(); ++i) {
    if (accounting_.completed(i) < publishers_[i].published()) return false;
  }
  return true;
}

Error Generator::stuck() const {
  const Publisher& first = publishers_[0];
  std::string what = "nothing arrived for " + format_duration(kStuckAfter) + ": of " +
                     std::to_string(first.published()) + " messages of publisher 0, " +
                     std::to_string(first.published() - accounting_.completed(0)) + " are not there";
  if (!first.last_heard().empty()) what += "; it was told " + printable(first.last_heard());
  return Error{Errc::timed_out, what};
}

}  // namespace bus::bench

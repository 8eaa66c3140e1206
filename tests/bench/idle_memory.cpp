#include "tests/bench/idle_memory.h"

#include <cerrno>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/bench/payload.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

constexpr size_t kEventsEach = 10;
constexpr size_t kPayloadBytes = 1024;

struct Consumer {
  std::string topic;
  Fd fd;
  std::unique_ptr<Parser> parser;
};

class MessageCount final : public MessageSink {
 public:
  void message(std::string_view) override { ++count_; }
  size_t count() const { return count_; }

 private:
  size_t count_ = 0;
};

Result<void> raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return errno_error("getrlimit", errno);
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return errno_error("setrlimit", errno);
  return {};
}

Result<std::vector<Consumer>> connect_consumers(Contender& contender) {
  std::vector<Consumer> consumers;
  for (size_t i = 0; i < kIdleConsumers; ++i) {
    std::string topic = "idle." + std::to_string(i);
    BUSD_ASSIGN(Fd fd, contender.connect_subscriber({topic}));
    consumers.push_back({std::move(topic), std::move(fd), contender.make_parser()});
  }
  return consumers;
}

// Reads what there is, waiting for the first of it; false when nothing comes or the connection ended.
bool read_available(int fd, std::string& bytes) {
  pollfd waiting{fd, POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(to_ms(kHandshakePatience))) <= 0) return false;
  bytes.resize(64 * kPayloadBytes);
  ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got <= 0) return false;
  bytes.resize(static_cast<size_t>(got));
  return true;
}

Result<void> receive_events(Consumer& consumer) {
  MessageCount received;
  std::string bytes;
  while (received.count() < kEventsEach) {
    if (!read_available(consumer.fd.get(), bytes) || !consumer.parser->take(bytes, received)) {
      return Error{Errc::protocol, "an idle consumer got " + std::to_string(received.count()) + " of " +
                                       std::to_string(kEventsEach) + " events"};
    }
  }
  return {};
}

// Some servers answer publishers, and could wait for them to read it.
void drain(int fd) {
  char bytes[4096];
  while (::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
  }
}

Result<void> exchange_events(Contender& contender, std::vector<Consumer>& consumers) {
  BUSD_ASSIGN(Fd publisher, contender.connect_publisher());
  std::string payload = make_payload(PayloadKind::dense, kPayloadBytes);
  uint64_t serial = 0;
  for (Consumer& consumer : consumers) {
    std::string events;
    for (size_t i = 0; i < kEventsEach; ++i) {
      contender.append_publication(events, consumer.topic, payload, ++serial);
    }
    BUSD_TRY(send_all(publisher.get(), events));
    drain(publisher.get());
  }
  for (Consumer& consumer : consumers) BUSD_TRY(receive_events(consumer));
  return {};
}

double per_consumer(size_t with_kib, size_t without_kib) {
  return (static_cast<double>(with_kib) - static_cast<double>(without_kib)) / kIdleConsumers;
}

}  // namespace

double IdleMemory::kib_per_consumer() const { return per_consumer(connected_kib, base_kib); }

double IdleMemory::kib_per_consumer_after_events() const { return per_consumer(after_events_kib, base_kib); }

Result<IdleMemory> measure_idle_memory(Contender& contender, const std::string& directory) {
  BUSD_TRY(raise_descriptor_limit());
  BUSD_ASSIGN(ServerProcess server, contender.start(directory));
  IdleMemory memory;
  memory.base_kib = server.memory_kib();
  BUSD_ASSIGN(std::vector<Consumer> consumers, connect_consumers(contender));
  memory.connected_kib = server.memory_kib();
  BUSD_TRY(exchange_events(contender, consumers));
  memory.after_events_kib = server.memory_kib();
  if (memory.after_events_kib == 0) return Error{Errc::unavailable, contender.name() + " has ended"};
  return memory;
}

}  // namespace bus::bench

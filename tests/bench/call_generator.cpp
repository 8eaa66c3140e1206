#include "tests/bench/call_generator.h"

#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "protocol/base/check.h"
#include "protocol/base/strings.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr Duration kStuckAfter = seconds(5);

}  // namespace

// One connection. What a read brings is handled when all of it was cut, so that a batch can be answered by one write.
struct CallGenerator::Party final : CallSink {
  Party(CallGenerator& whose, Fd socket, size_t number)
      : owner(whose), fd(std::move(socket)), parser(whose.wire_.make_call_parser()), index(number) {}

  void request(std::string_view reply_to, std::string_view args) override {
    owner.accounting_.given(args);
    owner.wire_.append_reply(out, reply_to, ++serial, args);
    ends.push_back(out.size());
  }
  void reply(uint64_t number, std::string_view result) override {
    Duration took = owner.accounting_.answered(index, number, result, now());
    owner.latencies_.push_back(took);
    ++answered;
  }

  // All that was appended: at once, or each message by itself.
  Result<void> write(bool at_once) {
    std::string_view bytes = out;
    if (at_once && !bytes.empty()) BUSD_TRY(send_all(fd.get(), bytes));
    size_t begin = 0;
    for (size_t end : ends) {
      if (!at_once) BUSD_TRY(send_all(fd.get(), bytes.substr(begin, end - begin)));
      begin = end;
    }
    out.clear();
    ends.clear();
    return {};
  }

  CallGenerator& owner;
  Fd fd;
  std::unique_ptr<CallParser> parser;
  size_t index;  // among the callers, or among the providers
  std::string out;
  std::vector<size_t> ends;  // in `out`, of each message
  uint64_t serial = 0;
  size_t answered = 0;  // replies of this read
};

CallGenerator::CallGenerator(CallWire& wire, const Shape& shape)
    : wire_(wire),
      load_(*shape.calls),
      accounting_(load_.callers, load_.outstanding / load_.callers, shape.payload_bytes),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      buffer_(kReadBytes, '\0') {}

CallGenerator::~CallGenerator() = default;

Result<std::unique_ptr<CallGenerator>> CallGenerator::connect(Contender& contender, const Shape& shape) {
  BUSD_CHECK(shape.calls && contender.calls() != nullptr);
  std::unique_ptr<CallGenerator> generator(new CallGenerator(*contender.calls(), shape));
  if (!generator->epoll_) return errno_error("epoll_create", errno);
  for (size_t i = 0; i < shape.calls->callers; ++i) BUSD_TRY(generator->add(contender, i, true));
  for (size_t i = 0; i < shape.calls->providers; ++i) BUSD_TRY(generator->add(contender, i, false));
  return generator;
}

Result<void> CallGenerator::add(Contender& contender, size_t index, bool is_caller) {
  BUSD_ASSIGN(Fd fd, contender.connect_publisher());
  BUSD_TRY(set_buffers(fd.get()));
  if (is_caller) {
    BUSD_TRY(wire_.become_caller(fd.get(), index));
  } else {
    BUSD_TRY(wire_.become_provider(fd.get(), index, load_.slots));
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = parties_.size();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) return errno_error("epoll_ctl", errno);
  parties_.push_back(std::make_unique<Party>(*this, std::move(fd), index));
  return {};
}

Result<CallRun> CallGenerator::run(Duration duration) {
  latencies_.clear();
  TimePoint begin = now();
  until_ = begin + duration;
  for (size_t caller = 0; caller < load_.callers; ++caller) {
    while (accounting_.has_free_slot(caller)) BUSD_TRY(request(caller));
    BUSD_TRY(parties_[caller]->write(load_.batched));
  }
  TimePoint last_progress = begin;
  for (size_t seen = 0; accounting_.open() > 0;) {
    BUSD_TRY(turn(1000));
    if (latencies_.size() != seen) {
      seen = latencies_.size();
      last_progress = now();
    } else if (now() - last_progress > kStuckAfter) {
      return Error{Errc::timed_out, "no reply for " + format_duration(kStuckAfter) + ", with " +
                                        std::to_string(accounting_.open()) + " requests open"};
    }
  }
  CallRun run;
  run.seconds = std::chrono::duration<double>(now() - begin).count();
  // What comes now comes for the second time.
  BUSD_TRY(turn(0));
  run.latencies = std::move(latencies_);
  return run;
}

Result<void> CallGenerator::request(size_t caller) {
  Party& party = *parties_[caller];
  CallAccounting::Request request = accounting_.begin(caller, now());
  wire_.append_request(party.out, caller, request.number, next_provider_, request.args);
  next_provider_ = (next_provider_ + 1) % load_.providers;
  party.ends.push_back(party.out.size());
  return load_.batched ? Result<void>{} : party.write(false);
}

Result<void> CallGenerator::turn(int patience_ms) {
  std::array<epoll_event, 256> events;
  int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience_ms);
  if (count < 0 && errno != EINTR) return errno_error("epoll_wait", errno);
  for (int i = 0; i < count; ++i) BUSD_TRY(read_from(*parties_[events[static_cast<size_t>(i)].data.u64]));
  return {};
}

Result<void> CallGenerator::read_from(Party& party) {
  ssize_t got = ::recv(party.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (got < 0) return errno_error("recv from the server", errno);
  if (got == 0) return Error{Errc::closed, "the server closed a connection"};
  std::string_view bytes(buffer_.data(), static_cast<size_t>(got));
  if (!party.parser->take(bytes, party))
    return Error{Errc::protocol, "what came is no request and no result: " + printable(bytes)};
  return finish_read(party);
}

Result<void> CallGenerator::finish_read(Party& party) {
  if (!accounting_.fault().empty()) return Error{Errc::protocol, accounting_.fault()};
  size_t answered = std::exchange(party.answered, 0);
  if (answered > 0 && now() < until_) {
    for (; answered > 0; --answered) BUSD_TRY(request(party.index));
  }
  return party.write(load_.batched);
}

}  // namespace bus::bench

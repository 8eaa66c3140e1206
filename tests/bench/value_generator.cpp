#include "tests/bench/value_generator.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

#include "protocol/base/check.h"
#include "protocol/base/strings.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr size_t kFillAtOnce = 256;  // puts that are open while the keys get their first values
constexpr Duration kStuckAfter = seconds(10);

}  // namespace

struct ValueGenerator::Party {
  Party(ValueGenerator& whose, Fd socket) : owner(whose), fd(std::move(socket)) {}
  virtual ~Party() = default;
  virtual bool take(std::string_view bytes) = 0;
  // After all of a read was taken.
  virtual Result<void> read_done() = 0;

  Result<void> write() {
    Result<void> sent = send_all(fd.get(), out);
    out.clear();
    return sent;
  }

  ValueGenerator& owner;
  Fd fd;
  std::string out;
};

struct ValueGenerator::Client final : Party, ValueSink {
  struct Open {
    size_t index;
    TimePoint began;
  };

  Client(ValueGenerator& whose, Fd socket, size_t which)
      : Party(whose, std::move(socket)), parser(whose.store_.make_value_parser()), number(which) {}

  bool take(std::string_view bytes) override { return parser->take(bytes, *this); }
  Result<void> read_done() override {
    // A server may also say something by itself.
    bool was_answered = std::exchange(has_answer, false);
    bool goes_on = was_answered && owner.is_measuring_ && owner.works_alone() && now() < owner.until_;
    return goes_on ? owner.begin(*this) : Result<void>{};
  }

  void stored(uint64_t operation, uint64_t version) override {
    Open done{};
    if (answered(operation, done)) owner.accounting_.stored(done.index, version);
  }
  void got(uint64_t operation, uint64_t version, std::string_view value) override {
    Open done{};
    if (answered(operation, done)) owner.accounting_.got(done.index, version, value);
  }
  void changed(std::string_view key, uint64_t, uint64_t, std::string_view) override {
    owner.accounting_.fail("a client was told of " + printable(key));
  }
  void synced() override { owner.accounting_.fail("a client was told that it is in sync"); }

  // Answers come in the order of the operations.
  bool answered(uint64_t operation, Open& done) {
    if (open.empty() || operation != operations - open.size() + 1) {
      owner.accounting_.fail("client " + std::to_string(number) + " got an answer to operation " +
                             std::to_string(operation) + ", which is not the next one");
      return false;
    }
    done = open.front();
    open.pop_front();
    --owner.open_;
    ++owner.arrived_;
    has_answer = true;
    if (owner.is_measuring_ && owner.works_alone()) owner.run_.latencies.push_back(now() - done.began);
    return true;
  }

  void append_put(size_t index) {
    std::string_view value = owner.accounting_.begin_put(index);
    owner.store_.append_put(out, number, ++operations, owner.accounting_.key(index), value);
    begun(index);
  }
  void append_get(size_t index) {
    owner.store_.append_get(out, number, ++operations, owner.accounting_.key(index));
    begun(index);
  }
  void begun(size_t index) {
    open.push_back({index, now()});
    ++owner.open_;
  }

  // In an order that is not that of the keys; those of this client only.
  size_t next_index() {
    constexpr size_t kStep = 7919;
    size_t clients = owner.load_.clients;
    size_t own = std::max<size_t>(owner.load_.keys / clients, 1);
    at = (at + kStep) % own;
    return at * clients + number;
  }

  std::unique_ptr<ValueParser> parser;
  size_t number;
  uint64_t operations = 0;
  std::deque<Open> open;
  bool has_answer = false;  // since read_done()
  size_t at = 0;
};

struct ValueGenerator::Follower final : Party, ValueSink {
  Follower(ValueGenerator& whose, Fd socket, std::unique_ptr<ValueFollower> how, size_t which)
      : Party(whose, std::move(socket)), wire(std::move(how)), number(which) {
    owner.accounting_.follower_begins(number);
  }

  bool take(std::string_view bytes) override { return wire->take(bytes, *this, out); }
  Result<void> read_done() override { return out.empty() ? Result<void>{} : write(); }

  void changed(std::string_view key, uint64_t version, uint64_t skipped, std::string_view value) override {
    ++owner.arrived_;
    size_t index = owner.accounting_.told(number, key, version, skipped, value);
    if (index < owner.accounting_.keys() && owner.load_.work == ValueLoad::Work::follow && is_synced)
      owner.reached(*this);
    ++told;
  }
  void synced() override { is_synced = true; }
  void stored(uint64_t operation, uint64_t) override { unexpected(operation); }
  void got(uint64_t operation, uint64_t, std::string_view) override { unexpected(operation); }
  void unexpected(uint64_t operation) {
    owner.accounting_.fail("a follower was answered operation " + std::to_string(operation));
  }

  std::unique_ptr<ValueFollower> wire;
  size_t number;
  bool is_synced = false;
  size_t told = 0;
};

ValueGenerator::ValueGenerator(ValueStore& store, const Shape& shape)
    : store_(store),
      load_(*shape.values),
      accounting_(load_.keys, shape.payload_bytes),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      buffer_(kReadBytes, '\0') {}

ValueGenerator::~ValueGenerator() = default;

Result<std::unique_ptr<ValueGenerator>> ValueGenerator::connect(ValueStore& store, const Shape& shape) {
  BUSD_CHECK(shape.values && shape.values->keys >= shape.values->clients);
  std::unique_ptr<ValueGenerator> generator(new ValueGenerator(store, shape));
  if (!generator->epoll_) return errno_error("epoll_create", errno);
  for (size_t i = 0; i < shape.values->clients; ++i) BUSD_TRY(generator->add_client());
  BUSD_TRY(generator->fill());
  std::string_view key = shape.values->keys == 1 ? generator->accounting_.key(0) : std::string_view();
  for (size_t i = 0; i < shape.values->followers; ++i) BUSD_TRY(generator->add_follower(store.follow(key)));
  return generator;
}

Result<void> ValueGenerator::add_client() {
  BUSD_ASSIGN(Fd fd, store_.connect(clients_.size()));
  BUSD_TRY(set_buffers(fd.get()));
  clients_.push_back(std::make_unique<Client>(*this, std::move(fd), clients_.size()));
  return watch(*clients_.back());
}

Result<void> ValueGenerator::add_follower(std::unique_ptr<ValueFollower> wire) {
  BUSD_ASSIGN(Fd fd, store_.connect(clients_.size() + followers_.size()));
  BUSD_TRY(set_buffers(fd.get()));
  followers_.push_back(std::make_unique<Follower>(*this, std::move(fd), std::move(wire), followers_.size()));
  Follower& follower = *followers_.back();
  BUSD_TRY(watch(follower));
  follower.wire->begin(follower.out);
  BUSD_TRY(follower.write());
  return work_until([&follower] { return follower.is_synced; });
}

Result<void> ValueGenerator::watch(Party& party) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &party;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, party.fd.get(), &event) != 0)
    return errno_error("epoll_ctl", errno);
  return {};
}

Result<void> ValueGenerator::fill() {
  Client& client = *clients_.front();
  for (size_t next = 0; next < load_.keys;) {
    size_t end = std::min(load_.keys, next + kFillAtOnce - open_);
    for (; next < end; ++next) client.append_put(next);
    BUSD_TRY(client.write());
    BUSD_TRY(work_until([this] { return open_ <= kFillAtOnce / 2; }));
  }
  return work_until([this] { return open_ == 0; });
}

Result<ValueRun> ValueGenerator::run(Duration duration) {
  run_ = {};
  size_t arrived_before = arrived_;
  TimePoint begin_at = now();
  until_ = begin_at + duration;
  is_measuring_ = true;
  if (load_.work == ValueLoad::Work::snapshot) {
    do {
      BUSD_TRY(take_snapshot());
    } while (now() < until_);
  } else if (load_.work == ValueLoad::Work::follow) {
    do {
      BUSD_TRY(put_for_followers());
    } while (now() < until_);
  } else {
    for (auto& client : clients_) BUSD_TRY(begin(*client));
    BUSD_TRY(work_until([this] { return open_ == 0; }));
  }
  is_measuring_ = false;
  run_.seconds = std::chrono::duration<double>(now() - begin_at).count();
  // Without the answers to the puts that were followed.
  run_.operations =
      load_.work == ValueLoad::Work::snapshot ? arrived_ - arrived_before : run_.latencies.size();
  // What comes now comes for the second time.
  BUSD_TRY(turn(0));
  return std::move(run_);
}

void ValueGenerator::disconnect() {
  clients_.clear();
  followers_.clear();
}

Result<void> ValueGenerator::take_snapshot() {
  BUSD_ASSIGN(Fd fd, store_.connect(clients_.size()));
  BUSD_TRY(set_buffers(fd.get()));
  Follower follower(*this, std::move(fd), store_.snapshot(), 0);
  BUSD_TRY(watch(follower));
  follower.wire->begin(follower.out);
  TimePoint begin_at = now();
  BUSD_TRY(follower.write());
  BUSD_TRY(work_until([&follower] { return follower.is_synced; }));
  run_.latencies.push_back(now() - begin_at);
  accounting_.follower_synced(0);
  if (follower.told != load_.keys) accounting_.fail("a snapshot has a key twice");
  return accounting_.fault().empty() ? Result<void>{} : Error{Errc::protocol, accounting_.fault()};
}

Result<void> ValueGenerator::begin(Client& client) {
  size_t index = client.next_index();
  if (load_.work == ValueLoad::Work::get) {
    client.append_get(index);
  } else {
    client.append_put(index);
  }
  return client.write();
}

Result<void> ValueGenerator::put_for_followers() {
  Client& client = *clients_.front();
  awaited_ = followers_.size() * load_.at_once;
  began_ = now();
  for (size_t i = 0; i < load_.at_once; ++i) client.append_put(client.next_index());
  BUSD_TRY(client.write());
  return work_until([this] { return awaited_ == 0 && open_ == 0; });
}

void ValueGenerator::reached(Follower& follower) {
  if (!is_measuring_) return;
  if (awaited_ == 0)
    return accounting_.fail("follower " + std::to_string(follower.number) + " was told of what nobody put");
  --awaited_;
  run_.latencies.push_back(now() - began_);
}

template <class Done>
Result<void> ValueGenerator::work_until(Done done) {
  TimePoint last_progress = now();
  for (size_t seen = arrived_; !done();) {
    BUSD_TRY(turn(1000));
    if (arrived_ != seen) {
      seen = arrived_;
      last_progress = now();
    } else if (now() - last_progress > kStuckAfter) {
      return Error{Errc::timed_out, "nothing came for " + format_duration(kStuckAfter) + ", with " +
                                        std::to_string(open_) + " operations open and " +
                                        std::to_string(awaited_) + " values not followed"};
    }
  }
  return {};
}

Result<void> ValueGenerator::turn(int patience_ms) {
  std::array<epoll_event, 256> events;
  int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience_ms);
  if (count < 0 && errno != EINTR) return errno_error("epoll_wait", errno);
  for (int i = 0; i < count; ++i) {
    Party& party = *static_cast<Party*>(events[static_cast<size_t>(i)].data.ptr);
    ssize_t got = ::recv(party.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return errno_error("recv from the server", errno);
    if (got == 0) return Error{Errc::closed, "the server closed a connection"};
    std::string_view bytes(buffer_.data(), static_cast<size_t>(got));
    if (!party.take(bytes)) return Error{Errc::protocol, "what came is no answer: " + printable(bytes)};
    if (!accounting_.fault().empty()) return Error{Errc::protocol, accounting_.fault()};
    BUSD_TRY(party.read_done());
  }
  return {};
}

}  // namespace bus::bench

#include "tests/bench/value_trials.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "tests/bench/call_client.h"
#include "tests/bench/value_accounting.h"
#include "tests/bench/value_generator.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

constexpr size_t kValueBytes = 128;
constexpr size_t kReadBytes = 64 * 1024;
constexpr uint64_t kPutsAtOnce = 64;

Result<ServerProcess> start(const StoreTrial& trial) {
  trial.pinning.to_server_cpu();
  auto server = trial.store.start(trial.directory);
  trial.pinning.to_generator_cpu();
  return server;
}

// What comes next, at most kReadBytes; waits for it.
Result<std::string> read_next(int fd) {
  std::string bytes(kReadBytes, '\0');
  for (TimePoint until = now() + kHandshakePatience; now() < until;) {
    ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got == 0) return Error{Errc::closed, "the server closed a connection"};
    if (got > 0) return bytes.substr(0, static_cast<size_t>(got));
    if (errno != EAGAIN && errno != EINTR) return errno_error("recv from the server", errno);
    BUSD_TRY(wait_readable({fd}, until - now()));
  }
  return Error{Errc::timed_out, "the server says nothing"};
}

// Puts the only key again and again, with a few puts open.
class HotWriter final : ValueSink {
 public:
  HotWriter(ValueStore& store, ValueAccounting& accounting, Fd fd)
      : store_(store), accounting_(accounting), fd_(std::move(fd)), parser_(store.make_value_parser()) {}

  Result<void> put(size_t puts) {
    std::string out;
    for (uint64_t end = sent_ + puts; answered_ < end;) {
      out.clear();
      for (; sent_ < end && sent_ - answered_ < kPutsAtOnce; ++sent_)
        store_.append_put(out, 0, sent_ + 1, accounting_.key(0), accounting_.begin_put(0));
      BUSD_TRY(send_all(fd_.get(), out));
      BUSD_ASSIGN(std::string bytes, read_next(fd_.get()));
      if (!parser_->take(bytes, *this)) accounting_.fail("no answer: " + printable(bytes));
      if (!accounting_.fault().empty()) return Error{Errc::protocol, accounting_.fault()};
    }
    return {};
  }

 private:
  void stored(uint64_t number, uint64_t version) override {
    if (number != ++answered_)
      accounting_.fail("put " + std::to_string(number) + " was answered out of order");
    accounting_.stored(0, version);
  }
  void got(uint64_t, uint64_t, std::string_view) override { accounting_.fail("an answer to no get"); }
  void changed(std::string_view, uint64_t, uint64_t, std::string_view) override {
    accounting_.fail("a writer was told of a value");
  }
  void synced() override { accounting_.fail("a writer was told that it is in sync"); }

  ValueStore& store_;
  ValueAccounting& accounting_;
  Fd fd_;
  std::unique_ptr<ValueParser> parser_;
  uint64_t sent_ = 0;
  uint64_t answered_ = 0;
};

// Follows the only key, and reads only when it is told to.
class Reader final : ValueSink {
 public:
  Reader(ValueStore& store, ValueAccounting& accounting, Fd fd)
      : accounting_(accounting), fd_(std::move(fd)), wire_(store.follow(accounting.key(0))) {}

  Result<void> sync() {
    std::string out;
    wire_->begin(out);
    BUSD_TRY(send_all(fd_.get(), out));
    while (!is_synced_) BUSD_TRY(read());
    return {};
  }
  // Up to and with that version.
  Result<void> read_until(uint64_t version) {
    while (version_ < version) BUSD_TRY(read());
    return {};
  }
  size_t frames = 0;
  uint64_t skipped = 0;

 private:
  Result<void> read() {
    BUSD_ASSIGN(std::string bytes, read_next(fd_.get()));
    std::string out;
    if (!wire_->take(bytes, *this, out)) accounting_.fail("no value: " + printable(bytes));
    if (!accounting_.fault().empty()) return Error{Errc::protocol, accounting_.fault()};
    return out.empty() ? Result<void>{} : send_all(fd_.get(), out);
  }
  // That `skipped` is right is what the accounting looks at.
  void changed(std::string_view key, uint64_t version, uint64_t left_out, std::string_view value) override {
    accounting_.told(0, key, version, left_out, value);
    version_ = version;
    frames += is_synced_ ? 1 : 0;
    skipped += left_out;
  }
  void synced() override { is_synced_ = true; }
  void stored(uint64_t, uint64_t) override { accounting_.fail("a follower was answered a put"); }
  void got(uint64_t, uint64_t, std::string_view) override {
    accounting_.fail("a follower was answered a get");
  }

  ValueAccounting& accounting_;
  Fd fd_;
  std::unique_ptr<ValueFollower> wire_;
  bool is_synced_ = false;
  uint64_t version_ = 0;
};

// Whether one get is answered with a value.
class Asker final : ValueSink {
 public:
  Result<void> ask(ValueStore& store, std::string_view key) {
    BUSD_ASSIGN(Fd fd, store.connect(0));
    std::string out;
    store.append_get(out, 0, 1, key);
    BUSD_TRY(send_all(fd.get(), out));
    auto parser = store.make_value_parser();
    while (!is_answered_) {
      BUSD_ASSIGN(std::string bytes, read_next(fd.get()));
      if (!parser->take(bytes, *this)) return Error{Errc::protocol, "no answer: " + printable(bytes)};
    }
    return {};
  }

 private:
  void got(uint64_t, uint64_t, std::string_view) override { is_answered_ = true; }
  void stored(uint64_t, uint64_t) override {}
  void changed(std::string_view, uint64_t, uint64_t, std::string_view) override {}
  void synced() override {}

  bool is_answered_ = false;
};

double bytes_above_value(size_t kib, size_t base_kib, size_t keys) {
  return (static_cast<double>(kib) - static_cast<double>(base_kib)) * 1024 / static_cast<double>(keys) -
         static_cast<double>(kValueBytes);
}

}  // namespace

Result<StoppedFollower> stopped_follower(const StoreTrial& trial, size_t puts) {
  BUSD_ASSIGN(ServerProcess server, start(trial));
  BUSD_TRY(trial.store.prepare());
  ValueAccounting accounting(1, kValueBytes);
  BUSD_ASSIGN(Fd writer_fd, trial.store.connect(0));
  HotWriter writer(trial.store, accounting, std::move(writer_fd));
  // As many as are measured, so that what the server needs for puts alone is there before.
  const size_t before = puts;
  BUSD_TRY(writer.put(before));
  BUSD_ASSIGN(Fd reader_fd, trial.store.connect(1));
  Reader reader(trial.store, accounting, std::move(reader_fd));
  BUSD_TRY(reader.sync());
  auto kib_before = static_cast<double>(server.anonymous_kib());
  BUSD_TRY(writer.put(puts));
  StoppedFollower result;
  result.puts = puts;
  result.grown_kib = static_cast<double>(server.anonymous_kib()) - kib_before;
  TimePoint begin = now();
  BUSD_TRY(reader.read_until(before + puts));
  result.until_newest = now() - begin;
  result.frames = reader.frames;
  result.skipped = reader.skipped;
  if (result.frames + result.skipped != puts)
    return Error{Errc::protocol, "what it got and what was skipped is not all"};
  return result;
}

Result<KeptValues> kept_values(const StoreTrial& trial, size_t keys) {
  Shape shape;
  shape.payload_bytes = kValueBytes;
  shape.values = ValueLoad{.work = ValueLoad::Work::snapshot, .keys = keys};
  KeptValues result;
  size_t base_kib = 0;
  std::unique_ptr<ValueGenerator> generator;
  {
    BUSD_ASSIGN(ServerProcess server, start(trial));
    BUSD_TRY(trial.store.prepare());
    base_kib = server.anonymous_kib();
    BUSD_ASSIGN(generator, ValueGenerator::connect(trial.store, shape));
    result.bytes_per_key = bytes_above_value(server.anonymous_kib(), base_kib, keys);
    generator->disconnect();
  }
  if (!trial.store.is_kept()) return result;
  TimePoint begin = now();
  BUSD_ASSIGN(ServerProcess server, start(trial));
  Result<void> answered;
  // One that reads what it has kept may answer that it is not ready.
  do {
    answered = Asker().ask(trial.store, value_key(keys - 1));
  } while (!answered && now() - begin < kHandshakePatience);
  BUSD_TRY(std::move(answered));
  result.until_ready = now() - begin;
  result.bytes_per_key_restarted = bytes_above_value(server.anonymous_kib(), base_kib, keys);
  // All are there, and as they were.
  BUSD_TRY(generator->run({}));
  return result;
}

Result<std::vector<Duration>> sync_times(const std::string& directory, size_t times) {
  constexpr size_t kPageBytes = 4096;
  std::string path = directory + "/synced";
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) return errno_error(path, errno);
  std::string page(kPageBytes, 'x');
  std::vector<Duration> taken;
  for (size_t i = 0; i < times; ++i) {
    BUSD_TRY(write_all(file.get(), page));
    TimePoint begin = now();
    if (::fdatasync(file.get()) != 0) return errno_error("fdatasync " + path, errno);
    taken.push_back(now() - begin);
  }
  return taken;
}

}  // namespace bus::bench

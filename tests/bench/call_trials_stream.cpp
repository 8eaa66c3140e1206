// Trials of streams: stream of call_trials.h.
#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "tests/bench/busd_calls.h"
#include "tests/bench/call_client.h"
#include "tests/bench/call_trials.h"
#include "tests/bench/measure.h"
#include "tests/bench/payload.h"
#include "tests/bench/text_table.h"

namespace bus::bench {

namespace {

constexpr std::string_view kTask = "bench.stream";
constexpr size_t kChunkBytes = size_t{32} * 1024;
constexpr uint64_t kChunksAtOnce = 4;

// A provider that has a request for a stream, and sends chunks of 32 KiB that are numbered from 1.
class StreamProvider {
 public:
  static Result<StreamProvider> connect(Contender& contender) {
    BUSD_ASSIGN(CallClient client, CallClient::connect(contender));
    BUSD_TRY(client.provide(kTask, 8));
    return StreamProvider(std::move(client));
  }
  int fd() const { return client_.fd(); }
  bool is_paused() const { return paused_; }
  bool is_canceled() const { return canceled_; }
  uint64_t sent() const { return sent_; }

  // Takes the request, which is on its way.
  Result<void> begin() {
    BUSD_ASSIGN(std::string line, client_.line());
    id_ = id_text_in(line);
    line_ = R"({"type":"chunk","id":")" + id_ + R"(","data":")";
    number_at_ = line_.size();
    line_ += std::string(kChunkBytes, 'x') + "\"}\n";
    sent_ = 0;
    unwritten_ = {};
    paused_ = canceled_ = false;
    return {};
  }

  // Writes what the socket takes, up to chunk number `most`, and no more than a few at a time, so that it hears of a
  // pause; when paused nothing, unless it does not care.
  Result<void> write(uint64_t most, bool heeds_pause = true) {
    most = std::min(most, sent_ + kChunksAtOnce);
    while (!unwritten_.empty() || (sent_ < most && !(paused_ && heeds_pause))) {
      if (unwritten_.empty()) {
        line_.replace(number_at_, kNumberDigits, number_text(++sent_));
        unwritten_ = line_;
      }
      ssize_t sent = ::send(fd(), unwritten_.data(), unwritten_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return {};
      if (sent < 0) return errno_error("send to the hub", errno);
      unwritten_.remove_prefix(static_cast<size_t>(sent));
    }
    return {};
  }
  bool has_more(uint64_t most) const { return !unwritten_.empty() || (sent_ < most && !paused_); }

  Result<void> read() {
    return client_.lines_there([this](std::string_view line) {
      if (line.starts_with(R"({"type":"pause")")) paused_ = true;
      if (line.starts_with(R"({"type":"resume")")) paused_ = false;
      if (line.starts_with(R"({"type":"cancel")")) canceled_ = true;
    });
  }
  Result<void> end() { return client_.send(R"({"type":"response","id":")" + id_ + "\"}\n"); }

 private:
  explicit StreamProvider(CallClient client) : client_(std::move(client)) {}

  CallClient client_;
  std::string id_;
  std::string line_;  // of one chunk
  size_t number_at_ = 0;
  std::string_view unwritten_;  // of line_
  uint64_t sent_ = 0;
  bool paused_ = false;
  bool canceled_ = false;
};

Result<void> ask_for_stream(CallClient& caller, StreamProvider& provider) {
  BUSD_TRY(caller.send(request_line(1, kTask, "null", R"(,"timeout_ms":0,"stream":true)")));
  return provider.begin();
}

// Whether the line is chunk `number`, whole and unchanged.
bool is_chunk(std::string_view line, uint64_t number) {
  static const std::string kData = std::string(kChunkBytes - kNumberDigits, 'x');
  std::string beginning =
      R"({"type":"chunk","id":"1","seq":)" + std::to_string(number) + R"(,"data":")" + number_text(number);
  return line.starts_with(beginning) && line.substr(beginning.size()) == kData + "\"}";
}

Result<double> stream_rate(TrialHub& hub, uint64_t chunks) {
  BUSD_ASSIGN(CallClient caller, CallClient::connect(hub.contender));
  BUSD_ASSIGN(StreamProvider provider, StreamProvider::connect(hub.contender));
  BUSD_TRY(ask_for_stream(caller, provider));
  TimePoint begin = now();
  uint64_t got = 0;
  bool ended = false;
  for (std::string wrong; !ended;) {
    short events = provider.has_more(chunks) ? POLLIN | POLLOUT : POLLIN;
    pollfd waiting[] = {{caller.fd(), POLLIN, 0}, {provider.fd(), events, 0}};
    if (::poll(waiting, 2, 5000) == 0) return Error{Errc::timed_out, "the stream does not go on"};
    BUSD_TRY(caller.lines_there([&](std::string_view line) {
      ended = ended || line.starts_with(R"({"type":"response","id":"1","result":null)");
      if (!ended && !is_chunk(line, ++got)) wrong = line;
    }));
    if (!wrong.empty()) return Error{Errc::protocol, "unexpected: " + printable(wrong)};
    if (ended && got != chunks) return Error{Errc::protocol, "the stream lacks chunks"};
    BUSD_TRY(provider.read());
    bool more = provider.has_more(chunks);
    BUSD_TRY(provider.write(chunks));
    if (more && !provider.has_more(chunks) && provider.sent() == chunks) BUSD_TRY(provider.end());
  }
  return static_cast<double>(chunks * kChunkBytes) / std::chrono::duration<double>(now() - begin).count() /
         1e6;
}

// The most that the process has had resident in KiB.
size_t peak_kib(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/status", 1 << 16);
  size_t at = text ? text->find("VmHWM:") : std::string::npos;
  if (at == std::string::npos) return 0;
  at = text->find_first_of("0123456789", at);
  return parse_u64(std::string_view(*text).substr(at, text->find(' ', at) - at)).value_or(0);
}

Result<Duration> trip(CallClient& caller, CallClient& provider) {
  TimePoint begin = now();
  BUSD_TRY(caller.send(request_line(7, "bench.other", "1")));
  BUSD_ASSIGN(std::string request, provider.line());
  BUSD_TRY(provider.send(R"({"type":"response","id":")" + std::string(id_text_in(request)) + "\"}\n"));
  BUSD_ASSIGN(std::string answer, caller.line());
  return now() - begin;
}

Result<Findings> stopped_reader(TrialHub& hub) {
  BUSD_ASSIGN(CallClient other_caller, CallClient::connect(hub.contender));
  BUSD_ASSIGN(CallClient other_provider, CallClient::connect(hub.contender));
  BUSD_TRY(other_provider.provide("bench.other", 8));
  const size_t trips = hub.quick ? 20 : 2000;
  std::vector<Duration> alone;
  std::vector<Duration> beside;
  Findings findings;
  for (bool heeds_pause : {true, false}) {
    for (size_t i = 0; i < trips; ++i) {
      BUSD_ASSIGN(Duration took, trip(other_caller, other_provider));
      alone.push_back(took);
    }
    BUSD_ASSIGN(CallClient reader, CallClient::connect(hub.contender));
    BUSD_ASSIGN(StreamProvider provider, StreamProvider::connect(hub.contender));
    size_t before = peak_kib(hub.server.pid());
    BUSD_TRY(ask_for_stream(reader, provider));
    TimePoint until = now() + seconds(10);
    while (!(heeds_pause ? provider.is_paused() : provider.is_canceled())) {
      if (now() > until)
        return Error{Errc::timed_out, "nobody stops the provider of a stream that is not read"};
      BUSD_TRY(provider.write(UINT64_MAX / kChunkBytes, heeds_pause));
      BUSD_TRY(provider.read());
    }
    for (size_t i = 0; i < trips; ++i) {
      BUSD_ASSIGN(Duration took, trip(other_caller, other_provider));
      beside.push_back(took);
    }
    findings.push_back({std::string("a stream is not read, its provider ") +
                            (heeds_pause ? "pauses" : "does not pause and is canceled") +
                            ": the hub grows by",
                        figure(static_cast<double>(peak_kib(hub.server.pid()) - before) / 1024) + " MiB"});
  }
  Duration p99 = quantile_of(beside, 0.99);
  Duration p99_alone = quantile_of(alone, 0.99);
  findings.push_back({"p99 of other calls beside it, and without",
                      time_text(p99) + " ÷ " + time_text(p99_alone) + " = " +
                          ratio(static_cast<double>(p99.count()), static_cast<double>(p99_alone.count()))});
  return findings;
}

}  // namespace

Result<Findings> trial_stream(TrialHub& hub) {
  BUSD_ASSIGN(Findings findings, stopped_reader(hub));
  const uint64_t chunks = (hub.quick ? size_t{8} << 20 : size_t{1} << 30) / kChunkBytes;
  std::vector<double> rates;
  for (size_t round = 0; round < (hub.quick ? 1 : 3); ++round) {
    BUSD_ASSIGN(double rate, stream_rate(hub, chunks));
    rates.push_back(rate);
  }
  findings.push_back({std::to_string(chunks * kChunkBytes >> 20) + " MiB in chunks of 32 KiB, MB/s",
                      figure(median_of(rates))});
  return findings;
}

}  // namespace bus::bench

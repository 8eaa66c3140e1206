#include "tests/bench/frame_cost.h"

#include <array>
#include <cerrno>
#include <optional>
#include <poll.h>
#include <sys/socket.h>

#include "protocol/base/clock.h"
#include "protocol/base/strings.h"
#include "tests/bench/line_cutter.h"
#include "tests/bench/wire.h"

namespace bus::bench {

namespace {

constexpr std::string_view kResponse = R"({"type":"response")";

// One hub, with a connection that has answered a call.
class FrameLane {
 public:
  static Result<FrameLane> open(Contender& contender, const Pinning& pinning, const std::string& directory) {
    pinning.to_server_cpu();
    auto server = contender.start(directory);
    pinning.to_generator_cpu();
    if (!server) return server.error();
    BUSD_ASSIGN(Fd fd, contender.connect_publisher());
    BUSD_TRY(set_buffers(fd.get()));
    FrameLane lane(std::move(*server), std::move(fd));
    BUSD_TRY(lane.answer_a_call());
    return lane;
  }

  const std::string& ended_call() const { return ended_call_; }

  // The hub's CPU time for each frame, in µs, of as many batches as begin within `duration`.
  Result<double> run(const FrameBatch& batch, Duration duration) {
    double cpu_before = server_.cpu_seconds();
    TimePoint deadline = now() + duration;
    size_t frames = 0;
    do {
      BUSD_TRY(exchange(batch));
      frames += batch.frames;
    } while (now() < deadline);
    return (server_.cpu_seconds() - cpu_before) / static_cast<double>(frames) * 1e6;
  }

 private:
  FrameLane(ServerProcess server, Fd fd) : server_(std::move(server)), fd_(std::move(fd)) {}

  Result<std::string> ask(const std::string& line, std::string_view beginning) {
    BUSD_TRY(send_all(fd_.get(), line + "\n"));
    BUSD_ASSIGN(std::string answer, read_until(fd_.get(), "\n"));
    if (!answer.starts_with(beginning)) return Error{Errc::protocol, "the hub answers " + printable(answer)};
    return answer;
  }

  // A call of its own, which it serves itself.
  Result<void> answer_a_call() {
    constexpr std::string_view kGiven = R"({"type":"request","id":")";
    BUSD_TRY(ask(R"({"type":"provide","id":"p","tasks":["mine"]})", kResponse));
    BUSD_ASSIGN(std::string given, ask(R"({"type":"request","id":"r","task":"mine"})", kGiven));
    ended_call_ = given.substr(kGiven.size(), given.find('"', kGiven.size()) - kGiven.size());
    BUSD_TRY(ask(R"({"type":"response","id":")" + ended_call_ + R"("})", kResponse));
    return {};
  }

  // Sends a batch, and takes what the hub answers meanwhile, up to the end.
  Result<void> exchange(const FrameBatch& batch) {
    std::string_view unsent = batch.bytes;
    for (size_t answers = 0; answers < batch.answers;) {
      auto events = static_cast<short>(unsent.empty() ? POLLIN : POLLIN | POLLOUT);
      pollfd ready{fd_.get(), events, 0};
      int count = ::poll(&ready, 1, static_cast<int>(to_ms(kHandshakePatience)));
      if (count == 0) return Error{Errc::timed_out, "the hub does not answer"};
      if (count < 0 && errno != EINTR) return errno_error("poll", errno);
      if (count < 0) continue;
      if ((ready.revents & POLLOUT) != 0) BUSD_TRY(send_some(unsent));
      if ((ready.revents & ~POLLOUT) != 0) BUSD_TRY(read_answers(answers));
      if (answers > batch.answers || (answers == batch.answers && !unsent.empty())) {
        return Error{Errc::protocol, "the hub answers more than it was asked"};
      }
    }
    return {};
  }

  Result<void> send_some(std::string_view& unsent) {
    ssize_t sent = ::send(fd_.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return errno_error("send to the hub", errno);
    if (sent > 0) unsent.remove_prefix(static_cast<size_t>(sent));
    return {};
  }

  Result<void> read_answers(size_t& answers) {
    std::array<char, 64 * 1024> bytes;
    ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (got < 0) return errno_error("recv from the hub", errno);
    if (got == 0) return Error{Errc::closed, "the hub closed the connection"};
    std::string unexpected;
    auto take_line = [&](std::string_view line) {
      ++answers;
      if (line.starts_with(kResponse)) return true;
      unexpected = printable(line);
      return false;
    };
    if (lines_.take({bytes.data(), static_cast<size_t>(got)}, take_line)) return {};
    return Error{Errc::protocol, "the hub answers " + unexpected};
  }

  ServerProcess server_;
  Fd fd_;
  LineCutter lines_;
  std::string ended_call_;
};

struct MeasuredHub {
  std::string name;
  std::optional<FrameLane> lane;
  std::string fault;
};

// Of one hub and size, by sort: the figures of each run.
using Runs = std::array<std::vector<double>, kFrameSorts.size()>;

Result<void> run_round(FrameLane& lane, size_t round, const std::vector<FrameBatch>& batches,
                       const Effort& effort, Runs& runs) {
  for (size_t i = 0; i < batches.size(); ++i) {
    size_t sort = (i + round) % batches.size();
    BUSD_TRY(lane.run(batches[sort], effort.warm_up));
    BUSD_ASSIGN(double cpu_us, lane.run(batches[sort], effort.run));
    runs[sort].push_back(cpu_us);
  }
  return {};
}

void add_rows(FrameCosts& costs, const std::string& hub, size_t bytes, const Runs& runs) {
  const std::vector<double>& event = runs[0];
  for (size_t sort = 0; sort < runs.size(); ++sort) {
    std::vector<double> ratios;
    for (size_t round = 0; round < event.size(); ++round) ratios.push_back(runs[sort][round] / event[round]);
    costs.rows.push_back({hub, kFrameSorts[sort], bytes, median_of(runs[sort]), median_of(ratios)});
  }
}

void measure_size(std::vector<MeasuredHub>& hubs, size_t bytes, const Effort& effort, FrameCosts& costs) {
  std::vector<Runs> runs(hubs.size());
  std::vector<std::vector<FrameBatch>> batches(hubs.size());
  for (size_t i = 0; i < hubs.size(); ++i) {
    if (!hubs[i].lane) continue;
    for (FrameSort sort : kFrameSorts) {
      batches[i].push_back(make_batch(sort, bytes, hubs[i].lane->ended_call()));
    }
  }
  for (size_t round = 0; round < effort.runs; ++round) {
    for (size_t i = 0; i < hubs.size(); ++i) {
      size_t at = (i + round) % hubs.size();
      MeasuredHub& hub = hubs[at];
      if (!hub.lane) continue;
      if (auto done = run_round(*hub.lane, round, batches[at], effort, runs[at]); !done) {
        hub.fault = done.error().what;
        hub.lane.reset();
      }
    }
  }
  for (size_t i = 0; i < hubs.size(); ++i) {
    if (hubs[i].lane) add_rows(costs, hubs[i].name, bytes, runs[i]);
  }
}

}  // namespace

Result<FrameCosts> measure_frames(const std::vector<std::unique_ptr<Contender>>& contenders,
                                  const std::vector<size_t>& sizes, const Effort& effort,
                                  const Pinning& pinning, ScratchDir& scratch) {
  std::vector<MeasuredHub> hubs;
  for (const auto& contender : contenders) {
    if (contender->role() != Role::hub) continue;
    MeasuredHub hub{contender->name(), std::nullopt, {}};
    BUSD_ASSIGN(std::string directory, scratch.fresh());
    if (auto lane = FrameLane::open(*contender, pinning, directory)) {
      hub.lane.emplace(std::move(*lane));
    } else {
      hub.fault = lane.error().what;
    }
    hubs.push_back(std::move(hub));
  }
  FrameCosts costs;
  for (size_t bytes : sizes) measure_size(hubs, bytes, effort, costs);
  for (const MeasuredHub& hub : hubs) {
    if (!hub.fault.empty()) costs.faults += "\n" + hub.name + " FAILED: " + hub.fault + "\n";
  }
  return costs;
}

}  // namespace bus::bench

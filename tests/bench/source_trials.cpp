#include "tests/bench/source_trials.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <poll.h>
#include <thread>
#include <unistd.h>

#include "tests/bench/line_cutter.h"
#include "tests/bench/source_rig.h"
#include "tests/bench/text_table.h"

namespace bus::bench {

namespace {

std::vector<BenchSource> many(const std::string& prefix, int count, const std::string& arguments,
                              const std::string& settings) {
  std::vector<BenchSource> sources;
  for (int i = 0; i < count; ++i) sources.push_back({prefix + std::to_string(i), arguments, settings});
  return sources;
}

void add_quantiles(Findings& findings, const std::string& what, std::vector<Duration>& times) {
  findings.push_back({what + ", p50", time_text(quantile_of(times, 0.5))});
  findings.push_back({what + ", p99", time_text(quantile_of(times, 0.99))});
}

Result<Findings> trial_demand(TrialHub& hub) {
  int count = hub.quick ? 5 : 200;
  BUSD_ASSIGN(SourceRig rig, SourceRig::start(hub, many("s", count, "stamp", "linger = 0s\n")));
  std::vector<Duration> times;
  for (int i = 0; i < count; ++i) {
    TimePoint begun = now();
    BUSD_ASSIGN(Fd consumer, hub.contender.connect_subscriber({"s" + std::to_string(i)}));
    BUSD_TRY(next_stamp(consumer.get()));
    times.push_back(now() - begun);
    // The source ends before the next one is wanted.
    consumer.reset();
    std::this_thread::sleep_for(milliseconds(20));
  }
  Findings findings;
  add_quantiles(findings, "hello to the first event of an idle source", times);
  return findings;
}

Result<Findings> trial_restart(TrialHub& hub) {
  if (hub.quick) return Findings{};  // a good run lasts 10 s
  constexpr int kCount = 50;
  BUSD_ASSIGN(SourceRig rig, SourceRig::start(hub, many("s", kCount, "stamp", "start = always\n")));
  std::this_thread::sleep_for(milliseconds(10'500));
  std::vector<Duration> times;
  for (int i = 0; i < kCount; ++i) {
    std::string name = "s" + std::to_string(i);
    BUSD_ASSIGN(Fd consumer, hub.contender.connect_subscriber({name}));
    BUSD_ASSIGN(int64_t pid, rig.pid_of(name));
    TimePoint death = now();
    ::kill(static_cast<pid_t>(pid), SIGKILL);
    BUSD_ASSIGN(TimePoint birth, next_stamp(consumer.get()));
    times.push_back(birth - death);
  }
  Findings findings;
  add_quantiles(findings, "death after a good run to the next life", times);
  return findings;
}

Result<Findings> trial_up(TrialHub& hub) {
  int count = hub.quick ? 10 : 100;
  BUSD_ASSIGN(Fd consumer, hub.contender.connect_subscriber({"*"}));
  BUSD_ASSIGN(SourceRig rig, SourceRig::start(hub, many("s", count, "stamp", "start = always\n")));
  TimePoint last{};
  for (int heard = 0; heard < count;) {
    BUSD_ASSIGN(TimePoint stamp, next_stamp(consumer.get()));
    if (stamp == TimePoint{}) continue;  // an event of bus-sources itself
    last = std::max(last, stamp);
    ++heard;
  }
  Findings findings{{"start of bus-sources until " + std::to_string(count) + " sources run",
                     time_text(last - rig.started_at())},
                    {"memory of bus-sources then", std::to_string(rig.process().memory_kib()) + " KiB"}};
  double before = rig.process().cpu_seconds();
  auto pause = hub.quick ? milliseconds(100) : milliseconds(5000);
  std::this_thread::sleep_for(pause);
  double idle = (rig.process().cpu_seconds() - before) / std::chrono::duration<double>(pause).count();
  findings.push_back({"processor while nothing happens", figure(idle * 100) + " %"});
  return findings;
}

Result<Findings> trial_stop(TrialHub& hub) {
  int others = hub.quick ? 5 : 90;
  int stubborn = hub.quick ? 1 : 10;
  std::vector<BenchSource> sources = many("obedient", others, "stamp", "start = always\n");
  for (BenchSource& each : many("stubborn", stubborn, "stubborn", "start = always\nstop-timeout = 500ms\n"))
    sources.push_back(std::move(each));
  BUSD_ASSIGN(Fd consumer, hub.contender.connect_subscriber({"obedient0", "obedient1", "stubborn0"}));
  BUSD_ASSIGN(SourceRig rig, SourceRig::start(hub, sources));
  for (int i = 0; i < 3; ++i) BUSD_TRY(next_stamp(consumer.get()));
  std::vector<Duration> times;
  for (int i = 0; i < (hub.quick ? 3 : 100); ++i) {
    BUSD_TRY(rig.ask("start", "obedient0"));
    TimePoint begun = now();
    BUSD_TRY(rig.ask("stop", "obedient0"));
    times.push_back(now() - begun);
  }
  Findings findings;
  add_quantiles(findings, "stop of an obedient source", times);
  TimePoint begun = now();
  BUSD_TRY(rig.end());
  findings.push_back({"end of " + std::to_string(others + stubborn) + ", " + std::to_string(stubborn) +
                          " of them killed after 500 ms",
                      time_text(now() - begun)});
  return findings;
}

Result<Findings> trial_storm(TrialHub& hub) {
  if (hub.quick) return Findings{};
  BUSD_ASSIGN(Fd changes, hub.contender.connect_subscriber({"bus.source.starting"}));
  BUSD_ASSIGN(SourceRig rig, SourceRig::start(hub, {{"fails", "nothing", "start = always\n"}}));
  int starts = 0;
  TimePoint end = rig.started_at() + seconds(10);
  while (now() < end) {
    auto line = read_until(changes.get(), "\n", end - now());
    if (!line) break;
    if (line->starts_with(R"({"type":"event")")) ++starts;
  }
  return Findings{{"starts in 10 s of a source that fails at once", std::to_string(starts)}};
}

// How long lines take from the program to the consumer.
Result<std::vector<Duration>> line_times(TrialHub& hub, const std::string& type, int count) {
  BUSD_ASSIGN(Fd consumer, hub.contender.connect_subscriber({type}));
  std::vector<Duration> times;
  for (int i = 0; i < count; ++i) {
    BUSD_ASSIGN(TimePoint stamp, next_stamp(consumer.get()));
    times.push_back(now() - stamp);
  }
  return times;
}

Result<Findings> trial_lines(TrialHub& hub) {
  uint64_t count = hub.quick ? 20'000 : 3'000'000;
  int stamps = hub.quick ? 20 : 2000;
  std::string how = std::to_string(stamps) + " 300";
  BUSD_ASSIGN(SourceRig rig, SourceRig::start(hub, {{"fast", "lines " + std::to_string(count)},
                                                    {"pipe", "stamps " + how},
                                                    {"socket", "frames " + how, "connection = socket\n"}}));
  Findings findings;
  for (const char* type : {"pipe", "socket"}) {
    BUSD_ASSIGN(std::vector<Duration> times, line_times(hub, type, stamps));
    add_quantiles(findings,
                  std::string("a line to its consumer, by ") +
                      (type == std::string("pipe") ? "the pipe" : "a connection of its own"),
                  times);
  }
  BUSD_ASSIGN(Fd consumer, hub.contender.connect_subscriber({"fast"}));
  LineCutter cutter;
  uint64_t events = 0;
  std::string buffer(1 << 18, '\0');
  TimePoint first{};
  TimePoint last{};
  // Until all have come, or none for a second: what the hub has dropped does not come.
  while (events < count && wait_readable({consumer.get()}, seconds(1))) {
    ssize_t n = ::read(consumer.get(), buffer.data(), buffer.size());
    if (n <= 0) break;
    cutter.take({buffer.data(), static_cast<size_t>(n)}, [&](std::string_view line) {
      if (line.starts_with(R"({"type":"event")")) ++events;
      return true;
    });
    last = now();
    if (first == TimePoint{}) first = last;
  }
  BUSD_ASSIGN(std::string status, rig.ask("status", "fast"));
  uint64_t published = number_in(status, "published");
  if (published != count)
    return Error{Errc::protocol,
                 "of " + std::to_string(count) + " lines " + std::to_string(published) + " were published"};
  double taken = std::chrono::duration<double>(last - first).count();
  findings.push_back({"lines of 128 bytes a second, none lost on the way in",
                      figure(static_cast<double>(count) / taken / 1e6) + " million"});
  findings.push_back({"of these dropped for the consumer", std::to_string(count - events)});
  return findings;
}

}  // namespace

const std::vector<Trial>& source_trials() {
  static const std::vector<Trial> trials = {
      {"source-demand", trial_demand}, {"source-restart", trial_restart}, {"source-up", trial_up},
      {"source-stop", trial_stop},     {"source-storm", trial_storm},     {"source-lines", trial_lines}};
  return trials;
}

}  // namespace bus::bench

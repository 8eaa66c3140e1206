// bus-bench: what busd does with a cpu, beside the servers that one would pick instead. README.md shows how
// to read its tables; `bus-bench --help` says what can be chosen.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/contenders.h"
#include "tests/bench/footprint.h"
#include "tests/bench/json_report.h"
#include "tests/bench/machine.h"
#include "tests/bench/options.h"
#include "tests/bench/tables.h"
#include "tests/bench/value_goals.h"

namespace bus::bench {

namespace {

constexpr int kExitFailure = 1;  // a run failed, or none could be made

void say(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

int complain(const std::string& what) {
  std::fprintf(stderr, "bus-bench: %s\n", what.c_str());
  return kExitFailure;
}

// Those that were asked for and can be run; says which of them cannot.
std::vector<std::unique_ptr<Contender>> choose_contenders(const Options& options) {
  std::vector<std::unique_ptr<Contender>> chosen;
  for (auto& contender : all_contenders({options.own_directory, options.hubs})) {
    if (!options.only.empty() && !is_named(options.only, contender->name())) continue;
    if (is_installed(contender->program())) {
      chosen.push_back(std::move(contender));
    } else {
      say("Left out: " + contender->name() + ", because there is no " + contender->program() + ".\n");
    }
  }
  return chosen;
}

bool has_fault(const ShapeOutcome& result) {
  for (const Outcome& outcome : result.outcomes) {
    if (!outcome.fault.empty()) return true;
  }
  return false;
}

class Bench {
 public:
  Bench(const Options& options, ScratchDir& scratch)
      : options_(options),
        scratch_(scratch),
        pinning_(options.pinned),
        contenders_(choose_contenders(options)),
        versions_(versions_of(contenders_, scratch)),
        json_(machine_description(), versions_) {
    say("Machine: " + machine_description() + "; " + pinning_.description() + ".\nServers: " + versions_ +
        ".\n");
  }

  Result<void> run() {
    for (const Group& group : groups_of(options_.filter)) BUSD_TRY(run_group(group));
    BUSD_TRY(run_footprint());
    if (!summary_.empty()) say("\n### Summary\n\n" + summary_.text());
    if (std::string goals = value_goals_text(values_); !goals.empty()) say("\n" + goals);
    if (!comparison_.empty()) say("\n### Against a simpler shape\n\n" + comparison_.text());
    if (!options_.json_file.empty()) BUSD_TRY(json_.save(options_.json_file));
    return {};
  }

  bool failed() const { return failed_; }

 private:
  Result<void> run_group(const Group& group) {
    BUSD_ASSIGN(std::vector<ShapeOutcome> results,
                measure(group, contenders_, options_.effort, pinning_, scratch_));
    for (const ShapeOutcome& result : results) {
      if (result.outcomes.empty()) continue;
      say("\n" + shape_text(result));
      if (result.shape.values) {
        values_.push_back(result);
      } else {
        add_to_summary(summary_, result);
      }
      json_.add(result);
      failed_ = failed_ || has_fault(result);
    }
    if (group.against_first) add_to_comparison(comparison_, results);
    return {};
  }

  Result<void> run_footprint() {
    if (is_wanted(options_.filter, Family::events, "frames")) {
      BUSD_ASSIGN(Footprint costs,
                  frames(contenders_, options_.filter.quick, options_.effort, pinning_, scratch_));
      report(costs);
    }
    BUSD_ASSIGN(Footprint calls,
                trials(Family::calls, contenders_, options_.filter, options_.effort, pinning_, scratch_));
    report(calls);
    BUSD_ASSIGN(Footprint values,
                value_trials(contenders_, options_.filter, options_.effort, pinning_, scratch_));
    report(values);
    pinning_.to_all();
    // A supervisor and a hundred programs have every cpu.
    Pinning unpinned(false);
    BUSD_ASSIGN(Footprint sources,
                trials(Family::sources, contenders_, options_.filter, options_.effort, unpinned, scratch_));
    report(sources);
    if (is_wanted(options_.filter, Family::sources, "source-peers")) {
      bool quick = options_.filter.quick || options_.effort.runs == 1;
      BUSD_ASSIGN(Footprint peers, source_peers(contenders_, quick, scratch_));
      report(peers);
    }
    if (is_wanted(options_.filter, Family::events, "idle")) {
      BUSD_ASSIGN(Footprint memory, idle_memory(contenders_, scratch_));
      report(memory);
    }
    if (is_wanted(options_.filter, Family::events, "startup")) {
      BUSD_ASSIGN(Footprint times, startup({options_.hubs, "", options_.startup_runs}, scratch_));
      report(times);
    }
    return {};
  }

  void report(const Footprint& footprint) {
    if (!footprint.text.empty()) say("\n" + footprint.text);
    failed_ = failed_ || footprint.failed;
  }

  const Options& options_;
  ScratchDir& scratch_;
  Pinning pinning_;
  std::vector<std::unique_ptr<Contender>> contenders_;
  std::string versions_;
  JsonReport json_;
  TextTable summary_ = new_summary();
  std::vector<ShapeOutcome> values_;
  TextTable comparison_ = new_comparison();
  bool failed_ = false;
};

// Servers stand where a user's PATH does not lead on Debian.
void look_in_sbin() {
  const char* path = std::getenv("PATH");
  ::setenv("PATH", (std::string(path == nullptr ? "/usr/bin:/bin" : path) + ":/usr/sbin").c_str(), 1);
}

int run(const Options& options) {
  look_in_sbin();
  allow_many_descriptors();
  auto scratch = ScratchDir::make();
  if (!scratch) return complain(scratch.error().what);
  Bench bench(options, *scratch);
  if (auto done = bench.run(); !done) return complain(done.error().what);
  return bench.failed() ? kExitFailure : 0;
}

}  // namespace

}  // namespace bus::bench

int main(int argc, char** argv) {
  auto parsed = bus::bench::parse_options(argc, argv);
  if (const auto* ending = std::get_if<bus::bench::Ending>(&parsed)) {
    std::fputs(ending->text.c_str(), ending->code == 0 ? stdout : stderr);
    return ending->code;
  }
  return bus::bench::run(std::get<bus::bench::Options>(parsed));
}

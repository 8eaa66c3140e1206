#include "tests/bench/footprint.h"

#include "tests/bench/call_trials.h"
#include "tests/bench/frame_cost.h"
#include "tests/bench/idle_memory.h"
#include "tests/bench/shape.h"
#include "tests/bench/source_peers.h"
#include "tests/bench/source_trials.h"
#include "tests/bench/text_table.h"
#include "tests/bench/value_trials.h"

namespace bus::bench {

namespace {

Result<Findings> try_on(Contender& contender, const Trial& trial, bool quick, const Pinning& pinning,
                        const std::string& directory) {
  pinning.to_server_cpu();
  auto server = contender.start(directory);
  pinning.to_generator_cpu();
  if (!server) return server.error();
  TrialHub hub{contender, std::move(*server), directory, quick};
  return trial.run(hub);
}

// Calls `measure` (Result<void>(const StoreTrial&)) for each store of those contenders that `takes_part` (bool(const Contender&)).
template <class TakesPart, class Measure>
Result<void> for_each_store(const std::vector<std::unique_ptr<Contender>>& contenders, const Pinning& pinning,
                            ScratchDir& scratch, std::string& faults, TakesPart takes_part, Measure measure) {
  for (const auto& contender : contenders) {
    if (!takes_part(*contender)) continue;
    for (ValueStore* store : contender->value_stores()) {
      BUSD_ASSIGN(std::string directory, scratch.fresh());
      auto measured = measure(StoreTrial{*store, directory, pinning});
      if (!measured) faults += "\n" + store->name() + " FAILED: " + measured.error().what + "\n";
    }
  }
  return {};
}

Result<Footprint> stopped_followers(const std::vector<std::unique_ptr<Contender>>& contenders, bool quick,
                                    const Pinning& pinning, ScratchDir& scratch) {
  TextTable table({"store", "memory KiB more", "values it then got", "states skipped", "of puts",
                   "until it had the last"});
  std::string faults;
  BUSD_TRY(for_each_store(
      contenders, pinning, scratch, faults, [](const Contender& each) { return each.role() == Role::hub; },
      [&](const StoreTrial& trial) -> Result<void> {
        BUSD_ASSIGN(StoppedFollower stopped, stopped_follower(trial, quick ? 10'000 : 1'000'000));
        table.add({trial.store.name(), figure(stopped.grown_kib), std::to_string(stopped.frames),
                   std::to_string(stopped.skipped), std::to_string(stopped.puts),
                   time_text(stopped.until_newest)});
        return {};
      }));
  if (table.empty() && faults.empty()) return Footprint{};
  return Footprint{"### A follower of a hot key that reads nothing\n\n" + table.text() + faults,
                   !faults.empty()};
}

Result<Footprint> values_kept(const std::vector<std::unique_ptr<Contender>>& contenders, bool quick,
                              const Pinning& pinning, ScratchDir& scratch) {
  const size_t keys = quick ? 2000 : 100'000;
  TextTable table({"store", "B a key above its value", "answers after its start", "B a key then"});
  std::string faults;
  BUSD_TRY(for_each_store(
      contenders, pinning, scratch, faults, [](const Contender&) { return true; },
      [&](const StoreTrial& trial) -> Result<void> {
        BUSD_ASSIGN(KeptValues kept, kept_values(trial, keys));
        bool is_kept = trial.store.is_kept();
        table.add({trial.store.name(), figure(kept.bytes_per_key),
                   is_kept ? time_text(kept.until_ready) : "-",
                   is_kept ? figure(kept.bytes_per_key_restarted) : "-"});
        return {};
      }));
  if (table.empty() && faults.empty()) return Footprint{};
  BUSD_ASSIGN(std::string directory, scratch.fresh());
  BUSD_ASSIGN(std::vector<Duration> syncs, sync_times(directory, quick ? 5 : 200));
  Duration median = quantile_of(syncs, 0.5);
  return Footprint{"### " + std::to_string(keys) + " values of 128 B, and a restart\n\n" + table.text() +
                       "\nfdatasync of 4 KiB on this disk: p50 " + time_text(median) + ", p99 " +
                       time_text(quantile_of(syncs, 0.99)) + ".\n" + faults,
                   !faults.empty()};
}

}  // namespace

Result<Footprint> idle_memory(const std::vector<std::unique_ptr<Contender>>& contenders,
                              ScratchDir& scratch) {
  TextTable table({"contender", "base KiB", "KiB per consumer", "KiB per consumer after 10 events"});
  std::string faults;
  for (const auto& contender : contenders) {
    // It would send everything to everybody.
    if (contender->role() == Role::null_hub) continue;
    BUSD_ASSIGN(std::string directory, scratch.fresh());
    auto memory = measure_idle_memory(*contender, directory);
    if (!memory) {
      faults += "\n" + contender->name() + " FAILED: " + memory.error().what + "\n";
      continue;
    }
    table.add({contender->name(), figure(static_cast<double>(memory->base_kib)),
               figure(memory->kib_per_consumer()), figure(memory->kib_per_consumer_after_events())});
  }
  std::string title = "### Memory of " + std::to_string(kIdleConsumers) + " idle consumers\n\n";
  return Footprint{title + table.text() + faults, !faults.empty()};
}

Result<Footprint> frames(const std::vector<std::unique_ptr<Contender>>& contenders, bool quick,
                         const Effort& effort, const Pinning& pinning, ScratchDir& scratch) {
  constexpr size_t kLargestBytes = size_t{256} * 1024;
  std::vector<size_t> sizes = {kMinBatchFrameBytes, kLargestBytes};
  if (!quick) sizes.insert(sizes.begin() + 1, {1024, 16 * 1024});
  BUSD_ASSIGN(FrameCosts costs, measure_frames(contenders, sizes, effort, pinning, scratch));
  if (costs.rows.empty() && costs.faults.empty()) return Footprint{};
  TextTable table({"frame", "contender", "CPU s per million", "÷ event's"});
  for (const FrameCost& row : costs.rows) {
    table.add({size_text(row.bytes) + ", " + std::string(title_of(row.sort)), row.hub, figure(row.cpu_us),
               ratio(row.to_event, 1)});
  }
  return Footprint{
      "### Frames that are no events, beside an event that nobody gets\n\n" + table.text() + costs.faults,
      !costs.faults.empty()};
}

Result<Footprint> trials(Family family, const std::vector<std::unique_ptr<Contender>>& contenders,
                         const GroupFilter& filter, const Effort& effort, const Pinning& pinning,
                         ScratchDir& scratch) {
  bool is_of_calls = family == Family::calls;
  TextTable table({"contender", "what", "figure"});
  std::string faults;
  for (const Trial& trial : is_of_calls ? call_trials() : source_trials()) {
    if (!is_wanted(filter, family, trial.name)) continue;
    for (const auto& contender : contenders) {
      if (contender->role() != Role::hub) continue;
      BUSD_ASSIGN(std::string directory, scratch.fresh());
      auto findings = try_on(*contender, trial, filter.quick || effort.runs == 1, pinning, directory);
      if (!findings)
        faults += "\n" + contender->name() + ", " + trial.name + " FAILED: " + findings.error().what + "\n";
      for (const Finding& each : findings ? *findings : Findings{}) {
        table.add({contender->name(), each.what, each.figure});
      }
    }
  }
  if (table.empty() && faults.empty()) return Footprint{};
  std::string title = is_of_calls ? "### What becomes of calls\n\n" : "### Supervised sources\n\n";
  return Footprint{title + table.text() + faults, !faults.empty()};
}

Result<Footprint> value_trials(const std::vector<std::unique_ptr<Contender>>& contenders,
                               const GroupFilter& filter, const Effort& effort, const Pinning& pinning,
                               ScratchDir& scratch) {
  bool quick = filter.quick || effort.runs == 1;
  Footprint both;
  auto append = [&both](const Footprint& part) {
    both.text += (both.text.empty() || part.text.empty() ? "" : "\n") + part.text;
    both.failed = both.failed || part.failed;
  };
  if (is_wanted(filter, Family::values, "values-stopped")) {
    BUSD_ASSIGN(Footprint stopped, stopped_followers(contenders, quick, pinning, scratch));
    append(stopped);
  }
  if (is_wanted(filter, Family::values, "values-kept")) {
    BUSD_ASSIGN(Footprint kept, values_kept(contenders, quick, pinning, scratch));
    append(kept);
  }
  return both;
}

Result<Footprint> source_peers(const std::vector<std::unique_ptr<Contender>>& contenders, bool quick,
                               ScratchDir& scratch) {
  BUSD_ASSIGN(std::vector<SupervisorRow> rows, measure_supervisors(contenders, quick, scratch));
  TextTable table({"supervisor", "start until all programs run", "killed program runs again, p50", "p90"});
  std::string faults;
  for (SupervisorRow& row : rows) {
    if (!row.fault.empty()) {
      faults += "\n" + row.name + " FAILED: " + row.fault + "\n";
    } else if (row.restarts.empty()) {
      table.add({row.name, time_text(row.all_up), "-", "-"});
    } else {
      table.add({row.name, time_text(row.all_up), time_text(quantile_of(row.restarts, 0.5)),
                 time_text(quantile_of(row.restarts, 0.9))});
    }
  }
  if (table.empty() && faults.empty()) return Footprint{};
  return Footprint{"### Supervisors\n\n" + table.text() + faults, !faults.empty()};
}

Result<Footprint> startup(StartupOptions options, ScratchDir& scratch) {
  BUSD_ASSIGN(options.directory, scratch.fresh());
  BUSD_ASSIGN(std::vector<StartupRow> rows, measure_startup(options));
  TextTable table({"server", "p50 ms", "p90 ms", "p50 ÷ first busd's"});
  std::string faults;
  for (const StartupRow& row : rows) {
    if (row.fault.empty()) {
      table.add({row.name, figure(row.median_ms), figure(row.p90_ms), ratio(row.to_first_hub, 1)});
    } else {
      faults += "\n" + row.name + " FAILED: " + row.fault + "\n";
    }
  }
  std::string title = "### Start: busd on demand until it is ready, others until they accept\n\n";
  return Footprint{title + table.text() + faults, !faults.empty()};
}

}  // namespace bus::bench

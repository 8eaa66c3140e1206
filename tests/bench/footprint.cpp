#include "tests/bench/footprint.h"

#include "tests/bench/idle_memory.h"
#include "tests/bench/text_table.h"

namespace bus::bench {

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

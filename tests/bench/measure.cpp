#include "tests/bench/measure.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "protocol/base/check.h"

namespace bus::bench {

namespace {

struct Entry {
  size_t shape;
  Outcome outcome;
  std::optional<Lane> lane;
};

bool takes_part(Contender& contender, const Group& group, const Shape& shape) {
  if (shape.calls && contender.calls() == nullptr) return false;
  if (group.hubs_only) return contender.role() == Role::hub;
  return contender.role() != Role::null_hub || !shape.needs_topics();
}

// Of one contender: a lane, or one for each of its stores where the shape is one of values.
struct Opening {
  std::string name;
  Role role;
  std::function<Result<Lane>(const std::string& directory)> open;
};

std::vector<Opening> openings_of(Contender& contender, const Shape& shape, const Pinning& pinning) {
  if (!shape.values) {
    return {{contender.name(), contender.role(),
             [&](const std::string& directory) { return Lane::open(contender, shape, pinning, directory); }}};
  }
  std::vector<Opening> openings;
  for (ValueStore* store : contender.value_stores()) {
    openings.push_back({store->name(), contender.role(), [&, store](const std::string& directory) {
                          return Lane::open(*store, shape, pinning, directory);
                        }});
  }
  return openings;
}

void fail(Entry& entry, const Error& error) {
  entry.outcome.fault = error.what;
  entry.lane.reset();
}

Result<std::vector<Entry>> open_lanes(const Group& group,
                                      const std::vector<std::unique_ptr<Contender>>& contenders,
                                      const Pinning& pinning, ScratchDir& scratch) {
  std::vector<Entry> entries;
  for (size_t i = 0; i < group.shapes.size(); ++i) {
    for (const auto& contender : contenders) {
      if (!takes_part(*contender, group, group.shapes[i])) continue;
      for (const Opening& opening : openings_of(*contender, group.shapes[i], pinning)) {
        Entry entry{i, {}, std::nullopt};
        entry.outcome.name = opening.name;
        entry.outcome.role = opening.role;
        BUSD_ASSIGN(std::string directory, scratch.fresh());
        auto lane = opening.open(directory);
        if (lane) {
          entry.lane.emplace(std::move(*lane));
        } else {
          fail(entry, lane.error());
        }
        entries.push_back(std::move(entry));
      }
    }
  }
  return entries;
}

void run_once(Entry& entry, const Shape& shape, const Effort& effort) {
  if (!entry.lane) return;
  // A slow pace needs more time for as many messages.
  int stretch = shape.rate_per_second == 0 ? 1 : shape.rate_per_second < 10'000 ? 5 : 2;
  auto sample = entry.lane->run(effort.warm_up, effort.run * stretch);
  if (sample) {
    entry.outcome.samples.push_back(*sample);
  } else {
    fail(entry, sample.error());
  }
}

double median_of_member(const std::vector<Sample>& samples, double Sample::*member) {
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(sample.*member);
  return median_of(std::move(values));
}

void summarise(Entry& entry) {
  Outcome& outcome = entry.outcome;
  if (!entry.lane || outcome.samples.empty()) return;
  for (double Sample::*member :
       {&Sample::delivered_per_second, &Sample::cpu_us_per_delivery, &Sample::p50_us, &Sample::p99_us}) {
    outcome.median.*member = median_of_member(outcome.samples, member);
  }
  outcome.memory_mib = static_cast<double>(entry.lane->memory_kib()) / 1024;
}

}  // namespace

double median_of(std::vector<double> values) {
  BUSD_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Result<std::vector<ShapeOutcome>> measure(const Group& group,
                                          const std::vector<std::unique_ptr<Contender>>& contenders,
                                          const Effort& effort, const Pinning& pinning, ScratchDir& scratch) {
  BUSD_ASSIGN(std::vector<Entry> entries, open_lanes(group, contenders, pinning, scratch));
  for (size_t run = 0; run < effort.runs; ++run) {
    for (size_t i = 0; i < entries.size(); ++i) {
      Entry& entry = entries[(i + run) % entries.size()];
      run_once(entry, group.shapes[entry.shape], effort);
    }
  }
  std::vector<ShapeOutcome> results;
  for (const Shape& shape : group.shapes) results.push_back({shape, {}});
  for (Entry& entry : entries) {
    summarise(entry);
    results[entry.shape].outcomes.push_back(std::move(entry.outcome));
  }
  return results;
}

}  // namespace bus::bench

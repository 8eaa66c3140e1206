#include "consumer/cli/rates.h"

#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace bus::cli {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::chrono::milliseconds kWindow{1000};
// Ages are whole seconds, and both may be rounded.
constexpr double kAgeTolerance = 2.0;

double per_second(uint64_t earlier, uint64_t later, Seconds elapsed) {
  return static_cast<double>(later - earlier) / elapsed.count();
}

std::optional<double> per_second(std::optional<uint64_t> earlier, std::optional<uint64_t> later,
                                 Seconds elapsed) {
  if (!earlier || !later || *later < *earlier) return std::nullopt;
  return per_second(*earlier, *later, elapsed);
}

// The elements of the earlier report by what identifies them. Several connections may look the same; reports
// list them oldest first, so they are taken in that order.
template <class Identity, class Element>
class Known {
 public:
  template <class IdentityOf>
  Known(const std::vector<Element>& elements, IdentityOf identity_of) {
    for (const Element& element : elements) elements_[identity_of(element)].push_back(&element);
  }

  // The next one that looks like this; nullptr when there is none left.
  const Element* take(const Identity& identity) {
    auto found = elements_.find(identity);
    if (found == elements_.end() || found->second.empty()) return nullptr;
    const Element* first = found->second.front();
    found->second.pop_front();
    return first;
  }

 private:
  std::map<Identity, std::deque<const Element*>> elements_;
};

using ConsumerIdentity = std::tuple<std::string, std::string, int64_t, int64_t>;

ConsumerIdentity identity_of(const ConsumerReport& consumer) {
  return {consumer.key, consumer.subscription_id, consumer.pid, consumer.kernel_pid};
}

using SourceIdentity = std::pair<std::string, int64_t>;

SourceIdentity identity_of(const SourceReport& source) { return {source.name, source.pid}; }

// Whether the connection of `earlier` may be that of `later`: it has aged by the time between the reports,
// and has lost none of its counts.
bool same_connection(const ConsumerReport& earlier, const ConsumerReport& later, Seconds elapsed) {
  double aged = static_cast<double>(later.connected_sec) - static_cast<double>(earlier.connected_sec);
  return std::abs(aged - elapsed.count()) <= kAgeTolerance && later.delivered >= earlier.delivered &&
         later.dropped >= earlier.dropped;
}

std::optional<ConsumerRates> rates_of(const ConsumerReport* earlier, const ConsumerReport& later,
                                      Seconds elapsed) {
  if (earlier == nullptr || !same_connection(*earlier, later, elapsed)) return std::nullopt;
  return ConsumerRates{per_second(earlier->delivered, later.delivered, elapsed),
                       per_second(earlier->delivered_bytes, later.delivered_bytes, elapsed),
                       per_second(earlier->dropped, later.dropped, elapsed)};
}

std::optional<uint64_t> ended_calls(const StatusReport& report) {
  return report.calls_done + report.calls_failed;
}

}  // namespace

bool same_hub(const StatusReport& earlier, const StatusReport& later) {
  return later.pid == earlier.pid && later.uptime_sec >= earlier.uptime_sec &&
         later.published >= earlier.published && later.delivered >= earlier.delivered &&
         later.dropped >= earlier.dropped;
}

std::optional<Rates> rates_between(const StatusReport& earlier, const StatusReport& later, Seconds elapsed) {
  if (elapsed.count() <= 0 || !same_hub(earlier, later)) return std::nullopt;
  Rates rates;
  rates.published = per_second(earlier.published, later.published, elapsed);
  rates.delivered = per_second(earlier.delivered, later.delivered, elapsed);
  rates.dropped = per_second(earlier.dropped, later.dropped, elapsed);
  rates.published_bytes = per_second(earlier.published_bytes, later.published_bytes, elapsed);
  rates.delivered_bytes = per_second(earlier.delivered_bytes, later.delivered_bytes, elapsed);
  Known<ConsumerIdentity, ConsumerReport> consumers(
      earlier.consumers, [](const ConsumerReport& consumer) { return identity_of(consumer); });
  for (const ConsumerReport& consumer : later.consumers) {
    rates.consumers.push_back(rates_of(consumers.take(identity_of(consumer)), consumer, elapsed));
  }
  Known<SourceIdentity, SourceReport> sources(earlier.sources,
                                              [](const SourceReport& source) { return identity_of(source); });
  for (const SourceReport& source : later.sources) {
    const SourceReport* before = sources.take(identity_of(source));
    bool same = before != nullptr && source.published >= before->published;
    rates.sources.push_back(
        same ? std::optional<double>(per_second(before->published, source.published, elapsed))
             : std::nullopt);
  }
  if (earlier.has_calls && later.has_calls)
    rates.calls = per_second(ended_calls(earlier), ended_calls(later), elapsed);
  std::map<std::string, uint64_t> ended;
  for (const TaskReport& task : earlier.tasks) ended[task.task] = task.ended;
  for (const TaskReport& task : later.tasks) {
    auto before = ended.find(task.task);
    rates.tasks.push_back(before == ended.end() ? std::nullopt
                                                : per_second(std::optional(before->second),
                                                             std::optional(task.ended), elapsed));
  }
  return rates;
}

bool RateMeter::add(StatusReport report, SteadyTime at) {
  bool replaced = !samples_.empty() && !same_hub(samples_.back().report, report);
  if (replaced) samples_.clear();
  // The newest one that is old enough stays, and all that are younger.
  while (samples_.size() > 1 && at - samples_[1].at >= kWindow) samples_.pop_front();
  rates_ = samples_.empty() ? std::nullopt
                            : rates_between(samples_.front().report, report, at - samples_.front().at);
  samples_.push_back({std::move(report), at});
  return replaced;
}

Loss loss_of(const ConsumerReport& consumer, const ConsumerRates* rates) {
  if (rates != nullptr && rates->drops > 0) return Loss::now;
  return consumer.dropped > 0 ? Loss::earlier : Loss::none;
}

}  // namespace bus::cli

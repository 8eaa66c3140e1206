#include "tests/bench/lane.h"

#include <algorithm>
#include <vector>

namespace bus::bench {

namespace {

double quantile_us(std::vector<Duration>& latencies, double q) {
  if (latencies.empty()) return 0;
  auto rank = std::min(static_cast<size_t>(q * static_cast<double>(latencies.size())), latencies.size() - 1);
  auto at = latencies.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(latencies.begin(), at, latencies.end());
  return std::chrono::duration<double, std::micro>(*at).count();
}

Sample sample_of(std::vector<Duration>& latencies, size_t operations, double seconds, double cpu_seconds) {
  auto count = static_cast<double>(operations);
  Sample sample;
  sample.cpu_us_per_delivery = cpu_seconds / count * 1e6;
  sample.delivered_per_second = count / seconds;
  sample.p50_us = quantile_us(latencies, 0.50);
  sample.p99_us = quantile_us(latencies, 0.99);
  return sample;
}

}  // namespace

Result<Lane> Lane::open(Contender& contender, const Shape& shape, const Pinning& pinning,
                        const std::string& directory) {
  pinning.to_server_cpu();
  auto server = contender.start(directory);
  pinning.to_generator_cpu();
  if (!server) return server.error();
  if (shape.calls) {
    BUSD_ASSIGN(std::unique_ptr<CallGenerator> calls, CallGenerator::connect(contender, shape));
    return Lane(std::move(*server), std::move(calls));
  }
  BUSD_ASSIGN(std::unique_ptr<Generator> generator, Generator::connect(contender, shape));
  return Lane(std::move(*server), std::move(generator), shape.rate_per_second);
}

Result<Lane> Lane::open(ValueStore& store, const Shape& shape, const Pinning& pinning,
                        const std::string& directory) {
  pinning.to_server_cpu();
  auto server = store.start(directory);
  pinning.to_generator_cpu();
  if (!server) return server.error();
  BUSD_TRY(store.prepare());
  BUSD_ASSIGN(std::unique_ptr<ValueGenerator> values, ValueGenerator::connect(store, shape));
  return Lane(std::move(*server), std::move(values));
}

Result<Sample> Lane::run(Duration warm_up, Duration duration) {
  if (calls_) {
    BUSD_TRY(calls_->run(warm_up));
    return call(duration);
  }
  if (values_) {
    BUSD_TRY(values_->run(warm_up));
    return work(duration);
  }
  if (rate_per_second_ > 0) {
    BUSD_TRY(generator_->pace(rate_per_second_, warm_up));
    return pace(duration);
  }
  BUSD_TRY(generator_->flood(warm_up));
  return flood(duration);
}

Result<Sample> Lane::flood(Duration duration) {
  double cpu_before = server_.cpu_seconds();
  BUSD_ASSIGN(Flood flood, generator_->flood(duration));
  Sample sample;
  sample.delivered_per_second = static_cast<double>(flood.delivered) / flood.seconds;
  sample.cpu_us_per_delivery =
      (server_.cpu_seconds() - cpu_before) / static_cast<double>(flood.delivered) * 1e6;
  return sample;
}

Result<Sample> Lane::pace(Duration duration) {
  double cpu_before = server_.cpu_seconds();
  BUSD_ASSIGN(std::vector<Duration> latencies, generator_->pace(rate_per_second_, duration));
  Sample sample;
  sample.cpu_us_per_delivery =
      (server_.cpu_seconds() - cpu_before) / static_cast<double>(std::max<size_t>(latencies.size(), 1)) * 1e6;
  sample.delivered_per_second = static_cast<double>(rate_per_second_);
  sample.p50_us = quantile_us(latencies, 0.50);
  sample.p99_us = quantile_us(latencies, 0.99);
  return sample;
}

Result<Sample> Lane::call(Duration duration) {
  double cpu_before = server_.cpu_seconds();
  BUSD_ASSIGN(CallRun run, calls_->run(duration));
  return sample_of(run.latencies, run.latencies.size(), run.seconds, server_.cpu_seconds() - cpu_before);
}

Result<Sample> Lane::work(Duration duration) {
  double cpu_before = server_.cpu_seconds();
  BUSD_ASSIGN(ValueRun run, values_->run(duration));
  return sample_of(run.latencies, run.operations, run.seconds, server_.cpu_seconds() - cpu_before);
}

}  // namespace bus::bench

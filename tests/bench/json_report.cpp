#include "tests/bench/json_report.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "protocol/json_writer.h"

namespace bus::bench {

namespace {

std::string decimal(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return text.data();
}

void append_sample(std::string& out, const Sample& sample) {
  ObjectWriter writer(out);
  writer.raw("delivered_per_second", decimal(sample.delivered_per_second));
  writer.raw("cpu_us_per_delivery", decimal(sample.cpu_us_per_delivery));
  if (sample.p50_us > 0) {
    writer.raw("p50_us", decimal(sample.p50_us));
    writer.raw("p99_us", decimal(sample.p99_us));
  }
  writer.end();
}

void append_outcome(std::string& out, const Outcome& outcome) {
  ObjectWriter writer(out);
  writer.text("contender", outcome.name);
  writer.text_if_any("fault", outcome.fault);
  if (outcome.fault.empty()) {
    append_sample(writer.member("median"), outcome.median);
    writer.raw("memory_mib", decimal(outcome.memory_mib));
  }
  writer.list("samples", outcome.samples, append_sample);
  writer.end();
}

}  // namespace

void JsonReport::add(const ShapeOutcome& result) {
  std::string out;
  ObjectWriter writer(out);
  writer.text("shape", result.shape.title);
  writer.list("contenders", result.outcomes, append_outcome);
  writer.end();
  shapes_.push_back(std::move(out));
}

std::string JsonReport::text() const {
  std::string out;
  ObjectWriter writer(out);
  writer.text("machine", machine_);
  writer.text("versions", versions_);
  writer.list("shapes", shapes_, [](std::string& to, const std::string& shape) { to += "\n" + shape; });
  writer.end();
  return out + "\n";
}

Result<void> JsonReport::save(const std::string& path) const {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file) return errno_error("write " + printable(path), errno);
  return write_all(file.get(), text());
}

}  // namespace bus::bench

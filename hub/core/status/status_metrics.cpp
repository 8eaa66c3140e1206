#include "hub/core/status/status_metrics.h"

#include <algorithm>
#include <utility>

#include "hub/core/status/fair_shares.h"
#include "protocol/base/check.h"
#include "protocol/json_text.h"

namespace bus::hub {

namespace {

constexpr std::string_view kMetricsBegin = R"({"type":"status_response","metrics":")";
constexpr std::string_view kLineEnd = "\\n";  // escaped
constexpr std::string_view kMetricsEnd = "\"}\n";
constexpr Metric kTruncatedMetric{
    "busd_status_truncated",
    "Whether rows of this list of the hub's status are left out, so have no series here."};

// `text` without the quotes of a JSON string.
std::string escaped(std::string_view text) {
  std::string token;
  append_json_string(token, text);
  return token.substr(1, token.size() - 2);
}

// Escaped for Prometheus, and then for JSON.
std::string label_of(std::string_view name, std::string_view value) {
  std::string out(name);
  out += "=\"";
  for (char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return escaped(out += '"');
}

// The whole number `digits` times 10^-decimals.
std::string scaled(std::string_view digits, size_t decimals) {
  bool negative = digits.starts_with('-');
  std::string out(digits.substr(negative ? 1 : 0));
  if (decimals > 0) {
    if (out.size() <= decimals) out.insert(0, decimals + 1 - out.size(), '0');
    out.insert(out.size() - decimals, ".");
    out.erase(out.find_last_not_of('0') + 1);
    if (out.back() == '.') out.pop_back();
  }
  return negative ? "-" + out : out;
}

std::string head_of(const Metric& metric, std::string_view type) {
  std::string name(metric.name);
  return escaped("# HELP " + name + " " + std::string(metric.help) + "\n# TYPE " + name + " " +
                 std::string(type) + "\n");
}

std::string_view type_of(const Metric& metric) { return metric.is_counter() ? "counter" : "gauge"; }

std::string truncation(std::string_view list, bool truncated) {
  std::string out(kTruncatedMetric.name);
  out += "{" + label_of("list", list) + (truncated ? "} 1" : "} 0");
  return out += kLineEnd;
}

}  // namespace

void StatusMetrics::begin_section(std::string_view name, bool is_list) {
  sections_.push_back({std::string(name), is_list, {}, {}, false});
}

void StatusMetrics::begin_object(std::string_view name) {
  if (depth_++ == 0) begin_section(name, false);
}

void StatusMetrics::begin_list(std::string_view name) {
  if (depth_++ == 0) begin_section(name, true);
}

bool StatusMetrics::begin_row() {
  BUSD_CHECK(!in_row_);
  Section& section = sections_.back();
  section.is_cut = section.is_list && !section.ends.empty() && section.ends.back() >= max_bytes_;
  if (section.is_cut) return false;
  in_row_ = true;
  labels_.clear();
  ++depth_;
  return true;
}

void StatusMetrics::end_row() {
  write_samples();
  in_row_ = false;
  labels_.clear();
  --depth_;
  Section& section = sections_.back();
  if (!section.is_list) return;
  size_t bytes = 0;
  for (Family& family : section.families) {
    // A row before had none of this family.
    family.ends.resize(section.ends.size(), 0);
    family.ends.push_back(family.series.size());
    bytes += family.series.size();
  }
  section.ends.push_back(bytes);
}

void StatusMetrics::label(std::string_view name, std::string_view value) {
  if (!labels_.empty()) labels_ += ',';
  labels_ += label_of(name, value);
}

void StatusMetrics::write_number(std::string_view, std::string_view digits, const Metric& metric) {
  if (!metric.name.empty())
    add({family_of(metric, type_of(metric)), {}, {}, scaled(digits, metric.decimals)});
}

void StatusMetrics::choice(std::string_view name, std::string_view value, const Metric& metric) {
  if (!metric.name.empty()) add({family_of(metric, "gauge"), {}, label_of(name, value), "1"});
}

void StatusMetrics::histogram(std::string_view, const DurationHistogram& histogram, const Metric& metric) {
  size_t family = family_of(metric, "histogram");
  uint64_t count = 0;
  for (const DurationHistogram::Bucket& bucket : histogram.buckets) {
    count += bucket.count;
    if (bucket.up_to_us == 0) continue;
    add({family, "_bucket", label_of("le", scaled(std::to_string(bucket.up_to_us), kMicro)),
         std::to_string(count)});
  }
  add({family, "_bucket", label_of("le", "+Inf"), std::to_string(count)});
  add({family, "_sum", {}, scaled(std::to_string(histogram.total_us), kMicro)});
  add({family, "_count", {}, std::to_string(count)});
}

size_t StatusMetrics::family_of(const Metric& metric, std::string_view type) {
  if (depth_ == 0) begin_section({}, false);
  std::vector<Family>& families = sections_.back().families;
  auto at = std::find_if(families.begin(), families.end(),
                         [&](const Family& family) { return family.name == metric.name; });
  if (at == families.end()) at = families.insert(at, {metric.name, head_of(metric, type), {}, {}});
  return static_cast<size_t>(at - families.begin());
}

void StatusMetrics::add(Sample sample) {
  samples_.push_back(std::move(sample));
  if (!in_row_) write_samples();
}

void StatusMetrics::write_samples() {
  for (const Sample& sample : samples_) {
    Family& family = sections_.back().families[sample.family];
    std::string& out = family.series;
    out += family.name;
    out += sample.suffix;
    if (!labels_.empty() || !sample.label.empty()) {
      out += '{';
      out += labels_;
      if (!labels_.empty() && !sample.label.empty()) out += ',';
      out += sample.label;
      out += '}';
    }
    out += ' ';
    out += sample.value;
    out += kLineEnd;
  }
  samples_.clear();
}

// Of each section, when everything else takes `fixed` bytes.
std::vector<size_t> StatusMetrics::rows_shown(size_t fixed) const {
  std::vector<size_t> wanted;
  for (const Section& section : sections_) wanted.push_back(section.ends.empty() ? 0 : section.ends.back());
  std::vector<size_t> shown = fair_shares(wanted, max_bytes_ - std::min(fixed, max_bytes_));
  for (size_t i = 0; i < sections_.size(); ++i) shown[i] = rows_within(sections_[i].ends, shown[i]);
  return shown;
}

std::string StatusMetrics::line() {
  std::string head = head_of(kTruncatedMetric, type_of(kTruncatedMetric));
  size_t fixed = kMetricsBegin.size() + head.size() + kMetricsEnd.size();
  for (const Section& section : sections_) {
    if (section.is_list) fixed += truncation(section.name, true).size();
    for (const Family& family : section.families) {
      fixed += family.head.size() + (section.is_list ? 0 : family.series.size());
    }
  }
  std::vector<size_t> shown = rows_shown(fixed);
  std::string out(kMetricsBegin);
  std::string truncations;
  for (size_t i = 0; i < sections_.size(); ++i) {
    Section& section = sections_[i];
    for (Family& family : section.families) {
      if (section.is_list) family.series.resize(shown[i] == 0 ? 0 : family.ends[shown[i] - 1]);
      out += family.head + family.series;
    }
    if (section.is_list)
      truncations += truncation(section.name, section.is_cut || shown[i] < section.ends.size());
  }
  if (!truncations.empty()) out += head + truncations;
  return out += kMetricsEnd;
}

}  // namespace bus::hub

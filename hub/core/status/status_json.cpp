#include "hub/core/status/status_json.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hub/core/status/fair_shares.h"
#include "protocol/json_text.h"

namespace bus::hub {

namespace {

constexpr std::string_view kResponseBegin = R"({"type":"status_response")";
constexpr std::string_view kTruncatedMember = R"(,"truncated":true)";
constexpr std::string_view kResponseEnd = "}\n";

// Who reads a response may depend on this order. New members need no place here: they come last.
constexpr std::array<std::string_view, 16> kOrder = {
    "pid",    "uptime_sec",  "active_conns",    "consumers",     "version", "bus",    "socket", "sources",
    "events", "connections", "unmatched_types", "cleanup_locks", "limits",  "memory", "users",  "callbacks"};

}  // namespace

// Where the value of the member is to be appended: of the response, if nothing is open.
std::string& StatusJson::member(std::string_view name) {
  if (depth_ == 0) {
    sections_.push_back({std::string(name), {}, false, {}, false});
    return sections_.back().json;
  }
  std::string& json = sections_.back().json;
  if (json.back() != '{') json += ',';
  json += '"';
  json += name;
  return json += "\":";
}

void StatusJson::begin_object(std::string_view name) {
  member(name) += '{';
  ++depth_;
}

void StatusJson::end_object() {
  sections_.back().json += '}';
  --depth_;
}

void StatusJson::begin_list(std::string_view name) {
  std::string& json = member(name);
  if (depth_++ == 0) {
    sections_.back().is_list = true;
  } else {
    json += '[';
  }
}

bool StatusJson::begin_row() {
  Section& section = sections_.back();
  section.is_cut = row_is_of_section() && section.json.size() >= max_bytes_;
  if (section.is_cut) return false;
  if (!section.json.empty() && section.json.back() != '[') section.json += ',';
  section.json += '{';
  ++depth_;
  return true;
}

void StatusJson::end_row() {
  --depth_;
  Section& section = sections_.back();
  section.json += '}';
  if (row_is_of_section()) section.ends.push_back(section.json.size());
}

void StatusJson::end_list() {
  if (--depth_ > 0) sections_.back().json += ']';
}

void StatusJson::text(std::string_view name, std::string_view value) {
  append_json_string(member(name), value);
}

void StatusJson::texts(std::string_view name, const std::vector<std::string>& values) {
  std::string& json = member(name);
  json += '[';
  for (const std::string& value : values) {
    if (json.back() != '[') json += ',';
    append_json_string(json, value);
  }
  json += ']';
}

void StatusJson::flag(std::string_view name, bool value) { member(name) += value ? "true" : "false"; }

void StatusJson::histogram(std::string_view name, const DurationHistogram& histogram, const Metric&) {
  begin_list(name);
  for (const DurationHistogram::Bucket& bucket : histogram.buckets) {
    if (!begin_row()) break;
    if (bucket.up_to_us != 0) number("up_to_us", bucket.up_to_us);
    number("count", bucket.count);
    end_row();
  }
  end_list();
}

// Leaves each list the rows that it has space for.
void StatusJson::cut_lists() {
  size_t fixed = kResponseBegin.size() + kResponseEnd.size();
  size_t all_rows = 0;
  std::vector<size_t> wanted;
  for (const Section& section : sections_) {
    size_t rows = section.ends.empty() ? 0 : section.ends.back();
    fixed += section.name.size() + 4;  // a comma, quotes, a colon
    fixed += section.is_list ? 2 : section.json.size();
    all_rows += rows;
    wanted.push_back(rows);
    truncated_ |= section.is_cut;
  }
  truncated_ |= fixed + all_rows > max_bytes_;
  if (truncated_) fixed += kTruncatedMember.size();
  std::vector<size_t> shares = fair_shares(wanted, max_bytes_ - std::min(fixed, max_bytes_));
  for (size_t i = 0; i < sections_.size(); ++i) {
    Section& section = sections_[i];
    if (!section.is_list) continue;
    size_t rows = rows_within(section.ends, shares[i]);
    section.json.resize(rows == 0 ? 0 : section.ends[rows - 1]);
  }
}

std::string StatusJson::line() {
  auto place = [](const Section& section) { return std::find(kOrder.begin(), kOrder.end(), section.name); };
  std::stable_sort(sections_.begin(), sections_.end(),
                   [&](const Section& one, const Section& other) { return place(one) < place(other); });
  cut_lists();
  std::string out(kResponseBegin);
  for (const Section& section : sections_) {
    out += ",\"" + section.name + "\":";
    if (section.is_list) out += '[';
    out += section.json;
    if (section.is_list) out += ']';
  }
  if (truncated_) out += kTruncatedMember;
  return out += kResponseEnd;
}

}  // namespace bus::hub

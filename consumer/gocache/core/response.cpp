#include "consumer/gocache/core/response.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "protocol/base/base64.h"
#include "protocol/json_text.h"

namespace bus::gocache {

namespace {

void begin(std::string& out, int64_t id) {
  out += "{\"ID\":";
  out += std::to_string(id);
}

void end(std::string& out) { out += "}\n"; }

}  // namespace

void append_miss(std::string& out, int64_t id) {
  begin(out, id);
  out += ",\"Miss\":true";
  end(out);
}

void append_hit(std::string& out, int64_t id, const Entry& entry, std::string_view disk_path) {
  begin(out, id);
  out += ",\"OutputID\":\"";
  append_base64(out, entry.output.view());
  out += '"';
  if (entry.size > 0) out += ",\"Size\":" + std::to_string(entry.size);
  out += ",\"Time\":\"" + rfc3339(entry.time_ns) + "\",\"DiskPath\":";
  append_json_string(out, disk_path);
  end(out);
}

void append_stored(std::string& out, int64_t id, std::string_view disk_path) {
  begin(out, id);
  out += ",\"DiskPath\":";
  append_json_string(out, disk_path);
  end(out);
}

void append_closed(std::string& out, int64_t id) {
  begin(out, id);
  end(out);
}

void append_error(std::string& out, int64_t id, std::string_view why) {
  begin(out, id);
  out += ",\"Err\":";
  append_json_string(out, why);
  end(out);
}

std::string rfc3339(int64_t time_ns) {
  auto seconds = static_cast<time_t>(time_ns / kSecondNs);
  int64_t nanoseconds = time_ns % kSecondNs;
  tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 48> text{};
  size_t length = strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::string out(text.data(), length);
  if (nanoseconds > 0) {
    std::snprintf(text.data(), text.size(), ".%09lld", static_cast<long long>(nanoseconds));
    out += text.data();
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out += 'Z';
}

}  // namespace bus::gocache

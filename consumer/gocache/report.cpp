#include "consumer/gocache/report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <deque>
#include <fcntl.h>
#include <string_view>

#include "consumer/cli/grid.h"
#include "consumer/gocache/core/entry.h"
#include "consumer/gocache/core/response.h"
#include "consumer/gocache/walk.h"
#include "protocol/base/characters.h"
#include "protocol/json_writer.h"

namespace bus::gocache {

namespace {

using cli::Align;
using cli::Grid;

std::string local(int64_t time_ns, const char* form) {
  auto seconds = static_cast<time_t>(time_ns / kSecondNs);
  tm parts{};
  localtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  return {text.data(), strftime(text.data(), text.size(), form, &parts)};
}

std::string rate_text(const Counts& counts) {
  if (counts.gets == 0) return "-";
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%.1f %%",
                100 * static_cast<double>(counts.hits) / static_cast<double>(counts.gets));
  return text.data();
}

// "3s", "12m", "5h", "9d"
std::string age_text(int64_t ns) {
  int64_t seconds = std::max<int64_t>(ns, 0) / kSecondNs;
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 120 * 60) return std::to_string(seconds / 60) + "m";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

std::string took_text(const RunRecord& run) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1fs",
                static_cast<double>(run.ended_ns - run.began_ns) / kSecondNs);
  return text.data();
}

std::vector<std::string> cells_of(const Counts& counts) {
  return {
      std::to_string(counts.gets), std::to_string(counts.hits),     rate_text(counts),
      std::to_string(counts.puts), bytes_text(counts.stored_bytes), std::to_string(counts.evicted_misses)};
}

void add_cells(std::vector<std::string>& row, const Counts& counts) {
  for (std::string& cell : cells_of(counts)) row.push_back(std::move(cell));
}

constexpr std::array kCountColumns = {"GETS", "HITS", "RATE", "PUTS", "STORED", "EVICTED"};

Grid grid_of(std::vector<std::pair<std::string, Align>> columns) {
  for (const char* name : kCountColumns) columns.emplace_back(name, Align::right);
  return Grid(std::move(columns));
}

// What an output is, by how it begins.
std::string kind_of_output(int directory, const char* name) {
  Fd fd(::openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::array<char, 64> head{};
  ssize_t got = fd ? ::read(fd.get(), head.data(), head.size()) : 0;
  std::string_view text(head.data(), got < 0 ? 0 : static_cast<size_t>(got));
  if (text.empty()) return "empty";
  if (text.starts_with("!<arch>\n")) return "compiled package";
  if (text.starts_with("\x7f"
                       "ELF") ||
      text.starts_with("MZ") || text.starts_with("\xcf\xfa\xed\xfe"))
    return "executable";
  if (text.starts_with("go index v")) return "index of a module";
  bool is_text = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= ' ' && c < 127) || c == '\n' || c == '\t' || c == '\r' ||
           static_cast<unsigned char>(c) >= 128;
  });
  return is_text ? "text" : "other";
}

}  // namespace

Statistics statistics_of(const Place& place, size_t rows) {
  Statistics out;
  std::deque<RunRecord> last;
  for_each_run(place, [&](const RunRecord& run) {
    Statistics::Day& day = out.days[local(run.began_ns, "%Y-%m-%d")];
    ++day.runs;
    day.counts.add(run.counts);
    ++out.runs;
    out.all.add(run.counts);
    last.push_front(run);
    if (last.size() > rows) last.pop_back();
  });
  out.last.assign(last.begin(), last.end());
  return out;
}

std::string stats_text(const Place& place, const Statistics& statistics, const Upkeep::Size& size,
                       const Limits& limits, size_t rows) {
  std::string out = place.path() + " takes ";
  out += size.counted_ns == 0 ? "an unknown number of bytes" : bytes_text(size.disk_bytes);
  out += " of " + bytes_text(limits.max_bytes) + "\n";
  if (statistics.runs == 0) return out + "no build has used it in the last 30 days\n";
  Grid days = grid_of({{"DAY", Align::left}, {"RUNS", Align::right}});
  size_t first = statistics.days.size() > rows ? statistics.days.size() - rows : 0;
  for (auto at = std::next(statistics.days.begin(), static_cast<ptrdiff_t>(first));
       at != statistics.days.end(); ++at) {
    std::vector<std::string> row = {at->first, std::to_string(at->second.runs)};
    add_cells(row, at->second.counts);
    days.row(std::move(row));
  }
  std::vector<std::string> all = {"all", std::to_string(statistics.runs)};
  add_cells(all, statistics.all);
  days.row(std::move(all));
  Grid runs = grid_of({{"RUN", Align::left}, {"OF", Align::left}, {"TOOK", Align::right}});
  for (const RunRecord& run : statistics.last) {
    std::vector<std::string> row = {local(run.began_ns, "%Y-%m-%d %H:%M:%S"), safe_text(run.parent),
                                    took_text(run)};
    add_cells(row, run.counts);
    runs.row(std::move(row));
  }
  out += "\n" + cli::joined(days.lines(), false) + "\n" + cli::joined(runs.lines(), false);
  const Counts& c = statistics.all;
  if (c.waited_hits > 0)
    out += "\n" + std::to_string(c.waited_hits) +
           " outputs were built once for several builds that wanted them\n";
  if (c.elsewhere > 0)
    out += "\n" + std::to_string(c.elsewhere) + " outputs could not be kept in the cache\n";
  if (c.healed > 0) out += "\n" + std::to_string(c.healed) + " damaged entries were removed\n";
  return out;
}

std::string stats_json(const Place& place, const Statistics& statistics, const Upkeep::Size& size,
                       const Limits& limits) {
  std::string out;
  ObjectWriter writer(out);
  writer.text("dir", place.path());
  if (size.counted_ns > 0) writer.number("disk_bytes", size.disk_bytes);
  writer.number("max_bytes", limits.max_bytes);
  writer.number("runs", statistics.runs);
  add_members(writer, statistics.all);
  std::vector<std::pair<std::string, Statistics::Day>> days(statistics.days.begin(), statistics.days.end());
  writer.list("days", days, [](std::string& to, const auto& day) {
    ObjectWriter each(to);
    each.text("day", day.first);
    each.number("runs", day.second.runs);
    add_members(each, day.second.counts);
    each.end();
  });
  writer.list("last", statistics.last, [](std::string& to, const RunRecord& run) { to += json_of(run); });
  writer.end();
  return out + "\n";
}

Inventory inventory_of(const Place& place, size_t rows) {
  Inventory out;
  auto is_larger = [](const Inventory::Output& a, const Inventory::Output& b) { return a.bytes > b.bytes; };
  for_each_file(place, std::nullopt, [&](const CacheFile& file) {
    bool is_output = file.what.kind == Kind::output;
    std::string kind = is_output ? kind_of_output(file.directory, file.name) : "entry of an action";
    Inventory::Part& part = out.kinds[kind];
    ++part.files;
    part.disk_bytes += file.disk_bytes;
    part.used_ns = std::max(part.used_ns, file.used_ns);
    out.disk_bytes += file.disk_bytes;
    if (!is_output) return;
    // A heap whose first one is the smallest of the largest.
    out.largest.push_back({place.path_of(file.what.id, Kind::output), kind, file.bytes, file.used_ns});
    std::push_heap(out.largest.begin(), out.largest.end(), is_larger);
    if (out.largest.size() <= rows) return;
    std::pop_heap(out.largest.begin(), out.largest.end(), is_larger);
    out.largest.pop_back();
  });
  std::sort_heap(out.largest.begin(), out.largest.end(), is_larger);
  return out;
}

std::string top_text(const Inventory& inventory, int64_t now_ns) {
  if (inventory.kinds.empty()) return "the cache is empty\n";
  std::vector<std::pair<std::string, Inventory::Part>> kinds(inventory.kinds.begin(), inventory.kinds.end());
  std::sort(kinds.begin(), kinds.end(),
            [](const auto& a, const auto& b) { return a.second.disk_bytes > b.second.disk_bytes; });
  Grid parts({{"KIND", Align::left},
              {"FILES", Align::right},
              {"ON DISK", Align::right},
              {"LAST USED", Align::right}});
  for (const auto& [kind, part] : kinds) {
    parts.row({kind, std::to_string(part.files), bytes_text(part.disk_bytes),
               age_text(now_ns - part.used_ns) + " ago"});
  }
  Grid largest(
      {{"SIZE", Align::right}, {"LAST USED", Align::right}, {"KIND", Align::left}, {"FILE", Align::left}});
  for (const Inventory::Output& each : inventory.largest)
    largest.row({bytes_text(each.bytes), age_text(now_ns - each.used_ns) + " ago", each.kind, each.path});
  return cli::joined(parts.lines(), false) + "\n" + cli::joined(largest.lines(), false);
}

std::string top_json(const Inventory& inventory) {
  std::string out;
  ObjectWriter writer(out);
  writer.number("disk_bytes", inventory.disk_bytes);
  std::vector<std::pair<std::string, Inventory::Part>> kinds(inventory.kinds.begin(), inventory.kinds.end());
  writer.list("kinds", kinds, [](std::string& to, const auto& kind) {
    ObjectWriter each(to);
    each.text("kind", kind.first);
    each.number("files", kind.second.files);
    each.number("disk_bytes", kind.second.disk_bytes);
    each.text("used", rfc3339(kind.second.used_ns));
    each.end();
  });
  writer.list("largest", inventory.largest, [](std::string& to, const Inventory::Output& output) {
    ObjectWriter each(to);
    each.text("path", output.path);
    each.text("kind", output.kind);
    each.number("bytes", output.bytes);
    each.text("used", rfc3339(output.used_ns));
    each.end();
  });
  writer.end();
  return out + "\n";
}

}  // namespace bus::gocache

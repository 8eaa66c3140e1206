#include "consumer/sources/process_facts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "consumer/sources/spare_descriptors.h"
#include "protocol/base/fd.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

// More than each of these files can hold, but an environment: ARG_MAX of most machines (execve(2)).
constexpr size_t kMaxProcFileBytes = 4'194'304;

// Beyond 100 000 years, so that it limits nothing; below RLIM_INFINITY, so that it is a value.
constexpr uint64_t kMarkBit = 1ULL << 62U;
constexpr uint32_t kInstanceBits = 30;

std::string_view next_word(std::string_view& text) {
  size_t begin = std::min(text.find_first_not_of(" \t\n"), text.size());
  size_t end = std::min(text.find_first_of(" \t\n", begin), text.size());
  std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

template <class Number>
bool read(std::string_view word, Number& out) {
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
  return error == std::errc() && end == word.data() + word.size();
}

uint64_t mark_or_none(uint64_t value) { return value >> 62U == 1 ? value : 0; }

// "" of a process that is gone, or may not be seen.
Result<std::string> contents(int64_t pid, const char* name) {
  SpareDescriptors spare;
  auto text = read_file("/proc/" + std::to_string(pid) + "/" + name, kMaxProcFileBytes);
  if (text) return text;
  BUSD_TRY(can_look());
  return std::string();
}

}  // namespace

uint64_t make_mark(uint32_t instance, uint32_t serial) {
  uint64_t low_bits = instance & ((1U << kInstanceBits) - 1);
  return kMarkBit | low_bits << 32U | serial;
}

bool is_mark_of(uint64_t mark, uint32_t instance) {
  return mark != 0 && mark == make_mark(instance, serial_of(mark));
}

uint32_t serial_of(uint64_t mark) { return static_cast<uint32_t>(mark); }

// proc(5), /proc/PID/stat: fields 3 to 22 follow the name in parentheses.
std::optional<ProcessFacts> parse_stat(std::string_view line) {
  ProcessFacts facts;
  size_t name_end = line.rfind(')');
  std::string_view beginning = line;
  if (name_end == std::string_view::npos || !read(next_word(beginning), facts.pid)) return std::nullopt;
  line.remove_prefix(name_end + 1);
  std::array<std::string_view, 20> fields;
  for (std::string_view& field : fields) field = next_word(line);
  if (fields[0].size() != 1) return std::nullopt;
  facts.state = fields[0][0];
  bool all = read(fields[1], facts.parent) && read(fields[2], facts.group) &&
             read(fields[3], facts.session) && read(fields[19], facts.start_ticks);
  for (size_t field = 11; field <= 14; ++field) {
    uint64_t ticks = 0;
    all = all && read(fields[field], ticks);
    facts.cpu_ticks += ticks;
  }
  return all ? std::optional(facts) : std::nullopt;
}

//   Max realtime timeout      4611686…  4611686…  us
uint64_t mark_in_limits(std::string_view text) {
  constexpr std::string_view kLabel = "Max realtime timeout";
  size_t at = text.find(kLabel);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + kLabel.size());
  next_word(text);
  uint64_t hard = 0;
  return read(next_word(text), hard) ? mark_or_none(hard) : 0;
}

uint64_t mark_in_environment(std::string_view text) {
  while (!text.empty()) {
    std::string_view entry = text.substr(0, text.find('\0'));
    uint64_t value = 0;
    if (entry.starts_with(kMarkVariable) && entry.substr(kMarkVariable.size()).starts_with('=')) {
      return read(entry.substr(kMarkVariable.size() + 1), value) ? mark_or_none(value) : 0;
    }
    text.remove_prefix(std::min(entry.size() + 1, text.size()));
  }
  return 0;
}

uint64_t resident_in(std::string_view statm, uint64_t page_bytes) {
  next_word(statm);
  uint64_t pages = 0;
  return read(next_word(statm), pages) ? pages * page_bytes : 0;
}

void add_numbers(std::string_view text, std::vector<int64_t>& out) {
  int64_t number = 0;
  while (read(next_word(text), number)) out.push_back(number);
}

Result<void> can_look() {
  SpareDescriptors spare;
  Fd always_there(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  return always_there || errno == ENOENT ? Result<void>() : errno_error("/proc", errno);
}

std::optional<ProcessFacts> facts_of(int64_t pid) {
  auto line = contents(pid, "stat");
  return line ? parse_stat(*line) : std::nullopt;
}

uint64_t resident_bytes_of(int64_t pid) {
  auto text = contents(pid, "statm");
  return text ? resident_in(*text, static_cast<uint64_t>(::sysconf(_SC_PAGESIZE))) : 0;
}

Result<uint64_t> mark_of(int64_t pid, uint32_t instance) {
  BUSD_ASSIGN(std::string limits, contents(pid, "limits"));
  uint64_t mark = mark_in_limits(limits);
  if (is_mark_of(mark, instance)) return mark;
  BUSD_ASSIGN(std::string environment, contents(pid, "environ"));
  mark = mark_in_environment(environment);
  return is_mark_of(mark, instance) ? mark : 0;
}

Result<std::string> cgroups_of(int64_t pid) { return contents(pid, "cgroup"); }

Result<std::vector<int64_t>> all_processes() {
  SpareDescriptors spare;
  std::vector<int64_t> found;
  std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return errno_error("/proc", errno);
  while (const dirent* entry = ::readdir(proc.get())) {
    if (auto pid = parse_u64(entry->d_name)) found.push_back(static_cast<int64_t>(*pid));
  }
  return found;
}

}  // namespace bus::sources

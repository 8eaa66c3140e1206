#include "consumer/sources/record.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "consumer/sources/spare_descriptors.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

constexpr std::string_view kFirstWords = "busd-sources 1 ";
// It is replaced by a shorter one when it has grown to this, and to four times what it was when it was written anew.
constexpr size_t kRewriteAtBytes = 16'384;
// Of a file that is believed to be a record: ten thousand runs.
constexpr size_t kMaxRecordBytes = 4'194'304;

std::string_view take_word(std::string_view& line) {
  size_t end = std::min(line.find(' '), line.size());
  std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

std::optional<uint32_t> take_serial(std::string_view& line) {
  auto number = parse_u64(take_word(line));
  if (!number || *number > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

void add_process(std::string_view line, RecordedRun& run) {
  auto pid = parse_u64(take_word(line));
  auto start_ticks = parse_u64(take_word(line));
  if (!pid || !start_ticks || *pid > INT32_MAX) return;
  run.pid = static_cast<int64_t>(*pid);
  run.start_ticks = *start_ticks;
}

void add_line(std::string_view line, RecordedRuns& out) {
  std::string_view kind = take_word(line);
  auto serial = take_serial(line);
  if (!serial) return;
  if (kind == "run") {
    RecordedRun run;
    run.source = take_word(line);
    if (line != "-") run.cgroup = line;
    out.runs.insert_or_assign(*serial, std::move(run));
  } else if (kind == "pid") {
    auto found = out.runs.find(*serial);
    if (found != out.runs.end()) add_process(line, found->second);
  } else if (kind == "end") {
    out.runs.erase(*serial);
  }
}

std::string first_line(const RecordedRuns& known) {
  return std::string(kFirstWords) + known.boot_id + " " + std::to_string(known.instance) + "\n";
}

std::string run_line(uint32_t serial, const RecordedRun& run) {
  return "run " + std::to_string(serial) + " " + run.source + " " + (run.cgroup.empty() ? "-" : run.cgroup) +
         "\n";
}

std::string pid_line(uint32_t serial, const RecordedRun& run) {
  return "pid " + std::to_string(serial) + " " + std::to_string(run.pid) + " " +
         std::to_string(run.start_ticks) + "\n";
}

}  // namespace

std::optional<RecordedRuns> parse_record(std::string_view text) {
  if (!text.starts_with(kFirstWords)) return std::nullopt;
  text.remove_prefix(kFirstWords.size());
  RecordedRuns out;
  bool is_first = true;
  for (size_t end = 0; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    std::string_view line = text.substr(0, end);
    if (!is_first) {
      add_line(line, out);
      continue;
    }
    is_first = false;
    out.boot_id = take_word(line);
    auto instance = take_serial(line);
    if (!instance) return std::nullopt;
    out.instance = *instance;
  }
  return is_first ? std::nullopt : std::optional(std::move(out));
}

Result<RecordedRuns> read_record(const std::string& path) {
  // Not one that another user has put there, nor a pipe that is never written to.
  struct stat st {};
  bool is_ours = ::lstat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == ::geteuid();
  if (!is_ours) return Error{Errc::unavailable, "there is no record of ours"};
  BUSD_ASSIGN(std::string text, read_file(path, kMaxRecordBytes));
  auto recorded = parse_record(text);
  if (!recorded) return Error{Errc::unavailable, printable(path) + " is no record"};
  return std::move(*recorded);
}

// The directory tells two that are of the same name for different processes apart. FNV-1a.
std::string place_of_record(const std::string& path) {
  struct stat st {};
  ::stat(parent_dir(path).c_str(), &st);
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : path + " " + std::to_string(st.st_dev) + " " + std::to_string(st.st_ino))
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return std::to_string(hash);
}

std::string boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

Result<Record> Record::begin(const std::string& path, uint32_t instance) {
  Record record(path, instance);
  record.known_.boot_id = boot_id();
  BUSD_TRY(record.rewrite());
  return record;
}

Result<void> Record::add(uint32_t serial, RecordedRun run) {
  std::string line = run_line(serial, run);
  known_.runs.insert_or_assign(serial, std::move(run));
  return append(line);
}

Result<void> Record::set_process(uint32_t serial, int64_t pid, uint64_t start_ticks) {
  auto found = known_.runs.find(serial);
  if (found == known_.runs.end()) return {};
  found->second.pid = pid;
  found->second.start_ticks = start_ticks;
  return append(pid_line(serial, found->second));
}

Result<void> Record::end(uint32_t serial) {
  known_.runs.erase(serial);
  return append("end " + std::to_string(serial) + "\n");
}

void Record::remove() const { ::unlink(path_.c_str()); }

Result<void> Record::rewrite() {
  SpareDescriptors spare;
  std::string text = first_line(known_);
  for (const auto& [serial, run] : known_.runs) {
    text += run_line(serial, run);
    if (run.pid != 0) text += pid_line(serial, run);
  }
  std::string next = path_ + ".new";
  // One may be left of an end in the middle of this.
  ::unlink(next.c_str());
  Fd file(::open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return errno_error("open " + printable(next), errno);
  Result<void> done = write_all(file.get(), text);
  if (done && ::rename(next.c_str(), path_.c_str()) != 0)
    done = errno_error("rename " + printable(next), errno);
  if (!done) {
    ::unlink(next.c_str());
    return done;
  }
  file_ = std::move(file);
  bytes_ = text.size();
  rewrite_at_ = std::max(kRewriteAtBytes, 4 * bytes_);
  // Where that cannot be had, each line is tried when it comes.
  ::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(rewrite_at_));
  return {};
}

Result<void> Record::append(const std::string& line) {
  if (bytes_ + line.size() > rewrite_at_) return rewrite();
  if (Result<void> done = write_all(file_.get(), line); !done) {
    // What was written of it would spoil the next line.
    [[maybe_unused]] int cut = ::ftruncate(file_.get(), static_cast<off_t>(bytes_));
    return done;
  }
  bytes_ += line.size();
  return {};
}

}  // namespace bus::sources

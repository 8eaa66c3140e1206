#include "consumer/sources/cgroup.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "consumer/sources/spare_descriptors.h"
#include "protocol/base/fd.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

constexpr size_t kMaxCgroupFileBytes = 4'194'304;
constexpr std::string_view kPrefix = "busd-source-";
constexpr const char* kOwnLeaf = "/bus-sources";
// Between looks at what was killed.
constexpr int kLookMs = 2;

// An errno, or 0.
int try_write(const std::string& file, std::string_view value) {
  SpareDescriptors spare;
  Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), value.data(), value.size()) >= 0 ? 0 : errno;
}

Result<void> write_value(const std::string& file, std::string_view value) {
  int error = try_write(file, value);
  return error == 0 ? Result<void>() : errno_error(printable(file), error);
}

template <class OnLine>
void each_line(std::string_view text, OnLine on_line) {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    on_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    size_t end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

// systemd sets it on what it has delegated (systemd.resource-control(5), Delegate=): user.* since 251, trusted.* for root.
bool is_delegated(const std::string& directory) {
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    char value = 0;
    if (::getxattr(directory.c_str(), name, &value, 1) == 1 && value == '1') return true;
  }
  return false;
}

// sd_booted(3)
bool has_systemd() { return ::access("/run/systemd/system", F_OK) == 0; }

}  // namespace

std::optional<std::string> own_cgroup(std::string_view text) {
  std::optional<std::string> found;
  each_line(text, [&](std::string_view line) {
    if (line.starts_with("0::/")) found = std::string(line.substr(3));
  });
  return found;
}

// proc(5), mountinfo: ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS [TAGS…] - TYPE SOURCE SUPER-OPTIONS
std::optional<std::string> cgroup2_mount(std::string_view text) {
  std::optional<std::string> found;
  each_line(text, [&](std::string_view line) {
    std::vector<std::string_view> words = words_of(line);
    auto dash = std::find(words.begin(), words.end(), "-");
    bool is_cgroup2 =
        words.size() > 5 && words.end() - dash > 1 && *(dash + 1) == "cgroup2" && words[3] == "/";
    if (is_cgroup2 && !found) found = std::string(words[4]);
  });
  return found;
}

uint64_t number_behind(std::string_view text, std::string_view key) {
  uint64_t number = 0;
  each_line(text, [&](std::string_view line) {
    std::vector<std::string_view> words = words_of(line);
    if (words.size() == 2 && words[0] == key) number = parse_u64(words[1]).value_or(0);
  });
  return number;
}

Cgroup::~Cgroup() { ::rmdir(directory_.c_str()); }

Result<void> Cgroup::limit_memory(uint64_t bytes) const {
  auto written = write_value(directory_ + "/memory.max", std::to_string(bytes));
  if (!written) return written;
  // Beyond it one process would be chosen, and what is left of the run would be a source that is not whole.
  return write_value(directory_ + "/memory.oom.group", "1");
}

Result<void> Cgroup::weigh_cpu(uint32_t weight) const {
  return write_value(directory_ + "/cpu.weight", std::to_string(weight));
}

bool Cgroup::kill() const { return try_write(directory_ + "/cgroup.kill", "1") == 0; }

Result<bool> Cgroup::is_populated() const {
  SpareDescriptors spare;
  auto events = read_file(directory_ + "/cgroup.events", kMaxCgroupFileBytes);
  if (events) return number_behind(*events, "populated") > 0;
  if (events.error().code == Errc::unavailable) return false;
  return events.error();
}

bool Cgroup::holds(std::string_view cgroups) const {
  std::string_view name = std::string_view(directory_).substr(directory_.rfind('/'));
  std::string path = own_cgroup(cgroups).value_or("") + "/";
  return path.find(std::string(name) + "/") != std::string::npos;
}

bool Cgroup::has_run_out_of_memory() const {
  auto events = read_file(directory_ + "/memory.events", kMaxCgroupFileBytes);
  return events && number_behind(*events, "oom_kill") > 0;
}

Result<CgroupParent> CgroupParent::find() {
  BUSD_ASSIGN(std::string groups, read_file("/proc/self/cgroup", kMaxCgroupFileBytes));
  BUSD_ASSIGN(std::string mounts, read_file("/proc/self/mountinfo", kMaxCgroupFileBytes));
  auto own = own_cgroup(groups);
  auto mount = cgroup2_mount(mounts);
  if (!own || !mount) return Error{Errc::unavailable, "no cgroup2 is mounted"};
  std::string directory = *own == "/" ? *mount : *mount + *own;
  if (::access(directory.c_str(), W_OK) != 0) return errno_error(printable(directory), errno);
  if (has_systemd() && !is_delegated(directory)) {
    return Error{Errc::unavailable, "systemd has not delegated " + printable(directory) +
                                        " to us; run bus-sources as busd-sources.service"};
  }
  return CgroupParent(std::move(directory));
}

Result<void> CgroupParent::enable_controllers() const {
  std::string file = directory_ + "/cgroup.subtree_control";
  int memory = try_write(file, "+memory");
  if (memory == EBUSY) {
    std::string leaf = directory_ + kOwnLeaf;
    if (::mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) return errno_error(printable(leaf), errno);
    BUSD_TRY(write_value(leaf + "/cgroup.procs", "0"));
    memory = try_write(file, "+memory");
  }
  // One that is lacking must not keep the other away.
  int cpu = try_write(file, "+cpu");
  if (memory != 0) return errno_error(printable(file) + ": memory", memory);
  return cpu == 0 ? Result<void>() : errno_error(printable(file) + ": cpu", cpu);
}

std::string CgroupParent::directory_of(const std::string& name) const {
  return directory_ + "/" + std::string(kPrefix) + name;
}

Result<std::string> CgroupParent::make(const std::string& name) const {
  std::string directory = directory_of(name);
  if (::mkdir(directory.c_str(), 0755) != 0) return errno_error(printable(directory), errno);
  return directory;
}

std::vector<std::string> CgroupParent::made(const std::string& beginning) const {
  SpareDescriptors spare;
  std::vector<std::string> found;
  std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(directory_.c_str()), ::closedir);
  if (!listing) return found;
  std::string prefix = std::string(kPrefix) + beginning;
  while (const dirent* entry = ::readdir(listing.get())) {
    if (std::string_view(entry->d_name).starts_with(prefix))
      found.push_back(directory_ + "/" + entry->d_name);
  }
  return found;
}

bool CgroupParent::has_made(const std::string& directory) const {
  std::string prefix = directory_ + "/" + std::string(kPrefix);
  return directory.starts_with(prefix) && directory.find('/', prefix.size()) == std::string::npos;
}

void CgroupParent::kill(const std::string& directory) const {
  if (has_made(directory)) try_write(directory + "/cgroup.kill", "1");
}

bool CgroupParent::remove(const std::string& directory, TimePoint until) const {
  if (!has_made(directory)) return true;
  // Removed with this.
  Cgroup cgroup(directory);
  for (;;) {
    auto populated = cgroup.is_populated();
    if (populated && !*populated) return true;
    if (now() >= until) return false;
    ::poll(nullptr, 0, kLookMs);
  }
}

}  // namespace bus::sources

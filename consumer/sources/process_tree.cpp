#include "consumer/sources/process_tree.h"

#include <cerrno>
#include <csignal>
#include <dirent.h>
#include <memory>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include "consumer/sources/process_facts.h"
#include "consumer/sources/spare_descriptors.h"
#include "protocol/base/fd.h"
#include "protocol/base/file.h"

namespace bus::sources {

namespace {

constexpr size_t kMaxChildrenFileBytes = 4'194'304;

// A process' children are those of its threads. False where the kernel has no such files (CONFIG_PROC_CHILDREN).
Result<bool> add_listed_children(int64_t pid, std::vector<int64_t>& out) {
  SpareDescriptors spare;
  std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(tasks.c_str()), ::closedir);
  if (!listing && errno == ENOENT) return true;
  if (!listing) {
    BUSD_TRY(can_look());
    return false;
  }
  while (const dirent* entry = ::readdir(listing.get())) {
    if (entry->d_name[0] == '.') continue;
    auto text = read_file(tasks + "/" + entry->d_name + "/children", kMaxChildrenFileBytes);
    if (text) {
      add_numbers(*text, out);
    } else if (::access((tasks + "/" + entry->d_name).c_str(), F_OK) == 0) {
      BUSD_TRY(can_look());
      return false;
    }
  }
  return true;
}

Result<std::vector<int64_t>> searched_children(int64_t parent) {
  std::vector<int64_t> found;
  BUSD_ASSIGN(std::vector<int64_t> all, all_processes());
  for (int64_t pid : all) {
    auto facts = facts_of(pid);
    if (facts && facts->parent == parent) found.push_back(pid);
  }
  return found;
}

}  // namespace

Result<std::vector<int64_t>> children_of(int64_t pid) {
  std::vector<int64_t> found;
  BUSD_ASSIGN(bool is_listed, add_listed_children(pid, found));
  return is_listed ? Result(std::move(found)) : searched_children(pid);
}

Result<std::vector<TreeNode>> descendants_of(int64_t pid) {
  std::vector<TreeNode> found;
  int64_t parent = pid;
  for (size_t next = 0;; ++next) {
    BUSD_ASSIGN(std::vector<int64_t> children, children_of(parent));
    for (int64_t child : children) {
      if (found.size() < kMostInTree) found.push_back({child, parent});
    }
    if (next == found.size()) return found;
    parent = found[next].pid;
  }
}

bool signal_descendant(const TreeNode& node, int signal) {
  SpareDescriptors spare;
  auto pid = static_cast<pid_t>(node.pid);
  // Bare system calls: libc's wrappers are younger than some machines' libc. Without a pidfd (before Linux 5.3, or refused by a
  // filter) a number that is given away between the look and the signal is not noticed.
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  if (!process && errno == ESRCH) return true;
  auto facts = facts_of(node.pid);
  bool is_it = facts && (facts->parent == node.parent || facts->parent == ::getpid());
  if (!is_it) return true;
  long sent =
      process ? ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0U) : ::kill(pid, signal);
  return sent == 0 || errno == ESRCH;
}

}  // namespace bus::sources

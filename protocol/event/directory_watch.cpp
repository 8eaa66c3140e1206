#include "protocol/event/directory_watch.h"

#include <algorithm>
#include <cerrno>
#include <sys/inotify.h>
#include <unistd.h>

#include "protocol/base/file.h"
#include "protocol/base/result.h"
#include "protocol/base/strings.h"

namespace bus {

namespace {

constexpr uint32_t kEntries =
    IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr uint32_t kContents = kEntries | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB;
// Of a directory above one that is not there.
constexpr uint32_t kAppearances = IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

}  // namespace

DirectoryWatch::DirectoryWatch(Loop& loop, std::vector<std::string> directories,
                               std::function<void()> on_change, Of what)
    : directories_(std::move(directories)),
      on_change_(std::move(on_change)),
      what_(what),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      quiet_(loop, [this] { settle(); }) {
  if (!inotify_) {
    trouble_ = errno_error("watch the directories", errno).what;
    return;
  }
  watch_.emplace(loop, inotify_.get(), static_cast<FdWatch::Handler&>(*this));
  if (!watch_->set(FdWatch::Mode::reading, false)) trouble_ = "no room for a watch of the directories";
  watch_all();
}

// Watching what is watched already changes nothing; one that was removed and made anew is another one.
void DirectoryWatch::watch_all() {
  for (const std::string& directory : directories_) {
    uint32_t mask = what_ == Of::contents ? kContents : kEntries;
    std::string path = directory;
    while (::inotify_add_watch(inotify_.get(), path.c_str(), mask) < 0) {
      bool is_missing = errno == ENOENT || errno == ENOTDIR;
      if (!is_missing) trouble_ = errno_error("watch " + printable(path), errno).what;
      if (!is_missing || path == "/" || path == ".") break;
      path = parent_dir(path);
      mask = kAppearances | IN_MASK_ADD;
    }
  }
}

void DirectoryWatch::on_readable() {
  // What has changed is not asked: it is looked at as a whole. More than a buffer comes in further turns.
  alignas(inotify_event) char buffer[16'384];
  if (::read(inotify_.get(), buffer, sizeof buffer) <= 0) return;
  TimePoint at = now();
  first_change_ = std::min(first_change_, at);
  quiet_.set(std::min(at + kQuiet, first_change_ + kLongest));
}

void DirectoryWatch::settle() {
  first_change_ = kNever;
  watch_all();
  on_change_();
}

}  // namespace bus

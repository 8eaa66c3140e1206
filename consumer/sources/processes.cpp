#include "consumer/sources/processes.h"

#include <cerrno>
#include <cstdint>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>
#include <utility>

#include "consumer/sources/cgroup.h"
#include "consumer/sources/leftovers.h"
#include "consumer/sources/record.h"
#include "consumer/sources/run_table.h"
#include "consumer/sources/spawn.h"
#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

// For what was killed in the cgroups of an earlier bus-sources.
constexpr Duration kCgroupPatience = milliseconds(900);

Result<uint32_t> random_number() {
  uint32_t number = 0;
  ssize_t got = 0;
  do {
    got = ::getrandom(&number, sizeof number, 0);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof number) return errno_error("getrandom", errno);
  return number;
}

}  // namespace

std::vector<std::string> clean_up(const std::string& record) {
  auto recorded = read_record(record);
  if (!recorded && recorded.error().code != Errc::unavailable)
    return {"what an earlier bus-sources has left is not known: " + recorded.error().what};
  // By their names, too: the record does not know them if the disk was full.
  auto cgroups = CgroupParent::find();
  std::vector<std::string> directories;
  if (cgroups) directories = cgroups->made(place_of_record(record) + "-");
  if (cgroups && recorded) {
    for (const auto& [serial, run] : recorded->runs) directories.push_back(run.cgroup);
  }
  for (const std::string& directory : directories) cgroups->kill(directory);
  std::vector<std::string> complaints;
  if (recorded) complaints = end_leftovers(*recorded);
  TimePoint until = now() + kCgroupPatience;
  for (const std::string& directory : directories) {
    if (!cgroups->remove(directory, until))
      complaints.push_back("processes that an earlier bus-sources has left in " + printable(directory) +
                           " could not be ended");
  }
  if (complaints.empty()) ::unlink(record.c_str());
  return complaints;
}

Processes::Processes() = default;

Result<std::unique_ptr<Processes>> Processes::create(Loop& loop, const Settings& settings) {
  std::string trampoline = settings.trampoline.empty() ? find_trampoline() : settings.trampoline;
  if (trampoline.empty()) {
    return Error{
        Errc::unavailable,
        "source-trampoline, by which sources are started, is neither beside this program nor installed"};
  }
  BUSD_ASSIGN(uint32_t instance, random_number());
  std::unique_ptr<Processes> made(new Processes());
  made->runs_ = std::make_unique<RunTable>(loop, trampoline, instance);
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
    return errno_error("cannot become the reaper of orphans", errno);
  Result<CgroupParent> cgroups = Error{Errc::unavailable, "cgroups are off"};
  if (settings.cgroups) cgroups = CgroupParent::find();
  if (!settings.record.empty()) {
    made->complaints_ = clean_up(settings.record);
    made->runs_->use_record(settings.record);
  }
  made->runs_->use_cgroups(std::move(cgroups));
  return made;
}

Processes::~Processes() {
  runs_.reset();
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

std::vector<std::string> Processes::take_complaints() {
  std::vector<std::string> all = std::exchange(complaints_, {});
  for (std::string& complaint : runs_->take_complaints()) all.push_back(std::move(complaint));
  return all;
}

}  // namespace bus::sources

#include "consumer/sources/tasks.h"

#include <algorithm>
#include <unistd.h>

#include "consumer/cli/json_lookup.h"
#include "consumer/sources/report.h"
#include "consumer/sources/task_args.h"
#include "protocol/base/spelling.h"
#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

constexpr std::string_view kTaskPrefix = "bus.source.";
constexpr uint32_t kSlots = 1024;  // a reader of a log has one for as long as it reads

}  // namespace

const std::vector<Tasks::Task>& Tasks::table() {
  static const std::vector<Task> kTasks = {
      {"list", true, Takes::nothing, &Tasks::list},      {"status", true, Takes::name, &Tasks::status},
      {"logs", true, Takes::log_query, &Tasks::logs},    {"start", false, Takes::name, &Tasks::start},
      {"stop", false, Takes::name, &Tasks::stop},        {"restart", false, Takes::name, &Tasks::restart},
      {"enable", false, Takes::name, &Tasks::enable},    {"disable", false, Takes::name, &Tasks::disable},
      {"reload", false, Takes::nothing, &Tasks::reload},
  };
  return kTasks;
}

Tasks::Tasks(Loop& loop, Host& host, HubLink& link)
    : host_(host), link_(link), hub_uid_(::geteuid()), pump_(loop, [this] { pump(); }) {}

Result<void> Tasks::provide() {
  std::vector<std::string> names;
  for (const Task& task : table()) names.push_back(std::string(kTaskPrefix) + task.name);
  return link_.provide(names, kSlots, 0);
}

bool Tasks::may_change(uint32_t uid) const { return uid == 0 || uid == hub_uid_ || uid == ::geteuid(); }

// --- what comes from the hub ---

void Tasks::on_item(const busd_item& item) {
  auto follower = followers_.find(item.call);
  switch (item.kind) {
    case BUSD_ITEM_CANCELED:
      if (follower != followers_.end()) followers_.erase(follower);
      return;
    case BUSD_ITEM_PAUSE:
    case BUSD_ITEM_RESUME:
      if (follower == followers_.end()) return;
      follower->second->pause(item.kind == BUSD_ITEM_PAUSE);
      return pump_.set(now());
    case BUSD_ITEM_REQUEST:
      break;
    default:
      return;
  }
  const busd_request& request = *item.request;
  std::string task(view_of(request.task));
  Asked asked{item.call, std::string(view_of(request.args)), static_cast<uint32_t>(request.uid),
              request.stream != 0};
  auto at = std::find_if(table().begin(), table().end(),
                         [&](const Task& each) { return task == std::string(kTaskPrefix) + each.name; });
  if (at == table().end()) return fail(asked.request, "not_found", "there is no task " + task);
  if (!at->is_open_to_all && !may_change(asked.uid)) {
    return fail(
        asked.request, "not_allowed",
        "uid " + std::to_string(asked.uid) + " may look at the sources of this bus, and not change them");
  }
  if (!at->is_open_to_all && host_.is_ending())
    return fail(asked.request, "busy", "bus-sources is about to end");
  if (std::string fault = args_fault(task, at->takes, asked.args); !fault.empty())
    return fail(asked.request, "bad_args", fault);
  (this->*at->serve)(asked);
}

void Tasks::on_link_lost() {
  commands_.clear();
  followers_.clear();
  pump_.clear();
}

void Tasks::respond(uint64_t request, std::string_view result) {
  auto error = BUSD_INIT(busd_error);
  if (busd_request_respond(link_.get(), request, text_of(result), &error) == BUSD_INVALID)
    return fail(request, "failed", error.message);
  link_.stir();
}

void Tasks::fail(uint64_t request, std::string_view code, std::string_view message) {
  (void)busd_request_fail(link_.get(), request, text_of(code), text_of(message), busd_text{}, nullptr);
  link_.stir();
}

// --- sources by name ---

std::string Tasks::unknown_name(const std::string& name) const {
  std::string text = "there is no source " + printable(name);
  for (const FileFault& fault : host_.faults()) {
    if (named_by(fault) == name) return text + ": " + bus::sources::text_of(fault);
  }
  for (const Source* source : host_.all_sources()) {
    if (alike(name, source->name())) return text + "; did you mean " + source->name() + "?";
  }
  return text;
}

Source* Tasks::source_of(const Asked& asked) {
  auto name = cli::find_json(asked.args, {"name"});
  if (!name) {
    fail(asked.request, "bad_args", R"(the name of the source is missing: {"name":"…"})");
    return nullptr;
  }
  Source* source = host_.find_source(*name);
  if (source == nullptr) fail(asked.request, "not_found", unknown_name(*name));
  return source;
}

// --- the tasks ---

void Tasks::list(const Asked& asked) {
  respond(asked.request, list_of(host_.all_sources(), host_.faults(), now()));
}

void Tasks::status(const Asked& asked) {
  if (const Source* source = source_of(asked)) respond(asked.request, status_of(*source, now()));
}

void Tasks::command(const Asked& asked, void (Source::*what)(uint64_t)) {
  Source* source = source_of(asked);
  if (source == nullptr) return;
  uint64_t command = ++last_command_;
  commands_.emplace(command, asked.request);
  (source->*what)(command);
}

void Tasks::on_command_ended(Source& source, const CommandEnd& end) {
  auto at = commands_.find(end.command);
  if (at == commands_.end()) return;
  uint64_t request = at->second;
  commands_.erase(at);
  if (end.trouble.empty()) return respond(request, command_result(source));
  fail(request, "failed", source.name() + ": " + end.trouble);
}

void Tasks::mark(const Asked& asked, bool enabled) {
  Source* source = source_of(asked);
  if (source == nullptr) return;
  auto done = host_.set_enabled(*source, enabled);
  if (!done) return fail(asked.request, "failed", done.error().what);
  if (enabled) return respond(asked.request, command_result(*source));
  uint64_t command = ++last_command_;
  commands_.emplace(command, asked.request);
  source->stop(command);
}

void Tasks::reload(const Asked& asked) { respond(asked.request, reload_result(host_.reload())); }

// --- logs ---

void Tasks::logs(const Asked& asked) {
  if (!asked.stream)
    return fail(asked.request, "bad_args", "the answer is a stream: ask for it with \"stream\":true");
  Source* source = source_of(asked);
  if (source == nullptr) return;
  followers_.emplace(asked.request, std::make_unique<LogFollower>(source->name(), source->feed().log(),
                                                                  log_query(asked.args), asked.request));
  pump_.set(now());
}

void Tasks::on_logged() {
  if (!followers_.empty() && pump_.due() == kNever) pump_.set(now());
}

void Tasks::on_turn_done() {
  if (!followers_.empty() && pump_.due() == kNever) pump_.set(now());
}

void Tasks::pump() {
  if (!link_.is_open()) return;
  for (auto at = followers_.begin(); at != followers_.end();) {
    auto [request, follower] = std::pair(at->first, at->second.get());
    const Source* source = host_.find_source(follower->source());
    LogFollower::Done done =
        source == nullptr ? LogFollower::Done::complete : follower->send(source->feed().log(), link_);
    if (done == LogFollower::Done::complete) respond(request, "null");
    if (done == LogFollower::Done::failed) fail(request, "failed", follower->trouble());
    at = done == LogFollower::Done::not_yet ? std::next(at) : followers_.erase(at);
  }
  link_.stir();
}

void Tasks::on_source_gone() { pump_.set(now()); }

}  // namespace bus::sources

#include "consumer/sources/supervisor.h"

#include <algorithm>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "consumer/sources/report.h"
#include "protocol/base/lock_holder.h"
#include "protocol/base/strings.h"

namespace bus::sources {

namespace {

// How often a hub that is gone is looked for: soon at first, as the next one may be starting; seldom, where the kernel says
// when it does.
constexpr Duration kFirstRetry = milliseconds(20);
constexpr Duration kRarestRetry = milliseconds(500);
constexpr Duration kRarestWatched = seconds(60);
// What was published is given so long to go out at the end.
constexpr Duration kFarewell = milliseconds(500);

uint64_t random_seed() {
  uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, 0) != sizeof seed)
    seed = static_cast<uint64_t>(now().time_since_epoch().count());
  return seed;
}

bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

std::string why_gone(const std::string& name, const std::vector<FileFault>& faults) {
  auto fault = std::find_if(faults.begin(), faults.end(),
                            [&](const FileFault& each) { return named_by(each) == name; });
  return fault == faults.end() ? "it is no longer in its directory" : bus::sources::text_of(*fault);
}

std::optional<std::pair<dev_t, ino_t>> identity_of(const std::string& directory) {
  struct stat st {};
  if (::stat(directory.c_str(), &st) != 0) return std::nullopt;
  return std::pair(st.st_dev, st.st_ino);
}

}  // namespace

Supervisor::Supervisor(Loop& loop, Processes& processes, Settings settings, Voice voice)
    : loop_(loop),
      processes_(processes),
      settings_(std::move(settings)),
      voice_(std::move(voice)),
      marks_(settings_.state_directory, settings_.endpoint.name),
      link_(loop, *this),
      tasks_(loop, *this, link_),
      watch_(loop, settings_.directories, [this] { look_again(); }),
      retry_(loop, [this] { connect(); }),
      hub_watch_(loop, settings_.endpoint.directory, [this] { try_again_soon(); }),
      seed_(random_seed()) {}

void Supervisor::begin() {
  say_complaints();
  if (!watch_.trouble().empty())
    voice_.warn("changes of the directories are seen only at SIGHUP: " + watch_.trouble());
  marks_.read();
  static_cast<void>(reload());
  connect();
}

// --- the hub ---

void Supervisor::connect() {
  if (ending_) return;
  if (link_.is_open()) return connect_sources();
  if (has_lost_its_place()) return end("the directory of the hub's socket is gone");
  if (inspect_lock(settings_.endpoint.lock).state == LockState::free) {
    // A hub that ends in order takes its socket down while it has its lock; one that was killed leaves it behind.
    if (had_hub_ && !exists(settings_.endpoint.socket)) return end("the hub has ended");
    if (!waits_) voice_.note("no hub runs at " + settings_.endpoint.socket + ": waiting for one");
    waits_ = true;
    return try_again_later();
  }
  if (auto opened = open_link(); !opened) {
    link_.close(Duration::zero());
    if (opened.error().code == Errc::denied) return give_up(opened.error());
    if (!std::exchange(waits_, true)) voice_.warn(opened.error().what);
    return try_again_later();
  }
  hub_watch_.end();
  waits_ = false;
  had_hub_ = true;
  retry_pause_ = Duration::zero();
  voice_.note("serving " + std::to_string(sources_.size()) + (sources_.size() == 1 ? " source" : " sources") +
              " at " + settings_.endpoint.socket);
  connect_sources();
}

Result<void> Supervisor::open_link() {
  auto options = BUSD_INIT(busd_connection_options);
  options.socket = text_of(settings_.endpoint.socket);
  options.background = 1;
  BUSD_TRY(link_.open(options));
  auto place = BUSD_INIT(busd_hub_options);
  place.socket = text_of(settings_.endpoint.socket);
  auto facts = BUSD_INIT(busd_hub_facts);
  if (busd_hub_inspect(&place, &facts, nullptr) == BUSD_OK && facts.peer_pid > 0)
    tasks_.set_hub_user(static_cast<uint32_t>(facts.peer_uid));
  auto provided = tasks_.provide();
  if (provided || provided.error().code != Errc::denied) return provided;
  std::string text = "the hub at " + settings_.endpoint.socket + " says: " + provided.error().what;
  // The hub's user and root may always: what they are refused is for want of room.
  if (::geteuid() == 0 || tasks_.is_hub_user(::geteuid())) return Error{Errc::busy, std::move(text)};
  return Error{Errc::denied,
               std::move(text) + "; its setting sources-user names who may run sources beside its own user"};
}

// Tried again it would be shut out again, and its sources would run for nobody.
void Supervisor::give_up(const Error& why) {
  failure_ = why;
  end("it may not serve at " + settings_.endpoint.socket);
}

// No hub can come back to a directory that is gone; and where another one stands now, our lock, which was in the first one,
// keeps nobody else from serving.
bool Supervisor::has_lost_its_place() {
  auto here = identity_of(settings_.endpoint.directory);
  if (!place_) place_ = here;
  return place_ && (!here || (settings_.has_lock_beside_socket && here != place_));
}

void Supervisor::connect_sources() {
  bool some_are_left = false;
  for (const auto& [name, source] : sources_) {
    if (source->is_connected() || going_.contains(name)) continue;
    auto connected = source->connect();
    if (connected) continue;
    say_trouble(name, connected.error());
    some_are_left = true;
    // The others would wait for it as long, each.
    bool is_silent = connected.error().code == Errc::timed_out || connected.error().code == Errc::unavailable;
    if (is_silent) break;
  }
  if (some_are_left) try_again_later();
}

// Once, though it is tried again and again. That a hub is about to go is told by the connection of our own.
void Supervisor::say_trouble(const std::string& name, const Error& trouble) {
  std::string text = name + ": " + trouble.what;
  if (trouble.code != Errc::unavailable && std::exchange(last_trouble_, text) != text) voice_.warn(text);
}

void Supervisor::try_again_later() {
  bool is_watched = !link_.is_open() && hub_watch_.begin();
  retry_pause_ = std::clamp(retry_pause_ * 2, kFirstRetry, is_watched ? kRarestWatched : kRarestRetry);
  retry_.set(now() + retry_pause_);
}

void Supervisor::try_again_soon() {
  if (ending_ || link_.is_open()) return;
  retry_pause_ = kFirstRetry;
  retry_.set(std::min(retry_.due(), now() + retry_pause_));
}

void Supervisor::on_link_lost(const std::string& reason) {
  tasks_.on_link_lost();
  if (ending_) return;
  waits_ = true;
  voice_.note("the hub is gone (" + reason + ")");
  retry_pause_ = Duration::zero();
  try_again_later();
}

void Supervisor::on_source_disconnected(Source&) {
  if (!ending_ && retry_.due() == kNever) try_again_later();
}

// --- sources ---

Source* Supervisor::find_source(std::string_view name) {
  auto at = sources_.find(name);
  return at == sources_.end() ? nullptr : at->second.get();
}

std::vector<Source*> Supervisor::all_sources() {
  std::vector<Source*> all;
  for (const auto& [name, source] : sources_) all.push_back(source.get());
  return all;
}

void Supervisor::add(const std::string& name, FoundSource found) {
  bool enabled = !marks_.is_disabled(name);
  Source::Place place{loop_, processes_, settings_.endpoint.socket};
  auto source =
      std::make_unique<Source>(place, static_cast<Source::Owner&>(*this), std::move(found), enabled, ++seed_);
  Source& added = *sources_.emplace(name, std::move(source)).first->second;
  if (link_.is_open()) {
    auto connected = added.connect();
    if (!connected) {
      say_trouble(name, connected.error());
      try_again_later();
    }
  }
  added.begin();
}

Reloaded Supervisor::reload() {
  Reloaded reloaded;
  if (ending_) return reloaded;
  Catalog catalog = look_at(settings_.directories, settings_.directories_may_be_missing);
  for (const auto& [name, source] : sources_) {
    if (catalog.sources.contains(name) || !going_.insert(name).second) continue;
    reloaded.removed.push_back(name);
    std::string why = why_gone(name, catalog.faults);
    if (source->pid()) voice_.note(std::string(name).append(" ends: ").append(why));
    source->retire(why);
    something_goes_ = true;
  }
  for (auto& [name, found] : catalog.sources) {
    // What is still being stopped comes again when it has.
    if (going_.contains(name)) continue;
    if (Source* known = find_source(name)) {
      if (known->redefine(std::move(found))) reloaded.changed.push_back(name);
    } else {
      add(name, std::move(found));
      reloaded.added.push_back(name);
    }
  }
  say_faults(catalog.faults);
  reloaded.faults = std::move(catalog.faults);
  return reloaded;
}

void Supervisor::say_complaints() {
  for (const std::string& complaint : processes_.take_complaints()) voice_.warn(complaint);
}

// Each once, as long as it lasts.
void Supervisor::say_faults(const std::vector<FileFault>& faults) {
  for (const FileFault& fault : faults) {
    if (std::find(faults_.begin(), faults_.end(), fault) == faults_.end())
      voice_.warn(bus::sources::text_of(fault));
  }
  faults_ = faults;
}

Result<void> Supervisor::set_enabled(Source& source, bool enabled) {
  BUSD_TRY(marks_.set_disabled(source.name(), !enabled));
  source.set_enabled(enabled);
  return {};
}

void Supervisor::on_source_changed(Source& source) {
  if (source.life().is_over()) something_goes_ = true;
  if (!link_.is_open()) return;
  std::string type = std::string("bus.source.") + name_of(source.life().state());
  std::string payload = event_payload(source, now());
  auto what = BUSD_INIT(busd_publication);
  what.event_type = text_of(type);
  what.payload = text_of(payload);
  if (link_.has_room()) (void)busd_connection_publish(link_.get(), &what, nullptr, nullptr);
  link_.stir();
}

// --- the end ---

void Supervisor::end(const std::string& reason) {
  if (std::exchange(ending_, true)) return;
  voice_.note("ending: " + reason);
  // A turn comes even if nothing else does: at its end we see what is left.
  retry_.set(now());
  for (const auto& [name, source] : sources_) source->retire();
  something_goes_ = true;
}

void Supervisor::end_of_turn() {
  for (Source* source : std::exchange(with_dead_, {})) source->sweep();
  if (std::exchange(something_goes_, false)) remove_gone();
  say_complaints();
}

void Supervisor::remove_gone() {
  bool some_came_back = false;
  for (auto at = sources_.begin(); at != sources_.end();) {
    bool goes = at->second->life().is_over();
    if (!goes) {
      ++at;
      continue;
    }
    at->second->disconnect(ending_ ? farewell_left() : milliseconds(100));
    some_came_back = going_.erase(at->first) > 0 || some_came_back;
    at = sources_.erase(at);
  }
  if (!ending_) {
    tasks_.on_source_gone();
    // One that was put back while it was being stopped is found again.
    if (some_came_back) static_cast<void>(reload());
    return;
  }
  if (!sources_.empty()) return;
  link_.close(farewell_left());
  loop_.stop();
}

// For all connections together: a hub that is stopped holds up the end no longer.
Duration Supervisor::farewell_left() {
  if (farewell_until_ == kNever) farewell_until_ = now() + kFarewell;
  return std::max(farewell_until_ - now(), Duration::zero());
}

}  // namespace bus::sources

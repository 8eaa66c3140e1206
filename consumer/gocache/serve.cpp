#include "consumer/gocache/serve.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "consumer/gocache/core/response.h"

namespace bus::gocache {

namespace {

constexpr size_t kReadBytes = size_t{128} << 10U;
// So many can be written to a pipe that has room at all (pipe(7)).
constexpr size_t kWriteBytes = PIPE_BUF;
// A run that ends without a put is only seen by looking.
constexpr std::chrono::milliseconds kLook{50};

bool may_write(const Place* place, const Lease* lease) {
  return place != nullptr && !place->read_only() && lease != nullptr;
}

std::string short_hex(const Id& id) { return hex(id).substr(0, 16); }

}  // namespace

Serve::Serve(Place* place, Lease* lease, ServeOptions options)
    : place_(place),
      lease_(lease),
      options_(std::move(options)),
      flights_(may_write(place, lease) ? place : nullptr),
      private_([this](const std::string& directory) {
        if (lease_ != nullptr) lease_->note_private(directory);
      }),
      writing_{may_write(place, lease) ? place : nullptr, lease == nullptr ? std::string() : lease->name(),
               private_, 0},
      reader_(*this),
      buffer_(kReadBytes) {
  if (place_ != nullptr) cache_ = std::make_unique<Cache>(*place_, wall_ns());
}

Serve::~Serve() = default;

// ---- the loop

void Serve::run(int in, int out) {
  answers_ += kGreeting;
  while (!ends_ || (!is_deaf_ && written_ < answers_.size())) {
    pollfd fds[3] = {{ends_ ? -1 : in, POLLIN, 0}, {is_deaf_ ? -1 : out, 0, 0}, {watches_.get(), POLLIN, 0}};
    if (written_ < answers_.size()) fds[1].events = POLLOUT;
    if (waiting_.empty()) fds[2].fd = -1;
    int ready = ::poll(fds, 3, wait_ms());
    if (ready < 0 && errno != EINTR) return;
    if (ready < 0) continue;
    if (fds[2].revents != 0) drain_watches();
    if (!waiting_.empty()) look_at_waiting(false);
    if (fds[1].revents != 0) write_some(out);
    if (is_deaf_) forget_answers();
    if (fds[0].revents != 0) read_some(in);
    if (lease_ != nullptr) lease_->flush();
  }
}

void Serve::read_some(int in) {
  ssize_t got = ::read(in, buffer_.data(), buffer_.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got > 0) return reader_.feed({buffer_.data(), static_cast<size_t>(got)});
  // The go command has gone, or says nothing more. What was asked is answered.
  ends_ = true;
  look_at_waiting(true);
}

void Serve::write_some(int out) {
  size_t most = std::min(kWriteBytes, answers_.size() - written_);
  ssize_t put = most == 0 ? -1 : ::write(out, answers_.data() + written_, most);
  if (put < 0 && most > 0 && (errno == EINTR || errno == EAGAIN)) return;
  // With nothing to write, poll(2) only tells that nobody reads any more.
  if (put < 0) {
    is_deaf_ = true;
    return;
  }
  written_ += static_cast<size_t>(put);
  if (written_ == answers_.size()) forget_answers();
}

void Serve::forget_answers() {
  answers_.clear();
  written_ = 0;
}

int Serve::wait_ms() const { return waiting_.empty() ? -1 : static_cast<int>(kLook.count()); }

void Serve::tell(const std::string& line) {
  if (options_.verbose) options_.say(line);
}

// ---- requests

void Serve::request(const Request& request) {
  if (ends_) return;
  put_.reset();
  if (!request.fault.empty()) return refuse(request, request.fault);
  switch (request.command) {
    case Command::get:
      return get(request);
    case Command::put:
      put_.emplace(Put{request, std::make_unique<Body>(writing_, request.output, request.body_size)});
      if (request.body_size == 0) put_whole();
      return;
    case Command::close:
      look_at_waiting(true);
      append_closed(answers_, request.id);
      tell("close");
      ends_ = true;
      return;
    case Command::unknown:
      return;
  }
}

// Without a put, it is the body of something that was refused.
void Serve::body(std::string_view bytes) {
  if (put_) put_->body->write(bytes);
}

void Serve::body_end(const std::string& fault) {
  if (!put_) return;
  if (fault.empty()) return put_whole();
  refuse(put_->request, fault);
  flights_.end(put_->request.action);
  put_.reset();
}

void Serve::garbage(const std::string& why) {
  ++counts_.refused;
  options_.say("what came is no request: it " + why);
}

void Serve::refuse(const Request& request, const std::string& why) {
  ++counts_.refused;
  append_error(answers_, request.id, why);
  tell("refused: " + why);
}

void Serve::get(const Request& request) {
  ++counts_.gets;
  if (auto found = find(request.action)) return hand_out(request.id, *found);
  bool is_free = has_given_up_ || flights_.begin(request.action);
  // Another run may have put it between the two.
  if (auto found = find(request.action)) {
    flights_.end(request.action);
    return hand_out(request.id, *found);
  }
  if (is_free) return miss(request.id, request.action);
  watch(request.action);
  waiting_.push_back({request.id, request.action, Clock::now()});
}

std::optional<Cache::Found> Serve::find(const Id& action) {
  if (auto at = elsewhere_.find(action); at != elsewhere_.end()) {
    struct stat st {};
    // It is not ours alone: somebody may tidy up there.
    bool is_whole = ::stat(at->second.path.c_str(), &st) == 0 &&
                    static_cast<uint64_t>(st.st_size) == at->second.entry.size;
    if (is_whole) return at->second;
    elsewhere_.erase(at);
  }
  if (!cache_ || !place_->is_in_place()) return std::nullopt;
  auto found = cache_->get(action);
  counts_.healed = cache_->healed();
  return found;
}

void Serve::hand_out(int64_t id, const Cache::Found& found) {
  ++counts_.hits;
  counts_.hit_bytes += found.entry.size;
  if (options_.paths_may_escape && lease_ != nullptr) lease_->note_escaped(found.entry.output);
  append_hit(answers_, id, found.entry, found.path);
  tell("get " + short_hex(found.entry.action) + " hit " + std::to_string(found.entry.size));
}

void Serve::miss(int64_t id, const Id& action) {
  ++counts_.misses;
  if (!evicted_) evicted_ = std::make_unique<Evicted>(place_);
  if (evicted_->has(action)) ++counts_.evicted_misses;
  append_miss(answers_, id);
  tell("get " + short_hex(action) + " miss");
}

void Serve::put_whole() {
  Request request = std::move(put_->request);
  std::unique_ptr<Body> body = std::move(put_->body);
  put_.reset();
  ++counts_.puts;
  counts_.put_bytes += request.body_size;
  auto kept = body->end();
  if (!kept) {
    refuse(request, "cannot be kept: " + kept.error().what);
    return flights_.end(request.action);
  }
  Entry entry{request.action, request.output, request.body_size, wall_ns()};
  bool is_noted = kept->in_cache && cache_->put(entry, writing_.run);
  if (kept->in_cache && !is_noted && kept->trouble.empty())
    kept->trouble = std::string("note an action in the cache: ") + std::strerror(errno);
  if (kept->is_new) counts_.stored_bytes += disk_bytes(request.body_size);
  if (is_noted) counts_.stored_bytes += disk_bytes(kEntryBytes);
  if (is_noted) {
    elsewhere_.erase(request.action);
  } else {
    ++counts_.elsewhere;
    elsewhere_.insert_or_assign(request.action, Cache::Found{entry, kept->path});
    if (!std::exchange(said_trouble_, true) && !kept->trouble.empty())
      options_.say("the cache in " + (place_ == nullptr ? std::string("no directory") : place_->path()) +
                   " cannot take what is built, and the build goes on without it: " + kept->trouble);
  }
  flights_.end(request.action);
  if (options_.paths_may_escape && lease_ != nullptr && kept->in_cache) lease_->note_escaped(request.output);
  append_stored(answers_, request.id, kept->path);
  tell("put " + short_hex(request.action) + " " + std::to_string(request.body_size));
}

// ---- what another run is building

// Looks whether it has come, whether its run has given it up, or whether we do. With `is_end`, in any case.
void Serve::look_at_waiting(bool is_end) {
  auto now = Clock::now();
  std::vector<Waiting> all = std::exchange(waiting_, {});
  for (Waiting& each : all) {
    auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(now - each.since);
    bool is_over = is_end || waited >= options_.patience;
    auto found = find(each.action);
    // Another one that has the same answer to give is not asked again and again.
    if (!found && !is_over && !flights_.begin(each.action)) {
      waiting_.push_back(each);
      continue;
    }
    if (!found) found = find(each.action);
    counts_.waited_ms += static_cast<uint64_t>(waited.count());
    if (found) {
      ++counts_.waited_hits;
      flights_.end(each.action);
      hand_out(each.id, *found);
    } else {
      if (is_over && !is_end) has_given_up_ = true;
      miss(each.id, each.action);
    }
  }
}

void Serve::watch(const Id& action) {
  if (!watches_) watches_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  std::string directory = place_->path() + "/" + name_of(action, Kind::action).substr(0, 2);
  if (watches_) ::inotify_add_watch(watches_.get(), directory.c_str(), IN_MOVED_TO | IN_CLOSE_WRITE);
}

void Serve::drain_watches() {
  char events[4096];
  while (::read(watches_.get(), events, sizeof events) > 0) {
  }
}

}  // namespace bus::gocache

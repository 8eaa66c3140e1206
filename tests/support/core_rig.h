// A hub core with fake sockets and a clock that the test owns: each peer's socket takes as many bytes as the
// test says.
//
// Does what the edge does by the rules at the top of hub/core/hub_core.h; used by unit tests, the property
// test and the fuzz target.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/core/hub_core.h"
#include "protocol/base/check.h"
#include "protocol/base/clock.h"
#include "protocol/decode.h"
#include "tests/support/status_response.h"

namespace bus::test {

inline constexpr uint32_t kOurUid = 1000;
inline constexpr size_t kEndless = static_cast<size_t>(-1);

inline hub::HubConfig rig_config() {
  hub::HubConfig config;
  config.pid = 7;
  config.uid = kOurUid;
  config.version = "test";
  config.bus = "bus";
  config.socket = "/nowhere/bus.sock";
  return config;
}

class CoreRig : public hub::Transport {
 public:
  // `more_rooms`: beside those of the hub.
  explicit CoreRig(hub::HubConfig config = rig_config(), std::span<const hub::MakeRoom> more_rooms = {})
      : core(std::move(config), *this, TimePoint{} + seconds(1000), more_rooms) {}
  ~CoreRig() override {
    hang_up_all();
    check_shared();
  }

  hub::PeerId connect(uint32_t uid = kOurUid, int64_t pid = 100) {
    hub::PeerId id = core.open(hub::Credentials{pid, uid, uid, {}}, clock);
    sockets_[id];
    core.flush(id, clock);
    settle();
    return id;
  }

  // The bytes arrive in one read.
  void send(hub::PeerId id, std::string_view bytes) {
    if (!is_open(id)) return;
    sockets_[id].unread += bytes;
    read(id);
    settle();
  }
  void send_line(hub::PeerId id, std::string_view line) { send(id, std::string(line) + "\n"); }
  void shut_down_writing(hub::PeerId id) {
    if (!is_open(id)) return;
    sockets_[id].ended = true;
    read(id);
    settle();
  }
  // The peer closes its socket.
  void hang_up(hub::PeerId id) {
    if (sockets_.count(id) == 0) return;
    close(id);
    settle();
  }
  void hang_up_all() {
    while (!sockets_.empty()) hang_up(sockets_.begin()->first);
  }
  void advance(Duration d) {
    clock += d;
    do {
      core.tick(clock, core.due(clock));
      settle();
    } while (!core.due(clock).empty());
  }

  // What the hub says of itself, without a connection that asks.
  StatusResponse status() const {
    std::string line = core.status(StatusFormat::json, clock);
    line.pop_back();
    return decode_line<StatusResponse>(line).value();
  }
  std::string metrics() const {
    std::string line = core.status(StatusFormat::prometheus, clock);
    line.pop_back();
    return decode_line<StatusAnswer>(line).value().metrics;
  }

  // How many more bytes the peer's socket takes before it refuses.
  void set_room(hub::PeerId id, size_t bytes) {
    if (!is_open(id)) return;
    sockets_[id].room = bytes;
    core.flush(id, clock);
    settle();
  }

  // The same, but nobody tells the core.
  void give_room_silently(hub::PeerId id, size_t bytes) { sockets_.at(id).room = bytes; }

  // The core was told already that it has gone.
  void forget(hub::PeerId id) {
    finished_[id] = std::move(sockets_[id]);
    sockets_.erase(id);
  }

  bool is_open(hub::PeerId id) const { return sockets_.count(id) != 0; }

  // What the peer got since the last call, byte for byte.
  std::string take_bytes(hub::PeerId id) {
    return std::exchange((is_open(id) ? sockets_[id] : finished_[id]).bytes, {});
  }

  // The complete lines that the peer got since the last call, without their LF.
  std::vector<std::string> lines(hub::PeerId id) {
    Socket& socket = is_open(id) ? sockets_[id] : finished_[id];
    std::vector<std::string> out;
    size_t begin = 0;
    for (size_t end = 0; (end = socket.bytes.find('\n', begin)) != std::string::npos; begin = end + 1) {
      out.push_back(socket.bytes.substr(begin, end - begin));
    }
    socket.bytes.erase(0, begin);
    return out;
  }
  // The single line that it got; "" when none, "(N lines)" when more.
  std::string line(hub::PeerId id) {
    auto all = lines(id);
    if (all.size() > 1) return "(" + std::to_string(all.size()) + " lines) " + all.front();
    return all.empty() ? "" : all.front();
  }

  std::string first_line(hub::PeerId id) {
    auto all = lines(id);
    return all.empty() ? "" : all.front();
  }

  // Connects and says hello as a consumer; what came in answer is taken, the ack kept.
  hub::PeerId consumer(const std::string& key, const std::string& types, const std::string& more = "") {
    hub::PeerId id = connect();
    send_line(id, hello(key, types, more));
    last_ack = first_line(id);
    return id;
  }
  static std::string hello(const std::string& key, const std::string& types, const std::string& more = "") {
    return R"({"type":"hello","pid":42,"event_key":")" + key + R"(","event_types":[)" + types +
           R"(],"version":"v1")" + more + "}";
  }
  hub::PeerId source(const std::string& name) {
    hub::PeerId id = connect();
    send_line(
        id,
        R"({"type":"hello","pid":43,"event_key":"","event_types":null,"version":"v1","role":"source","source":")" +
            name + "\"}");
    last_ack = first_line(id);
    return id;
  }

  size_t write(hub::PeerId id, std::string_view bytes) noexcept override {
    auto at = sockets_.find(id);
    if (at == sockets_.end()) return 0;
    Socket& socket = at->second;
    ++writes;
    if (writes_left != 0) --writes_left;
    size_t taken = std::min(bytes.size(), socket.room);
    socket.bytes.append(bytes.substr(0, taken));
    if (socket.room != kEndless) socket.room -= taken;
    return taken;
  }

  // Sockets that are shared with refer to the buffer until they are read: nobody may write to it any more.
  std::shared_ptr<char> shared_buffer(size_t bytes) noexcept override {
    check_shared();
    shared_.clear();
    former_buffer_ = std::move(buffer_);
    buffer_ = std::shared_ptr<char>(new char[bytes + kGuard.size()], std::default_delete<char[]>());
    std::memcpy(buffer_.get() + bytes, kGuard.data(), kGuard.size());
    buffer_bytes_ = bytes;
    return buffer_;
  }
  size_t send_shared(hub::PeerId id, const std::vector<std::string_view>& pieces) noexcept override {
    ++shares;
    size_t taken = 0;
    for (std::string_view piece : pieces) {
      BUSD_CHECK(piece.data() >= buffer_.get() &&
                 piece.data() + piece.size() <= buffer_.get() + buffer_bytes_);
      size_t now = write(id, piece);
      shared_.emplace_back(piece.data(), piece.substr(0, now));
      taken += now;
      if (now < piece.size()) break;
    }
    return taken;
  }
  // Those that were closed with an answer, for which the edge has to leave them time.
  std::set<hub::PeerId> answered;
  size_t shares = 0;
  size_t writes = 0;

  // After so many writes a turn is over.
  bool turn_is_over() noexcept override { return writes_left == 0; }
  size_t writes_per_turn = kEndless;
  size_t writes_left = kEndless;

  TimePoint clock = TimePoint{} + seconds(1000);
  std::string last_ack;
  hub::HubCore core;

 private:
  struct Socket {
    std::string bytes;
    std::string unread;  // arrived, but the core's read_state is paused
    bool ended = false;
    size_t room = kEndless;
    bool told_empty = true;
  };

  // Behind each shared buffer, to see that nobody writes there.
  static constexpr std::string_view kGuard = "the end of the shared buffer";

  void check_shared() const {
    if (buffer_) BUSD_CHECK(std::string_view(buffer_.get() + buffer_bytes_, kGuard.size()) == kGuard);
    for (const auto& [at, was] : shared_) BUSD_CHECK(std::string_view(at, was.size()) == was);
  }

  void close(hub::PeerId id) {
    if (core.wants(id).closes_with_answer) answered.insert(id);
    core.gone(id, clock);
    finished_[id] = std::move(sockets_[id]);
    sockets_.erase(id);
  }

  void read(hub::PeerId id) {
    Socket& socket = sockets_[id];
    if (core.wants(id).read != hub::ReadState::read) return;
    if (!socket.unread.empty()) core.receive(id, std::exchange(socket.unread, {}), clock);
    if (socket.ended && core.wants(id).read == hub::ReadState::read) core.end_of_input(id, clock);
  }

  // Those who were touched are served in that order, and only then those who were touched by it.
  void settle() {
    for (;;) {
      if (core.turn_is_open()) core.end_turn(clock);
      std::vector<hub::PeerId> dirty = core.take_dirty();
      if (dirty.empty() && core.next_deadline() != hub::kAtOnce) break;
      begin_callback();
      if (dirty.empty()) core.tick(clock, {});
      for (hub::PeerId id : dirty) serve(id);
    }
    // The edge watches for room where something waits, and only there: it has to be told of each change.
    for (const auto& [id, socket] : sockets_) BUSD_CHECK(core.wants(id).has_output != socket.told_empty);
  }

  void begin_callback() { writes_left = writes_per_turn; }

  void serve(hub::PeerId id) {
    if (!is_open(id)) return;
    for (; core.wants(id).has_backlog; begin_callback()) core.resume(id, clock);
    for (; core.wants(id).has_more; begin_callback()) core.flush(id, clock);
    sockets_[id].told_empty = !core.wants(id).has_output;
    if (core.wants(id).close == hub::CloseState::stay) return read(id);
    if (core.wants(id).close == hub::CloseState::close_now || !core.wants(id).has_output) close(id);
  }

  std::map<hub::PeerId, Socket> sockets_;
  std::map<hub::PeerId, Socket> finished_;
  std::shared_ptr<char> buffer_;
  std::shared_ptr<char> former_buffer_;
  size_t buffer_bytes_ = 0;
  std::vector<std::pair<const char*, std::string>> shared_;
};

}  // namespace bus::test

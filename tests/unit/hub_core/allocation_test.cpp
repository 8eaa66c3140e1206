// In steady state an event costs no allocation, nor does its delivery (HACKING.md, Profile).
//
// A program of its own: it replaces the global operator new by one that counts.
#include <cstdlib>
#include <new>
#include <string>

#include "hub/core/hub_core.h"
#include "tests/support/catch.h"
#include "tests/support/core_rig.h"

namespace {

size_t allocations = 0;

void* count(size_t bytes) {
  ++allocations;
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return count(bytes); }
void* operator new[](size_t bytes) { return count(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

using namespace bus;
using namespace bus::test;

namespace {

// Sockets that take everything.
class Drain : public hub::Transport {
 public:
  size_t write(hub::PeerId, std::string_view bytes) noexcept override {
    written += bytes.size();
    return bytes.size();
  }
  std::shared_ptr<char> shared_buffer(size_t) noexcept override { return nullptr; }
  size_t send_shared(hub::PeerId, const std::vector<std::string_view>&) noexcept override { return 0; }
  size_t written = 0;
};

class Hub {
 public:
  ~Hub() {
    for (hub::PeerId id : peers_) core_.gone(id, now_);
  }
  hub::PeerId connect(const std::string& first_line) {
    hub::PeerId id = core_.open(hub::Credentials{1, kOurUid, kOurUid, {}}, now_);
    peers_.push_back(id);
    core_.flush(id, now_);
    turn(id, first_line + "\n");
    return id;
  }
  void turn(hub::PeerId id, std::string_view chunk) {
    core_.receive(id, chunk, now_);
    static_cast<void>(core_.take_dirty());
  }
  // Allocations of 20 such turns, after some that may fill buffers.
  size_t allocations_of(hub::PeerId id, std::string_view chunk) {
    for (int i = 0; i < 200; ++i) turn(id, chunk);
    size_t before = allocations;
    size_t written = drain_.written;
    for (int i = 0; i < 20; ++i) turn(id, chunk);
    CHECK(drain_.written > written);
    return allocations - before;
  }

 private:
  Drain drain_;
  TimePoint now_ = TimePoint{} + seconds(1000);
  hub::HubCore core_{rig_config(), drain_, now_};
  std::vector<hub::PeerId> peers_;
};

std::string many(const std::string& line, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += line + "\n";
  return out;
}

const std::string kPlain = R"({"type":"event","event_type":"a.b","payload":{"x":[1,2,"three"]}})";
// Members in another order, spaces, a seq of its own, one that the wire does not know: encoded anew.
const std::string kOther = R"({ "payload":1,"event_type":"a.c", "app":"x","type":"event","seq":7})";

}  // namespace

TEST_CASE("An event to one consumer allocates nothing") {
  Hub hub;
  hub.connect(CoreRig::hello("k", R"("a.b")"));
  hub::PeerId source = hub.connect(kPlain);
  CHECK(hub.allocations_of(source, many(kPlain, 500)) == 0);
}

TEST_CASE("Events to many consumers of several types and patterns allocate nothing") {
  Hub hub;
  for (int i = 0; i < 8; ++i) hub.connect(CoreRig::hello("k", i % 2 == 0 ? R"("a.b")" : R"("a.b","a.c")"));
  hub.connect(CoreRig::hello("k", R"("a.*")"));
  hub.connect(CoreRig::hello("k", R"("*")"));
  hub::PeerId source = hub.connect(kPlain);
  std::string mixed;
  for (int i = 0; i < 100; ++i) mixed += kPlain + "\n" + kPlain + "\n" + kOther + "\n";
  CHECK(hub.allocations_of(source, mixed) == 0);
}

TEST_CASE("Events that nobody takes allocate nothing") {
  Hub hub;
  hub.connect(CoreRig::hello("k", R"("a.c")"));
  hub::PeerId source = hub.connect(kPlain);
  CHECK(hub.allocations_of(source, many(kPlain, 100) + kOther + "\n") == 0);
}

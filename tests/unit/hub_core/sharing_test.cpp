// Renderings that are shared with sockets instead of copied into them.
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/core_rig.h"

using namespace bus;
using namespace bus::test;

namespace {

hub::HubConfig sharing_from(size_t consumers, size_t bytes, size_t frame_bytes) {
  hub::HubConfig config = rig_config();
  config.sharing = {consumers, bytes, frame_bytes};
  return config;
}

std::string event(int number) {
  return R"({"type":"event","event_type":"t","payload":)" + std::to_string(number) + "}\n";
}

std::string delivered(uint64_t seq, int number) {
  return R"({"type":"event","event_type":"t","seq":)" + std::to_string(seq) + R"(,"payload":)" +
         std::to_string(number) + "}";
}

constexpr size_t kNoPieces = 1 << 30;

}  // namespace

TEST_CASE("A rendering is shared from so many consumers on, and from so many bytes on") {
  CoreRig rig(sharing_from(3, 2 * (event(7).size()), kNoPieces));
  hub::PeerId source = rig.source("s");
  std::vector<hub::PeerId> consumers = {rig.consumer("k", R"("t")"), rig.consumer("k", R"("t")")};
  rig.send(source, event(1) + event(2));
  CHECK(rig.shares == 0);
  consumers.push_back(rig.consumer("k", R"("t")"));
  // The third has other seqs: two are too few.
  rig.send(source, event(3) + event(4));
  CHECK(rig.shares == 0);
  consumers.push_back(rig.consumer("k", R"("t")"));
  consumers.push_back(rig.consumer("k", R"("t")"));
  rig.send(source, event(5));
  CHECK(rig.shares == 0);
}

TEST_CASE("Consumers whose seqs are the same share a rendering, others get their own") {
  CoreRig rig(sharing_from(3, 1, kNoPieces));
  hub::PeerId source = rig.source("s");
  hub::PeerId early = rig.consumer("k", R"("t")");
  rig.send(source, event(1));
  std::vector<hub::PeerId> late;
  for (int i = 0; i < 3; ++i) late.push_back(rig.consumer("k", R"("t")"));
  rig.lines(early);
  rig.send(source, event(2) + event(3));
  CHECK(rig.shares == 3);
  CHECK(rig.lines(early) == std::vector<std::string>{delivered(2, 2), delivered(3, 3)});
  for (hub::PeerId id : late) {
    std::vector<std::string> lines = rig.lines(id);
    lines.erase(lines.begin(), lines.end() - 2);
    CHECK(lines == std::vector<std::string>{delivered(1, 2), delivered(2, 3)});
  }
}

TEST_CASE("Large frames are shared in pieces with those whose seqs differ, unless their digits do not fit") {
  CoreRig rig(sharing_from(2, 1, 1));
  hub::PeerId source = rig.source("s");
  std::vector<hub::PeerId> consumers;
  for (int i = 0; i < 5; ++i) {
    consumers.push_back(rig.consumer("k", R"("t")"));
    for (int n = 0; n < 3; ++n) rig.send(source, event(0));
  }
  for (hub::PeerId id : consumers) rig.lines(id);
  size_t before = rig.shares;
  // Their next seqs are 16, 13, 10, 7 and 4: two of them have one digit.
  rig.send(source, event(1) + event(2));
  CHECK(rig.shares > before);
  uint64_t seq = 16;
  for (hub::PeerId id : consumers) {
    CHECK(rig.lines(id) == std::vector<std::string>{delivered(seq, 1), delivered(seq + 1, 2)});
    seq -= 3;
  }
}

TEST_CASE("What a socket does not take of a shared rendering waits, and nothing is torn") {
  for (size_t room = 0; room < 3 * delivered(100, 1).size(); ++room) {
    CoreRig rig(sharing_from(2, 1, room % 2 == 0 ? 1 : kNoPieces));
    hub::PeerId source = rig.source("s");
    hub::PeerId slow = rig.consumer("k", R"("t")");
    rig.send(source, event(0));
    hub::PeerId other = rig.consumer("k", R"("t")");
    hub::PeerId third = rig.consumer("k", R"("t")");
    for (hub::PeerId id : {slow, other, third}) rig.lines(id);
    rig.set_room(slow, room);
    rig.set_room(other, room);
    rig.send(source, event(1) + event(2) + event(3));
    rig.send(source, event(4));
    rig.set_room(other, kEndless);
    rig.set_room(slow, kEndless);
    std::vector<std::string> wanted;
    for (int n = 1; n <= 4; ++n) wanted.push_back(delivered(static_cast<uint64_t>(n) + 1, n));
    CHECK(rig.lines(slow) == wanted);
    wanted.clear();
    for (int n = 1; n <= 4; ++n) wanted.push_back(delivered(static_cast<uint64_t>(n), n));
    CHECK(rig.lines(other) == wanted);
    CHECK(rig.lines(third) == wanted);
  }
}

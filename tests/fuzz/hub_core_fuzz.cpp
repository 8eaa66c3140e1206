// Bytes become a script of opens, chunks in odd sizes, closes, stalls and clock steps for three peers of the
// hub's core.
//
// After every step the balance of each outbox is checked; at the end the tables' destructors check that they
// are empty.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/check.h"
#include "tests/support/core_rig.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr size_t kPeers = 3;

hub::HubConfig config() {
  hub::HubConfig config = rig_config();
  config.queue.frames = 3;
  config.queue.bytes = 2000;
  config.cleanup_timeout = seconds(10);
  config.idle_exit = seconds(30);
  return config;
}

// Frames that a random mutation would need long to find; chosen by a byte.
constexpr std::string_view kFrames[] = {
    R"({"type":"hello","pid":1,"event_key":"k","event_types":["a.*"],"version":"v1"})",
    R"({"type":"hello","pid":1,"event_key":"k","event_types":["*"],"version":"v1","exclusive":true})",
    R"({"type":"hello","pid":1,"event_key":"","event_types":null,"version":"v1","role":"source","source":"s"})",
    R"({"type":"event","event_type":"a.b","event_id":"1","payload":{"x":[1,2]}})",
    R"({"type":"source_status","source":"s","state":"reconnecting","detail":"d"})",
    R"({"type":"pre_shutdown_check","event_key":"k"})",
    R"({"type":"status_query"})",
    R"({"type":"shutdown"})",
    R"({"type":"bye"})",
};

void check(CoreRig& rig, const hub::PeerId (&peers)[kPeers]) {
  for (hub::PeerId id : peers) {
    if (!rig.is_open(id)) continue;
    const hub::Outbox& outbox = rig.core.outbox(id);
    BUSD_CHECK(outbox.received() == outbox.delivered() + outbox.queued() + outbox.dropped());
    rig.lines(id);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  CoreRig rig(config());
  hub::PeerId peers[kPeers] = {};
  std::string_view script(reinterpret_cast<const char*>(data), size);
  while (script.size() >= 2) {
    auto action = static_cast<unsigned char>(script[0]);
    auto argument = static_cast<unsigned char>(script[1]);
    script.remove_prefix(2);
    hub::PeerId& peer = peers[action % kPeers];
    switch (action / kPeers % 8) {
      case 0:
        if (!rig.is_open(peer)) peer = rig.connect(argument == 255 ? kOurUid + 1 : kOurUid);
        break;
      case 1:
        rig.hang_up(peer);
        break;
      case 2:
        rig.shut_down_writing(peer);
        break;
      case 3:
        rig.set_room(peer, argument == 255 ? kEndless : argument);
        break;
      case 4:
        rig.advance(milliseconds(argument * 100));
        break;
      case 5: {
        std::string_view chunk = script.substr(0, argument);
        rig.send(peer, chunk);
        script.remove_prefix(chunk.size());
        break;
      }
      default: {
        std::string_view frame = kFrames[argument % std::size(kFrames)];
        size_t cut = argument % frame.size();
        rig.send(peer, frame.substr(0, cut));
        rig.send_line(peer, frame.substr(cut));
        break;
      }
    }
    check(rig, peers);
  }
  return 0;
}

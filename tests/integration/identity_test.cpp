// Who may use the hub: the kernel's word on the peer's uid and groups (PROTOCOL.md 4). Needs root, to be
// somebody else.
#include "tests/integration/stranger.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr gid_t kGroup = 54321;

}  // namespace

TEST_CASE("Another user is denied by the kernel's word, whatever it says of itself") {
  if (!can_be_another()) return;
  HubProcess hub;
  open_to_all(hub);
  CHECK(answer_to_stranger(hub.socket(), {}) ==
        R"({"type":"error","code":"denied","message":"uid 65534 may not use the hub at )" + hub.socket() +
            "; its owner (uid " + std::to_string(::geteuid()) +
            R"() can admit it with busd --allow-uid 65534"})");
  hub.wait_for_log("uid 65534 may not use the hub at ");
  CHECK(hub.status().consumers.empty());
}

TEST_CASE("--allow-uid admits a user by number") {
  if (!can_be_another()) return;
  HubProcess hub({"--allow-uid", std::to_string(kStranger)});
  open_to_all(hub);
  CHECK(answer_to_stranger(hub.socket(), {}).starts_with(R"({"type":"hello_ack",)"));
}

TEST_CASE("--allow-gid admits by main group and by supplementary group, however many there are") {
  if (!can_be_another()) return;
  SECTION("main group") {
    HubProcess hub({"--allow-gid", std::to_string(kStranger)});
    open_to_all(hub);
    CHECK(answer_to_stranger(hub.socket(), {}).starts_with(R"({"type":"hello_ack",)"));
  }
  SECTION("supplementary group") {
    HubProcess hub({"--allow-gid", std::to_string(kGroup)});
    open_to_all(hub);
    CHECK(answer_to_stranger(hub.socket(), {kGroup}).starts_with(R"({"type":"hello_ack",)"));
    std::vector<gid_t> many;
    for (gid_t gid = 40'000; gid < 40'200; ++gid) many.push_back(gid);
    CHECK(answer_to_stranger(hub.socket(), many).starts_with(R"({"type":"error","code":"denied")"));
    many.push_back(kGroup);
    CHECK(answer_to_stranger(hub.socket(), many).starts_with(R"({"type":"hello_ack",)"));
  }
}

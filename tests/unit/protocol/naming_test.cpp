#include "protocol/naming.h"

#include <vector>

#include "protocol/messages/control.h"
#include "protocol/messages/hello.h"
#include "tests/support/catch.h"
#include "tests/support/status_response.h"

using bus::MemberNames;
using bus::names_of;

namespace {

std::vector<std::string_view> list(const MemberNames& names) {
  return {names.all().begin(), names.all().end()};
}

}  // namespace

TEST_CASE("The names of a message are its type and the members that it lists, in the order of the wire") {
  CHECK(list(names_of<bus::Bye>()) == std::vector<std::string_view>{"type"});
  CHECK(list(names_of<bus::Hello>()) ==
        std::vector<std::string_view>{"type", "pid", "event_key", "event_types", "version", "subscription_id",
                                      "role", "source", "exclusive", "capabilities", "publishes", "observer",
                                      "background", "cleanup_task"});
  // Nested in a message, so without a type.
  CHECK(list(names_of<bus::test::StatusResponse::UnmatchedType>()) ==
        std::vector<std::string_view>{"event_type", "count"});
}

TEST_CASE("A name is found however it is escaped, and a name that resembles it is told apart") {
  const MemberNames& names = names_of<bus::HelloAck>();
  auto found = [&](std::string_view token) {
    MemberNames::Match match = names.find(token);
    if (match.index == MemberNames::kMost) return std::string("none");
    return std::string(match.is_the_name ? "" : "like ") + std::string(names[match.index]);
  };
  CHECK(found(R"("rejected")") == "rejected");
  CHECK(found(R"("\u0072ejected")") == "rejected");
  CHECK(found(R"("rejecte\u0064")") == "rejected");
  CHECK(found(R"("Rejected")") == "like rejected");
  CHECK(found(R"("\u0052ejected")") == "like rejected");
  CHECK(found("\"bu\u017F_version\"") == "like bus_version");
  for (const char* token : {R"("")", R"("x")", R"("reject")", R"("rejected2")", R"("\u0072")", R"("\ud800")",
                            "\"\u017F\"", R"("2ype")", R"("\\ype")"}) {
    CAPTURE(token);
    CHECK(found(token) == "none");
  }
}

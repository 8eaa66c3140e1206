// Every example line of PROTOCOL.md decodes, and encodes to the same bytes.
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "protocol/messages/call.h"
#include "protocol/messages/value.h"
#include "tests/support/catch.h"
#include "tests/support/messages.h"

using namespace bus;
using namespace bus::test;

namespace {

struct Example {
  int line_number;
  char direction;
  std::string text;
};

// The lines inside the ```bus blocks of the page.
std::vector<Example> examples() {
  std::ifstream page(BUSD_PROTOCOL_PAGE);
  if (!page) FAIL("cannot read " BUSD_PROTOCOL_PAGE);
  std::vector<Example> out;
  std::string line;
  bool inside = false;
  for (int number = 1; std::getline(page, line); ++number) {
    if (line.starts_with("```")) {
      inside = line == "```bus";
    } else if (inside) {
      if (!line.starts_with("C ") && !line.starts_with("B "))
        FAIL("line " << number << " has no direction: " << line);
      out.push_back({number, line[0], line.substr(2)});
    }
  }
  return out;
}

std::string type_of(const std::string& line) {
  size_t start = line.find("\"type\":\"") + 8;
  return line.substr(start, line.find('"', start) - start);
}

template <class T>
std::string written_again(const std::string& line) {
  std::optional<T> message = decode_line<T>(line);
  return message ? bus::encode(*message) : "refused";
}

// What a message of calls or values is when it was decoded and encoded; none: it is no such message.
std::optional<std::string> call_written_again(const Example& example) {
  using Again = std::string (*)(const std::string&);
  const std::map<std::string, Again> any{
      {"C provide", written_again<Provide>},   {"C unprovide", written_again<Unprovide>},
      {"C request", written_again<Request>},   {"B request", written_again<GivenRequest>},
      {"C chunk", written_again<Chunk>},       {"B chunk", written_again<Chunk>},
      {"C progress", written_again<Progress>}, {"B progress", written_again<Progress>},
      {"B pause", written_again<Pause>},       {"B resume", written_again<Resume>},
      {"C cancel", written_again<Cancel>},     {"B cancel", written_again<Cancel>},
      {"C response", written_again<Response>}, {"B response", written_again<Response>},
      {"C put", written_again<Put>},           {"C delete", written_again<Delete>},
      {"C get", written_again<Get>},           {"C list", written_again<List>},
      {"C watch", written_again<Watch>},       {"C unwatch", written_again<Unwatch>},
      {"B value", written_again<Value>},       {"B synced", written_again<Synced>}};
  auto at = any.find(std::string(1, example.direction) + " " + type_of(example.text));
  if (at == any.end()) return std::nullopt;
  return at->second(example.text);
}

}  // namespace

TEST_CASE("Every example line of the page decodes, and encodes to the same bytes") {
  auto lines = examples();
  CHECK(lines.size() >= 20);
  for (const Example& example : lines) {
    CAPTURE(example.line_number, example.text);
    if (auto again = call_written_again(example)) {
      CHECK(*again == example.text + "\n");
      continue;
    }
    Decoded result = decode(example.text);
    if (const Fault* fault = std::get_if<Fault>(&result)) FAIL("refused: " << fault->message);
    CHECK(encode(std::get<Message>(result)) == example.text + "\n");
  }
}

TEST_CASE("The page shows every message in every direction it goes") {
  std::set<std::string> shown;
  for (const Example& example : examples())
    shown.insert(std::string(1, example.direction) + " " + type_of(example.text));
  CHECK(shown == std::set<std::string>{"C hello",
                                       "B hello_ack",
                                       "C event",
                                       "B event",
                                       "C source_status",
                                       "B source_status",
                                       "C pre_shutdown_check",
                                       "B pre_shutdown_ack",
                                       "C status_query",
                                       "B status_response",
                                       "C bye",
                                       "C shutdown",
                                       "B error",
                                       "B interest",
                                       "C provide",
                                       "C unprovide",
                                       "C request",
                                       "B request",
                                       "C chunk",
                                       "B chunk",
                                       "C progress",
                                       "B progress",
                                       "B pause",
                                       "B resume",
                                       "C cancel",
                                       "B cancel",
                                       "C response",
                                       "B response",
                                       "C put",
                                       "C delete",
                                       "C get",
                                       "C list",
                                       "C watch",
                                       "C unwatch",
                                       "B value",
                                       "B synced"});
}

TEST_CASE("The page shows every error code") {
  std::set<ErrorCode> shown;
  for (const Example& example : examples()) {
    Decoded result = decode(example.text);
    if (const auto* message = std::get_if<Message>(&result)) {
      if (const auto* error = std::get_if<ErrorMessage>(message)) shown.insert(error->code);
    }
  }
  CHECK(shown.count(ErrorCode::unknown) == 0);
  CHECK(shown.size() == static_cast<size_t>(ErrorCode::unknown));
}

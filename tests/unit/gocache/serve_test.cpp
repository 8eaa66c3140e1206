#include "consumer/gocache/serve.h"

#include "consumer/gocache/core/response.h"
#include "protocol/base/file.h"
#include "tests/integration/forked.h"
#include "tests/support/pipe.h"
#include "tests/unit/gocache/support.h"
#include "tests/unit/gocache/variable.h"

using namespace bus;
using namespace bus::gocache;
using test::Forked;
using test::Pipe;

namespace {

std::string get(int64_t id, const Id& action) {
  return "{\"ID\":" + std::to_string(id) + R"(,"Command":"get","ActionID":")" + base64_of(action) + "\"}\n";
}
std::string put(int64_t id, const Id& action, const Id& output, const std::string& body) {
  std::string out = "{\"ID\":" + std::to_string(id) + R"(,"Command":"put","ActionID":")" + base64_of(action) +
                    R"(","OutputID":")" + base64_of(output) +
                    "\",\"BodySize\":" + std::to_string(body.size()) + "}\n\"";
  append_base64(out, body);
  return out + "\"\n";
}
std::string miss(int64_t id) { return "{\"ID\":" + std::to_string(id) + ",\"Miss\":true}"; }

// A run on a cache that has read its requests to their end, and its answers without the greeting.
struct Served {
  std::vector<std::string> said;
  Counts counts;
  std::vector<std::string> answers;

  Served(Place* place, Lease* lease, const std::string& requests, ServeOptions options = {}) {
    Pipe in;
    Pipe out;
    REQUIRE(requests.size() < 60'000);
    REQUIRE(write_all(in.write_end.get(), requests));
    in.write_end.reset();
    options.say = [this](const std::string& line) { said.push_back(line); };
    Serve serve(place, lease, std::move(options));
    serve.run(in.read_end.get(), out.write_end.get());
    counts = serve.counts();
    std::string text = out.take_all();
    for (size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
      answers.push_back(text.substr(0, end));
    REQUIRE_FALSE(answers.empty());
    CHECK(answers.front() + "\n" == kGreeting);
    answers.erase(answers.begin());
  }
};

}  // namespace

TEST_CASE("Everything that a run did is counted") {
  Rig rig;
  auto lease = Lease::take(rig.place, wall_ns());
  REQUIRE(lease);
  rig.add(an_id(1), an_id(2), "torn", wall_ns());
  write_file(rig.path_of(an_id(2), Kind::output), "to");
  for (const char* each : {"/01", "/02"}) REQUIRE(::chmod((rig.directory + each).c_str(), 0700) == 0);
  Served served(&rig.place, &*lease,
                get(1, an_id(1)) + put(2, an_id(1), an_id(2), std::string(5000, 'x')) + get(3, an_id(1)) +
                    get(4, an_id(9)) +
                    "garbage\n{\"ID\":5,\"Command\":\"fly\"}\n{\"ID\":6,\"Command\":\"close\"}\n");
  REQUIRE(served.answers.size() == 6);
  CHECK(served.answers[0] == miss(1));
  CHECK(served.answers[3] == miss(4));
  CHECK(served.answers[5] == "{\"ID\":6}");
  const Counts& c = served.counts;
  CHECK(c.gets == 3);
  CHECK(c.hits == 1);
  CHECK(c.misses == 2);
  CHECK(c.hit_bytes == 5000);
  CHECK(c.puts == 1);
  CHECK(c.put_bytes == 5000);
  CHECK(c.stored_bytes == 3 * 4096);
  CHECK(c.elsewhere == 0);
  CHECK(c.healed == 1);
  CHECK(c.refused == 2);
  CHECK(served.said.size() == 1);
}

TEST_CASE("The same output again takes no more room") {
  Rig rig;
  auto lease = Lease::take(rig.place, wall_ns());
  REQUIRE(lease);
  Served served(&rig.place, &*lease, put(1, an_id(1), an_id(2), "x") + put(2, an_id(3), an_id(2), "x"));
  CHECK(served.counts.stored_bytes == 3 * 4096);
}

TEST_CASE("Without a place, and without a lease, a run keeps what it is given for itself") {
  Rig rig;
  for (Place* place : {static_cast<Place*>(nullptr), &rig.place}) {
    Served served(place, nullptr, get(1, an_id(1)) + put(2, an_id(1), an_id(2), "x") + get(3, an_id(1)));
    REQUIRE(served.answers.size() == 3);
    CHECK(served.answers[0] == miss(1));
    CHECK(served.answers[2].find("\"Size\":1") != std::string::npos);
    CHECK(served.counts.elsewhere == 1);
    CHECK(served.counts.stored_bytes == 0);
    CHECK_FALSE(rig.has(an_id(2), Kind::output));
  }
}

TEST_CASE("What cannot be kept in the cache is said once") {
  Rig rig;
  auto lease = Lease::take(rig.place, wall_ns());
  REQUIRE(lease);
  std::filesystem::remove(rig.own("tmp"));
  Served served(&rig.place, &*lease, put(1, an_id(1), an_id(2), "x") + put(2, an_id(3), an_id(4), "x"));
  CHECK(served.counts.elsewhere == 2);
  REQUIRE(served.said.size() == 1);
  CHECK(served.said[0].find("the build goes on without it") != std::string::npos);
}

TEST_CASE("Of two puts of one action the newest counts, wherever each is kept") {
  Rig rig;
  auto lease = Lease::take(rig.place, wall_ns());
  REQUIRE(lease);
  // Where this output should be, a directory is.
  write_file(rig.path_of(an_id(2), Kind::output) + "/program", "");
  REQUIRE(::chmod((rig.directory + "/02").c_str(), 0700) == 0);
  Served served(&rig.place, &*lease,
                put(1, an_id(1), an_id(2), "x") + get(2, an_id(1)) + put(3, an_id(1), an_id(3), "newer") +
                    get(4, an_id(1)) + put(5, an_id(1), an_id(2), "newest") + get(6, an_id(1)));
  REQUIRE(served.answers.size() == 6);
  CHECK(served.answers[1].find("\"Size\":1,") != std::string::npos);
  CHECK(served.answers[3].find("\"Size\":5,") != std::string::npos);
  CHECK(served.answers[5].find("\"Size\":6,") != std::string::npos);
  CHECK(served.counts.elsewhere == 2);
}

TEST_CASE("What may escape is written down before its path is") {
  Rig rig;
  auto lease = Lease::take(rig.place, wall_ns());
  REQUIRE(lease);
  std::string path = rig.own("run/" + lease->name());
  ServeOptions options;
  options.paths_may_escape = false;
  Served keeps(&rig.place, &*lease, put(1, an_id(1), an_id(2), "x") + get(2, an_id(1)), options);
  CHECK(contents(path).empty());
  options.paths_may_escape = true;
  Served escapes(&rig.place, &*lease, get(1, an_id(1)) + put(2, an_id(3), an_id(4), "x") + get(3, an_id(5)),
                 options);
  CHECK(contents(path) == "d " + hex(an_id(2)) + "\nd " + hex(an_id(4)) + "\n");
}

TEST_CASE("The patience for what another run is building has an end, and then nothing more is waited for") {
  Rig rig;
  // By the other run.
  Flights flights(&rig.place);
  REQUIRE(flights.begin(an_id(4, 1)));
  REQUIRE(flights.begin(an_id(4, 2)));
  Pipe in;
  Pipe out;
  Forked run([&](const Forked::Tell& tell) {
    in.write_end.reset();
    auto place = Place::open(rig.directory, false);
    auto lease = Lease::take(*place, wall_ns());
    ServeOptions options;
    options.patience = std::chrono::milliseconds(1);
    Serve serve(&*place, &*lease, options);
    serve.run(in.read_end.get(), out.write_end.get());
    tell(std::to_string(serve.counts().misses) + " misses, " + std::to_string(serve.counts().waited_hits) +
         " hits");
  });
  CHECK(test::read_descriptor_line(out.read_end.get()) + "\n" == kGreeting);
  REQUIRE(write_all(in.write_end.get(), get(1, an_id(4, 1))));
  CHECK(test::read_descriptor_line(out.read_end.get()) == miss(1));
  REQUIRE(write_all(in.write_end.get(),
                    get(2, an_id(4, 2)) + get(3, an_id(8)) + "{\"ID\":4,\"Command\":\"close\"}\n"));
  // The second is not waited for: it is answered before what was asked behind it.
  CHECK(test::read_descriptor_line(out.read_end.get()) == miss(2));
  CHECK(test::read_descriptor_line(out.read_end.get()) == miss(3));
  CHECK(test::read_descriptor_line(out.read_end.get()) == "{\"ID\":4}");
  CHECK(run.read_line() == "3 misses, 0 hits");
  CHECK(run.reap() == 0);
}

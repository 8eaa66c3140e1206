#include "hub/shared_pages.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/socket.h>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using namespace bus::hub;

namespace {

struct Pair {
  Pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    ours = Fd(ends[0]);
    theirs = Fd(ends[1]);
  }
  std::string read_all() {
    std::string out;
    char chunk[65536];
    for (ssize_t n = 0; (n = ::recv(theirs.get(), chunk, sizeof chunk, MSG_DONTWAIT)) > 0;)
      out.append(chunk, static_cast<size_t>(n));
    return out;
  }
  Fd ours;
  Fd theirs;
};

// Different at every place, so that pages that are mixed up show.
std::string pattern(size_t bytes, unsigned seed) {
  std::string out(bytes, '\0');
  for (char& c : out) {
    seed = seed * 1664525U + 1013904223U;
    c = static_cast<char>(seed >> 24U);
  }
  return out;
}

std::string_view put(const std::shared_ptr<char>& shared_buffer, const std::string& bytes) {
  REQUIRE(shared_buffer);
  std::memcpy(shared_buffer.get(), bytes.data(), bytes.size());
  return {shared_buffer.get(), bytes.size()};
}

}  // namespace

TEST_CASE("What is given arrives, in pieces that begin and end anywhere") {
  SharedPages pages;
  Pair pair;
  std::string bytes = pattern(100'000, 1);
  std::shared_ptr<char> memory = pages.shared_buffer(bytes.size());
  std::string_view shared_buffer = put(memory, bytes);
  std::vector<std::string_view> pieces;
  for (size_t at = 0, size = 1; at < bytes.size(); at += size, size = size * 5 % 7919 + 1) {
    size = std::min(size, bytes.size() - at);
    pieces.push_back(shared_buffer.substr(at, size));
  }
  int error = -1;
  CHECK(pages.send(pair.ours.get(), pieces, error) == bytes.size());
  CHECK(error == 0);
  CHECK(pair.read_all() == bytes);
}

TEST_CASE("A socket keeps what it was given, whatever becomes of the shared_buffer") {
  SharedPages pages;
  Pair pairs[3];
  std::string wanted[3];
  int error = 0;
  for (unsigned round = 0; round < 4; ++round) {
    std::string bytes = pattern(20'000 + 3000 * round, round);
    std::shared_ptr<char> memory = pages.shared_buffer(bytes.size());
    std::string_view shared_buffer = put(memory, bytes);
    for (size_t i = 0; i < 3; ++i) {
      REQUIRE(pages.send(pairs[i].ours.get(), {shared_buffer.substr(i)}, error) == bytes.size() - i);
      wanted[i] += bytes.substr(i);
    }
    if (round == 2) pages.release();
  }
  for (size_t i = 0; i < 3; ++i) CHECK(pairs[i].read_all() == wanted[i]);
}

TEST_CASE(
    "A shared_buffer of which nothing was given is used again, one of which something was given is not") {
  SharedPages pages;
  char* first = pages.shared_buffer(10'000).get();
  CHECK(pages.shared_buffer(5'000).get() == first);
  Pair pair;
  int error = 0;
  std::string bytes = pattern(3000, 5);
  std::string_view given = put(pages.shared_buffer(10'000), bytes);
  REQUIRE(pages.send(pair.ours.get(), {given}, error) == bytes.size());
  std::memset(pages.shared_buffer(10'000).get(), 'x', 10'000);
  CHECK(pair.read_all() == bytes);
}

TEST_CASE("A shared_buffer stays as it is while somebody holds it") {
  SharedPages pages;
  std::string bytes = pattern(9000, 7);
  std::shared_ptr<char> held = pages.shared_buffer(bytes.size());
  put(held, bytes);
  std::shared_ptr<char> other = pages.shared_buffer(bytes.size());
  CHECK(other != held);
  std::memset(other.get(), 'x', bytes.size());
  CHECK(std::string_view(held.get(), bytes.size()) == bytes);
}

TEST_CASE("A full socket takes a part, and what it did not take reaches nobody else") {
  SharedPages pages;
  Pair full;
  Pair other;
  std::string bytes = pattern(4'000'000, 9);
  std::shared_ptr<char> memory = pages.shared_buffer(bytes.size());
  std::string_view shared_buffer = put(memory, bytes);
  int error = 0;
  size_t taken = pages.send(full.ours.get(), {shared_buffer}, error);
  CHECK(taken > 0);
  CHECK(taken < bytes.size());
  CHECK(error == EAGAIN);
  CHECK(pages.send(full.ours.get(), {shared_buffer.substr(taken)}, error) == 0);
  CHECK(error == EAGAIN);
  CHECK(pages.send(other.ours.get(), {shared_buffer.substr(0, 1000)}, error) == 1000);
  CHECK(other.read_all() == bytes.substr(0, 1000));
  CHECK(full.read_all() == bytes.substr(0, taken));
  CHECK(pages.send(full.ours.get(), {shared_buffer.substr(taken, 5000)}, error) == 5000);
  CHECK(full.read_all() == bytes.substr(taken, 5000));
}

TEST_CASE("A socket whose other end has gone takes nothing and says why") {
  auto before = std::signal(SIGPIPE, SIG_IGN);
  SharedPages pages;
  Pair gone;
  Pair other;
  gone.theirs.reset();
  std::string bytes = pattern(9000, 3);
  std::shared_ptr<char> memory = pages.shared_buffer(bytes.size());
  std::string_view shared_buffer = put(memory, bytes);
  int error = 0;
  CHECK(pages.send(gone.ours.get(), {shared_buffer}, error) == 0);
  CHECK(error == EPIPE);
  CHECK(pages.send(other.ours.get(), {shared_buffer}, error) == bytes.size());
  CHECK(other.read_all() == bytes);
  std::signal(SIGPIPE, before);
}

TEST_CASE("Where sharing does not work it says so, and gives no shared_buffer from then on") {
  SharedPages pages;
  std::string bytes = pattern(9000, 4);
  std::shared_ptr<char> memory = pages.shared_buffer(bytes.size());
  std::string_view shared_buffer = put(memory, bytes);
  // splice(2) refuses what is opened for appending, as a kernel without it would refuse sockets.
  test::TempDir dir;
  Fd file(::open((dir.path() + "/appended").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  REQUIRE(file);
  int error = 0;
  CHECK(pages.send(file.get(), {shared_buffer}, error) == 0);
  CHECK(error == ENOTSUP);
  CHECK(pages.shared_buffer(10) == nullptr);
  Pair pair;
  CHECK(pages.send(pair.ours.get(), {shared_buffer}, error) == 0);
  CHECK(error == ENOTSUP);
  CHECK(pair.read_all().empty());
}

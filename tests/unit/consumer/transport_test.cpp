#include "consumer/src/transport.h"

#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>

#include "tests/support/catch.h"

namespace bus::sdk {
namespace {

struct Pair {
  Fd ours;
  Fd theirs;
};

Pair socket_pair() {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

Transport connection() {
  auto made = Transport::create();
  REQUIRE(made);
  return std::move(*made);
}

bool readable(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, 0) == 1;
}

std::string drain(int fd) {
  std::string all;
  char chunk[65536];
  for (ssize_t n = 0; (n = ::recv(fd, chunk, sizeof chunk, MSG_DONTWAIT)) > 0;)
    all.append(chunk, static_cast<size_t>(n));
  return all;
}

TEST_CASE("The descriptor to watch stays the same while sockets come and go") {
  Transport link = connection();
  int fd = link.poll_fd();
  for (int i = 0; i < 3; ++i) {
    Pair pair = socket_pair();
    REQUIRE(link.attach(std::move(pair.ours)));
    CHECK(link.poll_fd() == fd);
    CHECK_FALSE(readable(fd));
    REQUIRE(::send(pair.theirs.get(), "x", 1, MSG_NOSIGNAL) == 1);
    CHECK(readable(fd));
    std::string_view chunk;
    std::string why;
    CHECK(link.read(chunk, why) == Transport::Read::data);
    CHECK(chunk == "x");
    CHECK(link.read(chunk, why) == Transport::Read::nothing);
    pair.theirs.reset();
    CHECK(readable(fd));
    CHECK(link.read(chunk, why) == Transport::Read::end);
    CHECK(why == "the hub closed the connection");
    link.detach();
    CHECK_FALSE(readable(fd));
  }
}

TEST_CASE("A wake-up ends one wait, the present or the next") {
  Transport link = connection();
  link.wake();
  CHECK(readable(link.poll_fd()));
  CHECK(link.wait(kNever) == Transport::Wait::woken);
  CHECK(link.wait(now()) == Transport::Wait::timed_out);
  std::thread other([&link] { link.wake(); });
  CHECK(link.wait(now() + seconds(10)) == Transport::Wait::woken);
  other.join();
}

TEST_CASE("What the socket refuses waits, and the descriptor tells when there is room") {
  Transport link = connection();
  Pair pair = socket_pair();
  REQUIRE(link.attach(std::move(pair.ours)));
  std::string frame = std::string(999, 'x') + "\n";
  std::string all;
  while (!link.blocked()) {
    link.queue(frame);
    all += frame;
    link.send_pending();
    REQUIRE(all.size() < 100'000'000);
  }
  CHECK(link.pending_bytes() > 0);
  CHECK_FALSE(readable(link.poll_fd()));
  std::string got;
  while (link.pending_bytes() > 0) {
    got += drain(pair.theirs.get());
    REQUIRE(link.wait(now() + seconds(10)) == Transport::Wait::ready);
    link.send_pending();
  }
  got += drain(pair.theirs.get());
  CHECK(got == all);
  CHECK_FALSE(link.blocked());
  CHECK(link.wait(now()) == Transport::Wait::timed_out);
}

TEST_CASE("After the other end is gone, the frames that it cannot have seen whole are still there") {
  Transport link = connection();
  Pair pair = socket_pair();
  REQUIRE(link.attach(std::move(pair.ours)));
  // Large frames, so that the socket stops inside one; several, so that the buffer's front was cut off, too.
  std::string all;
  for (char letter = 'a'; letter <= 'j'; ++letter) {
    std::string frame = std::string(100'000, letter) + "\n";
    link.queue(frame);
    all += frame;
    link.send_pending();
  }
  REQUIRE(link.blocked());
  std::string seen = drain(pair.theirs.get());
  pair.theirs.reset();
  link.send_pending();
  CHECK(link.write_failed());
  size_t whole = seen.rfind('\n') == std::string::npos ? 0 : seen.rfind('\n') + 1;
  REQUIRE(whole < all.size());
  CHECK(link.unsent_frames() == std::string_view(all).substr(whole));
  link.detach();
  CHECK(link.unsent_frames() == std::string_view(all).substr(whole));
  link.discard_unsent();
  CHECK(link.unsent_frames().empty());
}

TEST_CASE("What the hub said before it closed is read before the end shows") {
  Transport link = connection();
  Pair pair = socket_pair();
  REQUIRE(link.attach(std::move(pair.ours)));
  link.queue("unread\n");
  link.send_pending();
  REQUIRE(::send(pair.theirs.get(), "last words\n", 11, MSG_NOSIGNAL) == 11);
  pair.theirs.reset();  // with our line unread: a reset
  link.queue("more\n");
  link.send_pending();
  CHECK(link.write_failed());
  std::string_view chunk;
  std::string why;
  REQUIRE(link.read(chunk, why) == Transport::Read::data);
  CHECK(chunk == "last words\n");
  CHECK(link.read(chunk, why) == Transport::Read::end);
  CHECK(!why.empty());
}

}  // namespace
}  // namespace bus::sdk

#include "tests/faults/stage.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <poll.h>
#include <sys/socket.h>

#include "protocol/base/unix_socket.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"

namespace bus::test {

namespace {

constexpr std::string_view kBeforeSeq = R"({"type":"event","event_type":"t.x","seq":)";
constexpr std::string_view kBeforeNumber = R"(,"payload":{"n":)";
constexpr std::string_view kBeforeSize = R"(,"size":)";
constexpr size_t kShown = 200;

std::string payload_of(uint64_t n, size_t bytes) {
  return R"({"n":)" + std::to_string(n) + R"(,"size":)" + std::to_string(bytes) + R"(,"x":")" +
         std::string(bytes, static_cast<char>('a' + n % 26)) + R"("})";
}

// Takes `text` from the front of `rest`, and a number if `number` is given.
bool take(std::string_view& rest, std::string_view text, uint64_t* number) {
  if (!rest.starts_with(text)) return false;
  rest.remove_prefix(text.size());
  if (number == nullptr) return true;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), *number);
  if (error != std::errc()) return false;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  return true;
}

}  // namespace

std::string event_line(uint64_t n, size_t bytes) {
  return R"({"type":"event","event_type":"t.x","payload":)" + payload_of(n, bytes) + "}\n";
}

Stage::Client& Stage::enter() {
  Client& client = clients_.emplace_back();
  auto fd = connect_unix(socket_, kPatience);
  if (fd) client.fd = std::move(*fd);
  return client;
}

Stage::Client& Stage::join(const std::string& key, const std::string& more_members) {
  Client& client = enter();
  client.pid = next_pid_++;
  say(client, R"({"type":"hello","pid":)" + std::to_string(client.pid) + R"(,"event_key":")" + key +
                  R"(","event_types":["t.*"],"version":"v1")" + more_members + "}\n");
  await_reply(client, 1, "hello_ack");
  return client;
}

void Stage::say(Client& client, std::string_view lines) {
  if (!client.open()) return;
  client.unsent += lines;
  send_some(client);
}

bool Stage::await(Client& client, const std::function<bool(const Client&)>& done, const char* what) {
  TimePoint deadline = now() + kPatience;
  while (!done(client)) {
    if (!client.open()) return false;
    Duration left = deadline - now();
    if (left <= Duration::zero()) FAIL("waited in vain for " << what << " on a connection that stays open");
    pump(left);
  }
  return true;
}

bool Stage::await_reply(Client& client, size_t count, const char* what) {
  return await(
      client, [count](const Client& c) { return c.replies.size() >= count; }, what);
}

bool Stage::await_end(Client& client, const char* what) {
  return !await(
      client, [](const Client&) { return false; }, what);
}

void Stage::flush(Client& client) {
  size_t answered = client.replies.size();
  say(client, R"({"type":"pre_shutdown_check","event_key":"no-scope-of-this-connection"})"
              "\n");
  await_reply(client, answered + 1, "pre_shutdown_ack");
}

void Stage::go_on_for(Duration time) {
  TimePoint end = now() + time;
  for (Duration left = time; left > Duration::zero(); left = end - now()) pump(left);
}

void Stage::pump(Duration patience) {
  std::vector<pollfd> waiting;
  std::vector<Client*> who;
  for (Client& client : clients_) {
    if (!client.open()) continue;
    int events = (client.reads ? POLLIN : 0) | (client.unsent.empty() ? 0 : POLLOUT);
    waiting.push_back({client.fd.get(), static_cast<short>(events), 0});
    who.push_back(&client);
  }
  if (::poll(waiting.data(), waiting.size(), static_cast<int>(to_ms(patience)) + 1) <= 0) return;
  for (size_t i = 0; i < who.size(); ++i) {
    if ((waiting[i].revents & POLLOUT) != 0) send_some(*who[i]);
    if ((waiting[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) receive_some(*who[i]);
  }
}

void Stage::send_some(Client& client) {
  while (!client.unsent.empty()) {
    ssize_t n =
        ::send(client.fd.get(), client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
      client.unsent.clear();  // what it sent us is still to be read
    if (n < 0) return;
    client.unsent.erase(0, static_cast<size_t>(n));
  }
}

void Stage::receive_some(Client& client) {
  static std::array<char, 262144> chunk;
  ssize_t n = ::recv(client.fd.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    // A partial frame may end with the connection, but not before.
    client.fd.reset();
    return;
  }
  client.unread.append(chunk.data(), static_cast<size_t>(n));
  size_t begin = 0;
  for (size_t end = client.unread.find('\n'); end != std::string::npos;
       end = client.unread.find('\n', begin)) {
    take_line(client, std::string_view(client.unread).substr(begin, end - begin));
    begin = end + 1;
  }
  client.unread.erase(0, begin);
}

void Stage::take_line(Client& client, std::string_view line) {
  INFO("client " << client.pid << " got: " << line.substr(0, kShown));
  if (!line.starts_with(R"({"type":"event",)")) {
    if (!line.starts_with(R"({"type":")") || !line.ends_with('}')) FAIL("a torn line");
    client.replies.emplace_back(line);
    return;
  }
  std::string_view rest = line;
  uint64_t seq = 0;
  uint64_t n = 0;
  uint64_t size = 0;
  if (!take(rest, kBeforeSeq, &seq)) FAIL("an event that nobody sent");
  std::string_view payload = rest.substr(std::min(rest.size(), kBeforeNumber.find('{')));
  if (!take(rest, kBeforeNumber, &n) || !take(rest, kBeforeSize, &size) || size > line.size())
    FAIL("an event that nobody sent");
  if (payload != payload_of(n, size) + "}") FAIL("a torn or changed event");
  if (seq <= client.last_seq) FAIL("seq " << seq << " after " << client.last_seq);
  if (n <= client.last_n) FAIL("event " << n << " after event " << client.last_n);
  client.lost += seq - client.last_seq - 1;
  client.last_seq = seq;
  client.last_n = n;
  ++client.events;
}

}  // namespace bus::test

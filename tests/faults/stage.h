// Clients that do their part whatever a hub with faults does to them, and notice whatever it may not do.
//
// A connection that is cut, refused or never made is fine. An answer that does not come on a connection that
// stays, a line that is torn, and an event that comes twice, out of order or changed, fail the test.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"

namespace bus::test {

// Event `n`, with a payload of about `bytes` bytes that can be told from any other's.
std::string event_line(uint64_t n, size_t bytes);

class Stage {
 public:
  struct Client {
    Fd fd;            // none once the connection has ended
    int64_t pid = 0;  // as said in hello
    bool reads = true;
    std::string unsent;
    std::string unread;
    std::vector<std::string> replies;  // all lines but events
    // Of the events that came.
    uint64_t events = 0;
    uint64_t last_seq = 0;
    uint64_t lost = 0;  // by the gaps in seq
    uint64_t last_n = 0;

    bool open() const { return static_cast<bool>(fd); }
  };

  explicit Stage(std::string socket) : socket_(std::move(socket)) {}

  // References stay good as long as the stage.
  Client& enter();
  // Says hello as a consumer of t.* in the scope `key`, and waits for the answer.
  Client& join(const std::string& key, const std::string& more_members = "");
  void say(Client& client, std::string_view lines);
  // Everybody reads and writes until `done` holds, or the client's connection ends. False in that case.
  bool await(Client& client, const std::function<bool(const Client&)>& done, const char* what);
  bool await_reply(Client& client, size_t count, const char* what);
  bool await_end(Client& client, const char* what);
  // Returns once the hub has handled what the client said, or its connection has ended.
  void flush(Client& client);
  // Everybody reads and writes for so long.
  void go_on_for(Duration time);
  void leave(Client& client) { client.fd.reset(); }

  std::list<Client>& clients() { return clients_; }

 private:
  void pump(Duration patience);
  void send_some(Client& client);
  void receive_some(Client& client);
  void take_line(Client& client, std::string_view line);

  std::string socket_;
  std::list<Client> clients_;
  int64_t next_pid_ = 1001;
};

}  // namespace bus::test

// leader.cpp - a lock, and the election of a leader among programs that may die at any time, in C++.
//
//   example-leader NAME                 prints "leads" once it is the leader, and "follows" when it is no more
//
// Start it several times with different names. One of them leads. End that one, even by SIGKILL, and another one
// leads at once. The lock is the key "leader": who creates it has it, and the hub deletes it when the connection of
// its holder ends.
#include <busd/consumer.hpp>
#include <cstdint>
#include <cstdio>
#include <string>

namespace {

int fail(const busd::Error& error) {
  std::fprintf(stderr, "leader: %s\n", error.message.c_str());
  return 69;
}

int take_part(busd::Connection& connection, const std::string& name) {
  if (auto watch = connection.watch({"leader"}); !watch) return fail(watch.error());
  std::uint64_t mine = 0;  // the version of the lock that this program has; 0: it has none
  while (auto item = connection.next()) {
    const std::uint64_t before = mine;
    if (item->is_break()) mine = 0;  // the hub has deleted it
    if (item->is_held() && item->result() == BUSD_OK)
      mine = item->value().version;                                  // put again after the break
    if (item->is_value() && item->value().version > mine) mine = 0;  // somebody has overwritten or deleted it
    const bool may_be_free = item->is_synced() || (item->is_value() && item->value().deleted);
    if (may_be_free && mine == 0)
      mine = connection.put("leader", name, {.create = true, .while_connected = true}).version;
    if ((mine != 0) != (before != 0)) std::puts(mine != 0 ? "leads" : "follows");
    std::fflush(stdout);
  }
  return fail(connection.error());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: leader NAME\n", stderr);
    return 64;
  }
  auto connection = busd::Connection::open({});
  if (!connection) return fail(connection.error());
  return take_part(*connection, '"' + std::string(argv[1]) + '"');
}

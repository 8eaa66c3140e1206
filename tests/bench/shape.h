// One kind of work: who is connected, what is sent how, and how it is called. Groups hold what is to be
// compared with each other in one table; the catalogue is all that bus-bench can measure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/payload.h"

namespace bus::bench {

// Of a shape whose work are calls: who makes and serves them.
struct CallLoad {
  size_t callers = 1;
  size_t providers = 1;
  size_t outstanding = 1;  // requests that are open, of all callers together
  size_t slots = 1024;     // of each provider
  bool batched = false;    // what one read brings is answered by one write
};

// Of a shape whose work are values: what is done with which of them.
struct ValueLoad {
  enum class Work {
    put,       // over all keys
    get,       // likewise
    follow,    // puts, which reach all followers before the next ones
    snapshot,  // all keys, by a new connection each time
  };

  Work work = Work::put;
  size_t clients = 1;    // who put or get, each with one operation open at a time, and with keys of its own
  size_t keys = 1000;    // each has a value before the work begins
  size_t followers = 0;  // of all keys
  size_t at_once = 1;    // puts of different keys that are one write, where they are followed
};

struct Shape {
  std::string title;                // "1→64, 1 KiB, dense"
  std::optional<CallLoad> calls;    // then the members up to `stopped`, and the window, say nothing
  std::optional<ValueLoad> values;  // likewise
  size_t publishers = 1;
  size_t subscribers = 1;  // those who are read from and must get every message of their topic
  size_t topics = 1;       // more than one: subscriber i has topic i alone, one publisher takes them in turn
  size_t bystanders = 0;   // connected, with a topic each that nobody publishes on
  bool apart = false;      // no two subscribers have had the same number of messages
  size_t stopped = 0;      // subscribed like the others, and never read from
  PayloadKind payload = PayloadKind::dense;
  size_t payload_bytes = 128;
  size_t window = 1024;        // messages published that have not reached everybody, at most
  size_t rate_per_second = 0;  // 0: as fast as the window allows

  bool needs_topics() const { return topics > 1 || bystanders > 0; }
};

struct Group {
  std::string name;  // as --shape takes it: "1to64", "keys", "latency", "calls64"
  std::vector<Shape> shapes;
  bool hubs_only = false;      // a question about busd alone
  bool against_first = false;  // shapes after the first are also given as ratio to the first
};

// What is moved through the servers.
enum class Family { events, calls, sources, values };

struct GroupFilter {
  std::optional<Family> family;       // empty: all
  std::vector<std::string> patterns;  // fnmatch(3) on the name; empty: all
  bool quick = false;                 // each family once
  std::vector<PayloadKind> payloads;  // empty: all; of the plain shapes only, like sizes
  std::vector<size_t> sizes;
};

std::vector<Group> groups_of(const GroupFilter& filter);

// Whether the family is wanted, and one of the patterns is `name`'s; where there are none, all are.
bool is_wanted(const GroupFilter& filter, Family family, const std::string& name);

// "1→64, 1 KiB, dense".
std::string title_of(const Shape& shape);

// "128 B", "16 KiB".
std::string size_text(size_t bytes);

}  // namespace bus::bench

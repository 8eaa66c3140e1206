// One kind of work: who is connected, what is sent how, and how it is called. Groups hold what is to be
// compared with each other in one table; the catalogue is all that bus-bench can measure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/bench/payload.h"

namespace bus::bench {

struct Shape {
  std::string title;  // "1→64, 1 KiB, dense"
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
  std::string name;  // as --shape takes it: "1to64", "keys", "latency"
  std::vector<Shape> shapes;
  bool hubs_only = false;      // a question about busd alone
  bool against_first = false;  // shapes after the first are also given as ratio to the first
};

struct GroupFilter {
  std::vector<std::string> patterns;  // fnmatch(3) on the name; empty: all
  bool quick = false;                 // each family once
  std::vector<PayloadKind> payloads;  // empty: all; of the plain shapes only, like sizes
  std::vector<size_t> sizes;
};

std::vector<Group> groups_of(const GroupFilter& filter);

// Whether one of the patterns is `name`'s; always, when there is none.
bool is_wanted(const GroupFilter& filter, const std::string& name);

// "1→64, 1 KiB, dense".
std::string title_of(const Shape& shape);

// "128 B", "16 KiB".
std::string size_text(size_t bytes);

}  // namespace bus::bench

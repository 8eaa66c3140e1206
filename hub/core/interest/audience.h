// How many consumers would get something of an entry: event types and patterns of consumers, and those that
// sources publish, in one tree (PROTOCOL.md 12).
//
// The tree's edges are labels: "build.done" is the node "build." and below it "done", "build.*" is the node
// "build.", and "*" is the root. So what a pattern matches lies strictly below its node, and two entries
// overlap if they are the same, or if one is a pattern and the other lies below its node. Each node counts
// the consumers that ask for it, as a type and as a pattern, and those that ask for something below it; an
// entry of a consumer that another of its own entries covers is not counted. With these counts,
//
//   an exact entry  has the consumers of its own type, and those of the patterns above it
//   a pattern       has its own consumers, those of the patterns above it, and those below it,
//
// each consumer once. Asking for a number costs one look at each label of the entry. A consumer that comes or
// goes costs one look-up for each label of its entries, however many watch and however many other consumers
// there are. Those that watch are told only where a count goes from none to some or back, and not below a
// pattern of somebody else, where nothing changes: so of a thousand consumers of "*" only the first and the
// last cost a look at each entry that is watched.
//
// Knows no peers and no messages. Every node is there because a consumer or a watch needs it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bus::hub {

class Audience {
 public:
  class Watch;

  class Watcher {
   public:
    virtual ~Watcher() = default;
    // The number of the entry may have gone from none to some, or back. It may also be as before.
    virtual void may_have_changed(Watch& watch) = 0;
  };

  Audience() = default;
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;
  ~Audience();

  // A consumer with these entries comes; one that came with the same goes. Entries may repeat. Returns how
  // many nodes were looked at.
  size_t join(const std::vector<std::string>& event_types) { return count(event_types, Change::come); }
  size_t leave(const std::vector<std::string>& event_types) { return count(event_types, Change::go); }

  // From now on `watcher` is told of `entry`, until unwatch(). Both outlive that.
  void watch(Watch& watch, std::string_view entry, Watcher& watcher);
  void unwatch(Watch& watch);

  uint64_t consumers(const Watch& watch) const;

 private:
  enum class Form : uint8_t { exact, pattern };
  enum class Change : uint8_t { come, go };
  struct Node;
  struct Place {
    Node* node = nullptr;
    Form form = Form::exact;
  };
  // What of a node and below it is watched.
  struct Watched {
    std::array<std::vector<Watch*>, 2> here;  // by form
    std::vector<Node*> children;              // those with something watched
    size_t at = 0;                            // its place in the list of the node above

    bool empty() const { return here[0].empty() && here[1].empty() && children.empty(); }
  };
  struct Node {
    Node* parent = nullptr;
    const std::string* label = nullptr;  // its key there
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
    std::unique_ptr<Watched> watched;  // if anything is watched here or below
    std::array<uint32_t, 2> counts{};  // consumers that ask for this, by form
    uint32_t inside = 0;               // consumers that ask for something below
    // The last change whose consumer asks for this, by form, and the last that counted its consumer in
    // `inside`.
    std::array<uint64_t, 2> asked_in{};
    uint64_t entered_in = 0;
  };

  size_t count(const std::vector<std::string>& event_types, Change change);
  void count_at(Place place, Change change);
  bool is_covered(Place place) const;
  Place make_place(std::string_view entry);
  Node* find(std::string_view entry);
  Watched& make_watched(Node& node);
  void drop_unwatched(Node* node);
  static void drop_unused(Node* node);
  void tell(Node& node, Form form);
  void tell_below(Node& node);

  Node root_;
  uint64_t change_ = 0;  // how many consumers have come and gone
  size_t looks_ = 0;     // at nodes, of this change
  std::vector<Place> places_;
  std::vector<std::string_view> unused_;
};

// One entry that is watched.
class Audience::Watch {
 public:
  Watch() = default;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch();

 private:
  friend class Audience;
  Place place_;
  size_t at_ = 0;  // its place among the watches there
  Watcher* watcher_ = nullptr;
};

}  // namespace bus::hub

#include "hub/core/interest/audience.h"

#include <utility>

#include "protocol/base/check.h"
#include "protocol/event_pattern.h"

namespace bus::hub {

namespace {

// Takes the first label off `rest`; empty when there is none.
std::string_view take_label(std::string_view& rest) {
  size_t dot = rest.find('.');
  std::string_view label = dot == std::string_view::npos ? rest : rest.substr(0, dot + 1);
  rest.remove_prefix(label.size());
  return label;
}

}  // namespace

Audience::~Audience() { BUSD_CHECK(root_.children.empty() && root_.counts[1] == 0 && !root_.watched); }

Audience::Watch::~Watch() { BUSD_CHECK(watcher_ == nullptr); }

// ---- the tree

Audience::Place Audience::make_place(std::string_view entry) {
  EventPattern pattern = parse_event_pattern(entry);
  Node* node = &root_;
  for (std::string_view label; !(label = take_label(pattern.text)).empty();) {
    ++looks_;
    auto at = node->children.find(label);
    if (at == node->children.end()) {
      at = node->children.emplace(label, std::make_unique<Node>()).first;
      at->second->parent = node;
      at->second->label = &at->first;
    }
    node = at->second.get();
  }
  return {node, pattern.kind == EventPattern::Kind::exact ? Form::exact : Form::pattern};
}

// nullptr when there is no such node any more.
Audience::Node* Audience::find(std::string_view entry) {
  EventPattern pattern = parse_event_pattern(entry);
  Node* node = &root_;
  for (std::string_view label; !(label = take_label(pattern.text)).empty();) {
    auto at = node->children.find(label);
    if (at == node->children.end()) return nullptr;
    node = at->second.get();
  }
  return node;
}

// Removes the node, and those above it, as far as nobody needs them.
void Audience::drop_unused(Node* node) {
  while (node->parent != nullptr && node->children.empty() && node->counts[0] + node->counts[1] == 0 &&
         !node->watched) {
    Node* parent = node->parent;
    parent->children.erase(parent->children.find(*node->label));
    node = parent;
  }
}

// ---- consumers

size_t Audience::count(const std::vector<std::string>& event_types, Change change) {
  looks_ = 0;
  ++change_;
  places_.clear();
  unused_.clear();
  for (const std::string& entry : event_types) {
    Place place = make_place(entry);
    uint64_t& asked_in = place.node->asked_in[static_cast<size_t>(place.form)];
    if (std::exchange(asked_in, change_) == change_) continue;
    places_.push_back(place);
    unused_.push_back(entry);
  }
  for (Place place : places_) {
    if (!is_covered(place)) count_at(place, change);
  }
  // By their names, because one may be above another.
  for (std::string_view entry : unused_) {
    if (Node* node = find(entry)) drop_unused(node);
  }
  return looks_;
}

// Whether the consumer that comes or goes asks for all this by a pattern above.
bool Audience::is_covered(Place place) const {
  for (const Node* above = place.node->parent; above != nullptr; above = above->parent) {
    if (above->asked_in[static_cast<size_t>(Form::pattern)] == change_) return true;
  }
  return false;
}

void Audience::count_at(Place place, Change change) {
  // Whether it went from none to some, or back.
  auto turns = [change](uint32_t& count) { return change == Change::come ? count++ == 0 : --count == 0; };
  Node& node = *place.node;
  bool turned = turns(node.counts[static_cast<size_t>(place.form)]);
  bool others_have_all = false;  // by a pattern above
  for (Node* above = node.parent; above != nullptr; above = above->parent) {
    ++looks_;
    others_have_all = others_have_all || above->counts[static_cast<size_t>(Form::pattern)] > 0;
    if (std::exchange(above->entered_in, change_) != change_ && turns(above->inside))
      tell(*above, Form::pattern);
  }
  if (!turned || others_have_all) return;
  if (place.form == Form::exact) {
    tell(node, Form::exact);
  } else {
    tell_below(node);
  }
}

// ---- watches

void Audience::watch(Watch& watch, std::string_view entry, Watcher& watcher) {
  BUSD_CHECK(watch.watcher_ == nullptr);
  watch.watcher_ = &watcher;
  watch.place_ = make_place(entry);
  auto& here = make_watched(*watch.place_.node).here[static_cast<size_t>(watch.place_.form)];
  watch.at_ = here.size();
  here.push_back(&watch);
}

void Audience::unwatch(Watch& watch) {
  BUSD_CHECK(watch.watcher_ != nullptr);
  Node* node = watch.place_.node;
  auto& here = node->watched->here[static_cast<size_t>(watch.place_.form)];
  here[watch.at_] = here.back();
  here[watch.at_]->at_ = watch.at_;
  here.pop_back();
  watch.watcher_ = nullptr;
  drop_unwatched(node);
  drop_unused(node);
}

Audience::Watched& Audience::make_watched(Node& node) {
  if (!node.watched) {
    node.watched = std::make_unique<Watched>();
    if (node.parent != nullptr) {
      auto& siblings = make_watched(*node.parent).children;
      node.watched->at = siblings.size();
      siblings.push_back(&node);
    }
  }
  return *node.watched;
}

void Audience::drop_unwatched(Node* node) {
  while (node != nullptr && node->watched->empty()) {
    if (node->parent != nullptr) {
      auto& siblings = node->parent->watched->children;
      size_t at = node->watched->at;
      siblings[at] = siblings.back();
      siblings[at]->watched->at = at;
      siblings.pop_back();
    }
    node->watched = nullptr;
    node = node->parent;
  }
}

uint64_t Audience::consumers(const Watch& watch) const {
  const Node& node = *watch.place_.node;
  uint64_t number = node.counts[static_cast<size_t>(watch.place_.form)];
  if (watch.place_.form == Form::pattern) number += node.inside;
  for (const Node* above = node.parent; above != nullptr; above = above->parent)
    number += above->counts[static_cast<size_t>(Form::pattern)];
  return number;
}

void Audience::tell(Node& node, Form form) {
  if (!node.watched) return;
  for (Watch* watch : node.watched->here[static_cast<size_t>(form)]) {
    ++looks_;
    watch->watcher_->may_have_changed(*watch);
  }
}

// The pattern of this node has its first consumer, or lost its last: what lies below another pattern that has
// consumers does not notice.
void Audience::tell_below(Node& node) {
  if (!node.watched) return;
  tell(node, Form::pattern);
  for (Node* child : node.watched->children) {
    ++looks_;
    tell(*child, Form::exact);
    if (child->counts[static_cast<size_t>(Form::pattern)] == 0) tell_below(*child);
  }
}

}  // namespace bus::hub

// Whether an event type or an entry of a subscription is written in the syntax of another system. The hub
// knows
// "*", which matches every type, and "X.*", which matches what begins with "X."; anything else it compares as
// it is, so that "build*" or "build/#" would be accepted and never match.
//
// Judged by the programs only, which take anything with --literal. The manual pages say why each character is
// refused or not (bus-publish(1), PATTERNS).
#pragma once

#include <string>
#include <string_view>

namespace bus::cli {

// The rule of PROTOCOL.md 5: `*` matches every type; an entry that ends in `.*` matches the types that begin
// with the text before the star and are longer; any other entry matches itself.
bool entry_matches(std::string_view entry, std::string_view type);

// What is wrong with an entry of a subscription, as "what is wrong; what to do"; empty: nothing.
std::string entry_fault(std::string_view entry);

// The same for a task that is provided: a name, or one of the hub's patterns.
std::string task_fault(std::string_view task);
// Whether it stands for many names: "*", or "NAME.*".
bool is_pattern(std::string_view entry);
// What is wrong with a task that is not the hub's own, and so below "bus.": empty when nothing is.
std::string below_bus_fault(std::string_view task);

// The same for the type of one event, which is no pattern at all.
std::string type_fault(std::string_view type);

// The same for a key of values or a pattern of keys, and for one key.
std::string key_entry_fault(std::string_view entry);
std::string key_fault(std::string_view key);

// The first three for a file of settings, which has no --literal and parts its lists by commas; of a task also that it is
// the hub's own.
std::string declared_entry_fault(std::string_view entry);
std::string declared_task_fault(std::string_view task);
std::string declared_type_fault(std::string_view type);

}  // namespace bus::cli

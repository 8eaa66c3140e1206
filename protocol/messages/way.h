// How a message lists its members: once, for every way.
//
//   struct Ping {
//     static constexpr std::string_view kType = "ping";
//     std::string id;
//   };
//   template <class Way>
//   void members(Way& way, Some<Ping> auto& ping) {
//     way.identifier("id", ping.id);
//   }
//
// Reading fills a message in (protocol/reading.h), Writing puts it out (protocol/encode.h), Naming lists its names
// (protocol/naming.h). The list is in the order of the wire. It asks the same whatever the values are.
//
//   number              an integer; 0 when absent                        always written
//   number_unless       an integer; the first argument when absent       not written when it is that
//   number_within       an integer of a range; absent: as number_unless  not written when it is that
//   number_if_any       an integer, or none                              written when there is one
//   text                text; empty when absent                          always written
//   required_text       text; must be there                              always written
//   text_if_any         text; empty when absent                                         written when not empty
//   identifier          must be there                                    always written
//   identifier_or_empty an identifier, or empty, or absent               always written
//   identifier_if_any   the same                                         written when not empty
//   identifiers         a list of at most so many; empty when absent     always written
//   identifiers_if_any  the same                                         written when not empty
//   flag                true or false; must be there                     always written
//   flag_if_set         false when absent                                written when true
//   flag_unless         the first argument when absent                   not written when it is that
//   choice              one of an enumeration's names; must be there     always written
//   choice_unless       the first argument when absent or empty          not written when it is that
//   object, list        what has members of its own                      always written
//   object_if_any       the same, or none                                written when there is one
//   id                  names one of a sender's open requests; required  always written
//   id_if_any           the same; empty when absent                      written when not empty
//   raw                 any JSON; its token, "null" when absent          always written
//   raw_if_any          the same; empty when absent or null              written when not empty
//   ignored             a member that senders have no use for            not written
//   others              all members that the list does not name          always written
//   need                an identifier_or_empty of above, which now must not be empty if the condition holds
//
// An enumeration E has name_of(E), read_name(std::string_view, E&) and choices_of(E) beside it.
#pragma once

#include <concepts>
#include <type_traits>

namespace bus {

// A T, const when it is written.
template <class Given, class T>
concept Some = std::same_as<std::remove_const_t<Given>, T>;

}  // namespace bus

// An item of the connection, handed to the user as the public header has it.
#pragma once

#include <string>

#include "busd/calls.h"
#include "consumer/src/client_core/item.h"

namespace bus::sdk {

// What an item of the public header points to and the connection's item does not hold.
struct ItemStore {
  std::string source_time;  // of an event, when it had escapes
  busd_answer answer{};
  busd_request request{};
};

// Fills in every member of `out` but `size`.
void fill_item(const Item& item, ItemStore& store, busd_item& out);
// The same for an event, once per event.
void fill_event(const Item& item, ItemStore& store, busd_item& out);

busd_answer answer_of(const Response& response);

// A member of the event, request or response, by its decoded name; data == nullptr: there is none.
busd_text member_of(const busd_item& item, std::string_view name);

}  // namespace bus::sdk

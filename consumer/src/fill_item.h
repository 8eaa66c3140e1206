// An item of the connection, handed to the user as the public header has it.
#pragma once

#include <string>
#include <vector>

#include "busd/calls.h"
#include "busd/values.h"
#include "consumer/src/client_core/item.h"

namespace bus::sdk {

// What an item of the public header points to and the connection's item does not hold.
struct ItemStore {
  std::string source_time;  // of an event, when it had escapes
  busd_answer answer{};
  busd_request request{};
  busd_value value{};
  busd_change change{};
  busd_page page{};
  busd_synced synced{};
  std::vector<busd_value> rows;
  std::vector<const busd_value*> row_pointers;
};

// Fills in every member of `out` but `size`.
void fill_item(const Item& item, ItemStore& store, busd_item& out);
// The same for an event, once per event.
void fill_event(const Item& item, ItemStore& store, busd_item& out);

// What an answer about values says. All of it views the item and the store.
busd_value value_of(const KeyFact& fact);
busd_change change_of(const Item& item, ItemStore& store);
busd_page page_of(const Item& item, ItemStore& store);

busd_answer answer_of(const Response& response);

// A member of the event, request or response, by its decoded name; data == nullptr: there is none.
busd_text member_of(const busd_item& item, std::string_view name);

}  // namespace bus::sdk

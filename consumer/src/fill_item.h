// An item of the connection, handed to the user as the public header has it.
#pragma once

#include <string>

#include "busd/consumer.h"
#include "consumer/src/client_core/item.h"

namespace bus::sdk {

// Fills in every member of `out` but `size`. `store` holds the source_time of an event when it had escapes.
void fill_item(const Item& item, std::string& store, busd_item& out);
// The same for an event, once per event.
void fill_event(const Item& item, std::string& store, busd_item& out);

// A member of the event, by its decoded name; data == nullptr: there is none.
busd_text member_of(const busd_item& item, std::string_view name);

}  // namespace bus::sdk

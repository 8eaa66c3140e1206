// The hub's answers about values, taken apart (PROTOCOL.md 11). Pure.
#pragma once

#include <string>
#include <string_view>

#include "consumer/src/client_core/item.h"
#include "protocol/messages/call.h"

namespace bus::sdk {

// What an error of the hub or of the library comes to.
busd_result result_of_code(std::string_view code);

// Makes `item` the answer to what `of` says: its news and its detail.
void read_answer(const Response& response, ValueNews::Of of, Item& item);

// The same for the end of a watch. `wanted`: the user has asked for it.
void read_end(const Response& response, bool wanted, Item& item);

}  // namespace bus::sdk

// How the lists of a response share the space that they have together. Pure.
#pragma once

#include <cstddef>
#include <vector>

namespace bus::hub {

// Divides `space` among lists that want `wanted[i]` each: one that wants no more than an equal share gets all of it,
// and what it leaves is divided among the others, who get alike.
std::vector<size_t> fair_shares(const std::vector<size_t>& wanted, size_t space);

// How many rows fit into `space`, where the first i + 1 of them take `ends[i]`.
size_t rows_within(const std::vector<size_t>& ends, size_t space);

}  // namespace bus::hub

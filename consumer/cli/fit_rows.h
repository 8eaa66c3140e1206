// Cuts tables to the height of a terminal. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "consumer/cli/grid.h"

namespace bus::cli {

// `head`, then each section after an empty line, in at most `rows` lines. The first line of a section is its
// heading. A section that does not fit ends with `ellipsis` and the number of rows that are not shown; the
// first section is cut later than the others.
std::vector<TableLine> fit_rows(std::vector<TableLine> head,
                                const std::vector<std::vector<TableLine>>& sections, size_t rows,
                                const std::string& ellipsis);

}  // namespace bus::cli

#include "consumer/cli/grid.h"

#include <algorithm>

#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

const char* colour_of(Emphasis emphasis) {
  switch (emphasis) {
    case Emphasis::none:
      break;
    case Emphasis::heading:
      return "\x1b[1m";
    case Emphasis::warning:
      return "\x1b[33m";
    case Emphasis::alarm:
      return "\x1b[31m";
  }
  return nullptr;
}

// Leaves out one after the other until the last column has its room.
void drop_columns(std::vector<size_t>& widths, size_t columns, const std::vector<size_t>& droppable,
                  size_t least_of_last) {
  size_t least = std::min(widths.back(), least_of_last);
  for (size_t dropped : droppable) {
    size_t used = least;
    for (size_t i = 0; i + 1 < widths.size(); ++i) used += widths[i] == 0 ? 0 : widths[i] + 2;
    if (used <= columns) return;
    widths[dropped] = 0;
  }
}

}  // namespace

std::string joined(const std::vector<TableLine>& lines, bool colour, const char* line_end) {
  std::string out;
  for (const TableLine& line : lines) {
    const char* paint = colour ? colour_of(line.emphasis) : nullptr;
    if (paint != nullptr) out += paint;
    out += line.text;
    if (paint != nullptr) out += "\x1b[0m";
    out += line_end;
  }
  return out;
}

void cut_lines(std::vector<TableLine>& lines, std::optional<size_t> columns) {
  if (!columns) return;
  for (TableLine& line : lines) line.text = cut_to_columns(line.text, *columns);
}

std::vector<TableLine> Grid::lines_within(std::optional<size_t> columns, const std::vector<size_t>& droppable,
                                          size_t least_of_last) const {
  std::vector<size_t> widths;
  std::vector<std::string> heading;
  for (const auto& column : columns_) {
    widths.push_back(columns_of(column.first));
    heading.push_back(column.first);
  }
  for (const Row& row : rows_) {
    for (size_t i = 0; i < row.cells.size(); ++i) widths[i] = std::max(widths[i], columns_of(row.cells[i]));
  }
  if (columns) drop_columns(widths, *columns, droppable, least_of_last);
  std::vector<TableLine> out{{line_of(heading, widths), Emphasis::heading}};
  for (const Row& row : rows_) out.push_back({line_of(row.cells, widths), row.emphasis});
  cut_lines(out, columns);
  return out;
}

std::string Grid::line_of(const std::vector<std::string>& cells, const std::vector<size_t>& widths) const {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (widths[i] == 0) continue;
    std::string space(widths[i] - columns_of(cells[i]), ' ');
    if (i > 0) line += "  ";
    line += columns_[i].second == Align::right ? space + cells[i] : cells[i] + space;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace bus::cli

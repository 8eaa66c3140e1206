// Lines of a terminal with their emphasis, and tables whose columns are aligned. Pure; knows nothing of the
// bus.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bus::cli {

enum class Emphasis { none, heading, warning, alarm };

struct TableLine {
  std::string text;
  Emphasis emphasis = Emphasis::none;
};

// All of them with line ends; with colour when `colour` is set.
std::string joined(const std::vector<TableLine>& lines, bool colour, const char* line_end = "\n");

// Cuts each line to `columns`; nothing: leaves them whole.
void cut_lines(std::vector<TableLine>& lines, std::optional<size_t> columns);

enum class Align { left, right };

class Grid {
 public:
  explicit Grid(std::vector<std::pair<std::string, Align>> columns) : columns_(std::move(columns)) {}

  void row(std::vector<std::string> cells, Emphasis emphasis = Emphasis::none) {
    rows_.push_back({std::move(cells), emphasis});
  }
  bool empty() const { return rows_.empty(); }

  // The heading, then the rows.
  std::vector<TableLine> lines() const { return lines_within(std::nullopt, {}, 0); }
  // The same in at most so many columns of a terminal. What does not fit goes without the columns `droppable`, in that
  // order, until the last one has at least `least_of_last`, or all that it needs; then it is cut.
  std::vector<TableLine> lines_within(std::optional<size_t> columns, const std::vector<size_t>& droppable,
                                      size_t least_of_last) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    Emphasis emphasis;
  };

  // A column of the width 0 is left out.
  std::string line_of(const std::vector<std::string>& cells, const std::vector<size_t>& widths) const;

  std::vector<std::pair<std::string, Align>> columns_;
  std::vector<Row> rows_;
};

}  // namespace bus::cli

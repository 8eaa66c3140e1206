// A table for people and for README.md at once: Markdown, with columns padded to one width.
#pragma once

#include <string>
#include <vector>

namespace bus::bench {

class TextTable {
 public:
  // The first column is aligned to the left, the others to the right.
  explicit TextTable(std::vector<std::string> heads) : rows_{std::move(heads)} {}

  // As many cells as there are heads.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.size() == 1; }

  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the heads first
};

// Three significant digits or a few more: "4186", "12.3", "0.298".
std::string figure(double value);

// "1.34"; "-" when there is nothing to divide, or to divide by.
std::string ratio(double value, double by);

}  // namespace bus::bench

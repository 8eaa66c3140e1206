#include "consumer/cli/fit_rows.h"

namespace bus::cli {

namespace {

struct Shown {
  const std::vector<TableLine>* lines;
  size_t rows;

  size_t hidden() const { return lines->size() - 1 - rows; }
  // With the empty line before it, its heading, and the line that says how many rows are hidden.
  size_t height() const { return 2 + rows + (hidden() > 0 ? 1 : 0); }
};

size_t height_of(const std::vector<Shown>& sections) {
  size_t height = 0;
  for (const Shown& section : sections) height += section.height();
  return height;
}

// The section that loses a row next; nullptr when none has rows left.
Shown* tallest(std::vector<Shown>& sections) {
  Shown* found = nullptr;
  size_t most = 0;
  for (Shown& section : sections) {
    size_t weight = &section == &sections.front() ? (section.rows + 1) / 2 : section.rows;
    if (section.rows == 0 || weight < most) continue;
    found = &section;
    most = weight;
  }
  return found;
}

}  // namespace

std::vector<TableLine> fit_rows(std::vector<TableLine> head,
                                const std::vector<std::vector<TableLine>>& sections, size_t rows,
                                const std::string& ellipsis) {
  std::vector<Shown> shown;
  for (const auto& section : sections) {
    if (!section.empty()) shown.push_back({&section, section.size() - 1});
  }
  while (!shown.empty() && head.size() + height_of(shown) > rows) {
    if (Shown* section = tallest(shown); section != nullptr) {
      --section->rows;
    } else {
      shown.pop_back();
    }
  }
  for (const Shown& section : shown) {
    head.push_back({});
    auto end = section.lines->begin() + static_cast<std::ptrdiff_t>(1 + section.rows);
    head.insert(head.end(), section.lines->begin(), end);
    if (section.hidden() > 0)
      head.push_back({ellipsis + " " + std::to_string(section.hidden()) + " more", Emphasis::none});
  }
  if (head.size() > rows) head.resize(rows);
  return head;
}

}  // namespace bus::cli

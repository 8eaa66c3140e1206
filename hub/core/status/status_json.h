// Status as JSON: the status_response that every client understands.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/status_writer.h"

namespace bus::hub {

class StatusJson final : public StatusWriter {
 public:
  // The line will have at most `max_bytes`, as long as what is not in lists fits.
  explicit StatusJson(size_t max_bytes) : max_bytes_(max_bytes) {}

  // The response with its LF. Where it would be too long, the lists share the space fairly (fair_shares.h), and each
  // loses its last rows. Members come in the order of PROTOCOL.md 7, then new ones as they were told.
  std::string line();

  void begin_object(std::string_view name) override;
  void end_object() override;
  void begin_list(std::string_view name) override;
  bool begin_row() override;
  void end_row() override;
  void end_list() override;
  void text(std::string_view name, std::string_view value) override;
  void texts(std::string_view name, const std::vector<std::string>& values) override;
  void flag(std::string_view name, bool value) override;
  void choice(std::string_view name, std::string_view value, const Metric&) override { text(name, value); }
  void histogram(std::string_view name, const DurationHistogram& histogram, const Metric&) override;
  void label(std::string_view name, std::string_view value) override { text(name, value); }
  void hidden_label(std::string_view, std::string_view) override {}

 private:
  struct Section {
    std::string name;
    std::string json;  // of a list: its rows
    bool is_list = false;
    std::vector<size_t> ends;  // of a list: where in `json` its rows end
    bool is_cut = false;       // not all rows were even told
  };

  void write_number(std::string_view name, std::string_view digits, const Metric&) override {
    member(name) += digits;
  }
  void write_label_number(std::string_view name, std::string_view digits) override { member(name) += digits; }

  std::string& member(std::string_view name);
  bool row_is_of_section() const { return depth_ == 1 && sections_.back().is_list; }
  void cut_lists();

  size_t max_bytes_;
  std::vector<Section> sections_;
  size_t depth_ = 0;  // of objects and lists that are open
  bool truncated_ = false;
};

}  // namespace bus::hub

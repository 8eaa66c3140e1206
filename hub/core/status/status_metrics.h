// Status as metrics, in the text exposition format of Prometheus 0.0.4, inside a status_response:
//
//   {"type":"status_response","metrics":"# HELP busd_uptime_seconds …\n# TYPE busd_uptime_seconds gauge\n…"}
//
// The hub renders them, not the program that prints them: the rooms know what their numbers mean, and a program
// with a table of its own would know nothing of a room that is newer than itself.
//
// Text and numbers that are no metric are passed over. A list's rows become series, told apart by their labels.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/status_writer.h"

namespace bus::hub {

class StatusMetrics final : public StatusWriter {
 public:
  // The line will have at most `max_bytes`, as long as what is not in lists fits.
  explicit StatusMetrics(size_t max_bytes) : max_bytes_(max_bytes) {}

  // The response with its LF. Where it would be too long, the lists share the space fairly (fair_shares.h), and each
  // loses its last rows; busd_status_truncated says which.
  std::string line();

  void begin_object(std::string_view name) override;
  void end_object() override { --depth_; }
  void begin_list(std::string_view name) override;
  bool begin_row() override;
  void end_row() override;
  void end_list() override { --depth_; }
  void text(std::string_view, std::string_view) override {}
  void texts(std::string_view, const std::vector<std::string>&) override {}
  void flag(std::string_view, bool) override {}
  void choice(std::string_view name, std::string_view value, const Metric& metric) override;
  void histogram(std::string_view name, const DurationHistogram& histogram, const Metric& metric) override;
  void label(std::string_view name, std::string_view value) override;
  void hidden_label(std::string_view name, std::string_view value) override { label(name, value); }

 private:
  // One metric and its series, one after the other, as the format wants them. Escaped for JSON already, so that
  // the size is known.
  struct Family {
    std::string_view name;
    std::string head;  // HELP and TYPE
    std::string series;
    std::vector<size_t> ends;  // in a list: where in `series` its rows end
  };
  struct Section {
    std::string name;
    bool is_list = false;
    std::vector<Family> families;
    std::vector<size_t> ends;  // of a list: how many bytes its rows take, up to each of them
    bool is_cut = false;       // not all rows were even told
  };
  struct Sample {
    size_t family;
    std::string suffix;  // of the name
    std::string label;   // beside those of the row
    std::string value;
  };

  void write_number(std::string_view name, std::string_view digits, const Metric& metric) override;
  void write_label_number(std::string_view name, std::string_view digits) override { label(name, digits); }

  void begin_section(std::string_view name, bool is_list);
  size_t family_of(const Metric& metric, std::string_view type);
  void add(Sample sample);
  void write_samples();
  std::vector<size_t> rows_shown(size_t fixed) const;

  size_t max_bytes_;
  std::vector<Section> sections_;
  size_t depth_ = 0;  // of objects, lists and rows that are open
  bool in_row_ = false;
  // Of the row that is open: a label may come after the numbers.
  std::string labels_;
  std::vector<Sample> samples_;
};

}  // namespace bus::hub

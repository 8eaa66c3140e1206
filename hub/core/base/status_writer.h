// How a room describes itself for status (PROTOCOL.md 7): it tells a writer its members, and the writer renders
// them at once, as JSON or as metrics (hub/core/status).
//
// What is told is a small tree: sections, which are the members of the response; in them numbers, text, and lists
// of rows. The tree is never built, because that of a hub with thousands of consumers would take more memory
// than the answer itself. A room describes itself alike to every writer: a number that Prometheus should see has
// its Metric beside its name on the wire, and nowhere else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bus::hub {

// A number as Prometheus sees it. One without a name is no metric.
struct Metric {
  std::string_view name;  // ends in its base unit, and then in _total if it is a counter
  std::string_view help;  // one sentence, without backslashes
  unsigned decimals = 0;  // the number on the wire counts 10^-decimals of the metric's unit

  bool is_counter() const { return name.ends_with("_total"); }
};
inline constexpr unsigned kMilli = 3;
inline constexpr unsigned kMicro = 6;
inline constexpr unsigned kPercent = 2;

// How often something took how long.
struct DurationHistogram {
  struct Bucket {
    uint64_t up_to_us = 0;  // and longer than the bucket before; 0: no bound, which the last one has
    uint64_t count = 0;
  };
  std::vector<Bucket> buckets;
  uint64_t total_us = 0;
};

class StatusWriter {
 public:
  virtual ~StatusWriter() = default;

  // An object's members follow. It is a section unless it is in another one.
  virtual void begin_object(std::string_view name) = 0;
  virtual void end_object() = 0;

  // A list's rows follow, what matters most first. Where a section that is a list has no room for another row,
  // begin_row() is false: the list ends there, and the response is marked as cut. Then the rows that are left
  // need not be looked at.
  virtual void begin_list(std::string_view name) = 0;
  [[nodiscard]] virtual bool begin_row() = 0;
  virtual void end_row() = 0;
  virtual void end_list() = 0;

  template <class Integer>
  void number(std::string_view name, Integer value, const Metric& metric = {}) {
    write_number(name, std::to_string(value), metric);
  }
  virtual void text(std::string_view name, std::string_view value) = 0;
  virtual void texts(std::string_view name, const std::vector<std::string>& values) = 0;
  virtual void flag(std::string_view name, bool value) = 0;
  // One of a few words; as a metric it is 1, with the word as a label.
  virtual void choice(std::string_view name, std::string_view value, const Metric& metric) = 0;
  virtual void histogram(std::string_view name, const DurationHistogram& histogram, const Metric& metric) = 0;

  // What tells a row from the others: text or a number, and the label of its metrics. Together the labels of a row
  // must be unique in the list.
  virtual void label(std::string_view name, std::string_view value) = 0;
  template <class Integer>
  void label_number(std::string_view name, Integer value) {
    write_label_number(name, std::to_string(value));
  }
  // A label that is not on the wire.
  virtual void hidden_label(std::string_view name, std::string_view value) = 0;

 private:
  virtual void write_number(std::string_view name, std::string_view digits, const Metric& metric) = 0;
  virtual void write_label_number(std::string_view name, std::string_view digits) = 0;
};

}  // namespace bus::hub

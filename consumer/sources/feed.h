// From the lines of a source to the bus and to its log: each line is judged (core/line_judge.h) and published, handed
// on, or kept as a line of the log.
//
// Knows neither pipes nor processes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "consumer/sources/core/definition.h"
#include "consumer/sources/core/line_judge.h"
#include "consumer/sources/core/log_ring.h"
#include "consumer/sources/hub_link.h"
#include "consumer/sources/log_file.h"

namespace bus::sources {

class Feed {
 public:
  class Owner {
   public:
    virtual void on_good_line() = 0;
    // A frame that is no event: "source_status", "response", "chunk", "progress".
    virtual void on_message(std::string_view type, std::string_view line) = 0;
    virtual void on_logged() = 0;

   protected:
    ~Owner() = default;
  };

  // The definition must outlive it, or the next define().
  Feed(const Definition& definition, HubLink& link, Owner& owner);

  void define(const Definition& definition);
  void take(Stream stream, uint64_t run, std::string_view line, bool whole);
  void skip_too_long(Stream stream, uint64_t run);
  // What bus-sources itself has to say of the source.
  void note(uint64_t run, std::string_view text);
  // The hub refuses something that was published.
  void refuse(uint64_t run, std::string_view code, std::string_view reason);

  const LogRing& log() const { return ring_; }
  uint64_t published() const { return published_; }
  uint64_t refused() const { return refused_; }
  uint64_t skipped() const { return skipped_; }
  // The last line that run `run` has written to stderr; empty: none.
  std::string last_error_line(uint64_t run) const;

 private:
  void keep(Stream stream, uint64_t run, std::string_view line);
  void note_refused(Stream stream, uint64_t run, std::string_view reason, std::string_view line);
  void publish(const Judged& judged, uint64_t run, std::string_view line);

  const Definition* definition_;
  HubLink& link_;
  Owner& owner_;
  std::optional<LineJudge> judge_;
  LogRing ring_;
  std::unique_ptr<LogFile> file_;
  uint64_t published_ = 0;
  uint64_t refused_ = 0;
  uint64_t skipped_ = 0;
  uint64_t error_run_ = 0;
  std::string error_line_;
};

}  // namespace bus::sources

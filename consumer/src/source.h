// A source: what busd_source_* of the public header does, in C++ (see there for what each function promises).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "busd/consumer.h"
#include "consumer/src/client.h"
#include "consumer/src/frame_ledger.h"
#include "consumer/src/publish_frame.h"
#include "consumer/src/verdict.h"

namespace bus::sdk {

struct SourceSettings {
  size_t buffer_bytes = 262'144;
  size_t hold_bytes = 0;
  Syntax syntax = Syntax::left_to_hub;
};

struct SourceRefusal {
  uint64_t publication = 0;
  std::string code;
  std::string message;
};

class Source {
 public:
  static Verdict open(ClientOptions options, SourceSettings settings, std::unique_ptr<Source>& opened);

  Verdict publish(const busd_publication& what, uint64_t& number);
  Verdict publish_frame(std::string_view frame, uint64_t& number);
  Verdict status(SourceState state, std::string_view detail);
  Verdict flush(int64_t timeout_ms);
  // nullptr: there is none. Good until the next call.
  const SourceRefusal* next_refusal();
  uint64_t unconfirmed() const { return unconfirmed_; }
  Verdict process();
  Verdict close(int64_t timeout_ms);

  int fd() const { return client_->connection().poll_fd(); }
  TimePoint deadline() const;
  void wake() noexcept { client_->connection().wake(); }

 private:
  // A frame that waits for a connection. `number` 0: a status.
  struct Waiting {
    std::string frame;
    uint64_t number;
  };

  Source(std::unique_ptr<Client> client, SourceSettings settings)
      : client_(std::move(client)), settings_(settings), builder_(settings.syntax) {}

  template <class Write>
  Verdict enqueue(Write write, uint64_t number);
  Verdict keep(std::string_view frame, uint64_t number);
  void queue_now(std::string_view frame, uint64_t number);
  void queued(uint64_t number);
  Verdict send_or_wait();
  void send_now();
  bool send_is_due() const;
  Verdict make_room();
  void step();
  void on_inbound(const Inbound& inbound);
  void on_break();
  void on_back();
  void ask();
  size_t waiting_bytes() const { return client_->connection().pending_bytes() + backlog_bytes_; }
  Verdict report_break();
  Verdict flush_until(TimePoint until);
  Verdict answer_of_flush();

  std::unique_ptr<Client> client_;
  SourceSettings settings_;
  FrameBuilder builder_;
  FrameLedger ledger_;
  std::deque<uint64_t> checks_;  // ordinals of the checks that the hub has not answered yet
  std::deque<Waiting> backlog_;  // while there is no connection
  size_t backlog_bytes_ = 0;
  uint64_t last_number_ = 0;
  uint64_t unconfirmed_ = 0;
  bool break_to_report_ = false;
  std::string last_status_;  // the frame; empty: no state was reported, or the one that a hello brings
  std::deque<SourceRefusal> refusals_;
  SourceRefusal taken_;
  uint64_t refused_ = 0;     // since the last flush that said so
  uint64_t read_after_ = 0;  // sent_bytes() at which it is time to look for errors again
  size_t asked_at_ = 0;      // pending_bytes() when a blocked socket was last asked
  TimePoint asked_time_ = TimePoint::min();
};

}  // namespace bus::sdk

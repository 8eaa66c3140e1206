// A consumer: what busd_consumer_* of the public header does, in C++ (see there for what each function
// promises).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "busd/consumer.h"
#include "consumer/src/client.h"
#include "consumer/src/verdict.h"

namespace bus::sdk {

struct ConsumerHooks {
  busd_hook first = nullptr;
  busd_hook last = nullptr;
  void* context = nullptr;
};

class Consumer {
 public:
  static Verdict open(ClientOptions options, ConsumerHooks hooks, std::unique_ptr<Consumer>& opened);

  // `timeout_ms` as in the public header. Fills in every member of `item` but `size`.
  Verdict next(int64_t timeout_ms, busd_item& item);
  // A member of the event that next() gave last, by its decoded name; data == nullptr: there is none.
  busd_text member(std::string_view name) const;

  // Leaves with the check and the clean-up. Afterwards the object is only to be destroyed.
  Verdict close();

  bool is_first() const { return client_->first(); }
  int fd() const { return client_->connection().poll_fd(); }
  TimePoint deadline() const;
  void wake() noexcept { client_->connection().wake(); }

 private:
  Consumer(std::unique_ptr<Client> client, ConsumerHooks hooks) : client_(std::move(client)), hooks_(hooks) {}

  Verdict wait_for_item(Client::Took took, int64_t timeout_ms, busd_item& item);
  Verdict run_first();
  bool ask_last();
  Verdict run_last();
  bool lost_lock();
  bool give(Client::Took took, busd_item& item);
  void give_event(busd_item& item);
  void give_source_status(busd_item& item) const;

  std::unique_ptr<Client> client_;
  ConsumerHooks hooks_;
  const EventLine* event_ = nullptr;  // of the item that next() gave last, if that was one
  std::string source_time_;           // of that event, when it had escapes
  std::string detail_;
  Verdict failed_;  // once on_first has failed after a reconnection: the end
};

}  // namespace bus::sdk

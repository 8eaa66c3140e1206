// Callers and providers of the tests of calls.
#pragma once

#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "tests/integration/sdk_support.h"

namespace bus::test {

inline busd::Connection peer(const std::string& socket, const std::string& name = "") {
  return open_connection({.source = name, .socket = socket, .no_start = true});
}

// The next item, which must be of that kind.
inline busd::Item expect(busd::Connection& connection, busd_item_kind kind) {
  auto item = connection.next(kItemPatience);
  if (!item) FAIL("no item, but: " << item.error().message);
  INFO("kind " << item->kind() << " " << item->detail());
  REQUIRE(item->kind() == kind);
  return *item;
}

// Provides the task without a handler: its requests come as items.
inline void provide(busd::Connection& connection, std::string_view task, uint32_t slots = 0) {
  busd_text name{task.data(), task.size()};
  auto options = BUSD_INIT(busd_provide_options);
  options.slots = slots;
  auto error = BUSD_INIT(busd_error);
  busd_result result = busd_connection_provide(connection.handle(), &name, 1, &options, &error);
  INFO(error.message);
  REQUIRE(result == BUSD_OK);
}

inline std::string_view text(busd_text from) { return {from.data, from.length}; }
inline busd_text raw(std::string_view from) { return {from.data(), from.size()}; }

// A provider in a thread of its own, which ends with this object. Asserts nothing there.
class Provider {
 public:
  Provider(const std::string& socket, const std::string& task, busd::RequestHandler handler,
           const busd::ProvideOptions& options = {})
      : connection_(peer(socket)) {
    REQUIRE(connection_.serve(task, std::move(handler), options));
    thread_ = std::thread([this] { (void)connection_.run(); });
  }
  ~Provider() {
    connection_.wake();
    thread_.join();
  }

 private:
  busd::Connection connection_;
  std::thread thread_;
};

}  // namespace bus::test

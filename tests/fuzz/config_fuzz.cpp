// Any text as a configuration file of busd: it is applied or refused with its line, nothing is thrown, and
// what was applied is printed as a file that reads back to the same.
#include <cstdint>
#include <string>
#include <string_view>

#include "hub/config_file.h"
#include "protocol/base/check.h"
#include "tests/fuzz/same_options.h"

namespace {

using namespace bus;

// noexcept: whatever is thrown ends here.
void run(std::string_view text) noexcept {
  hub::Options options;
  auto done = hub::apply_config(text, "busd.conf", options);
  if (!done) {
    const std::string& what = done.error().what;
    BUSD_CHECK(what.starts_with("busd.conf:") && what.size() > std::string_view("busd.conf:1: ").size());
    return;
  }
  fuzz::check_file_reads_back(options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  run({reinterpret_cast<const char*>(data), size});
  return 0;
}

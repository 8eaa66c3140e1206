// Any bytes as busd's command line, one argument to a line: it is understood or refused with an exit code and
// a reason, nothing is thrown, and what was understood reads back to the same.
//
// No file is read: --config names one that cannot be. Its text is config_fuzz's.
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/base/check.h"
#include "tests/fuzz/same_options.h"

namespace {

using namespace bus;

constexpr const char* kNoFile = "/nonexistent/busd.conf";

std::vector<std::string> arguments_of(std::string_view text) {
  constexpr std::string_view kConfig = "--config";
  std::vector<std::string> out;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string argument(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!out.empty() && out.back() == kConfig) argument = kNoFile;
    if (argument.starts_with("--config=")) argument = std::string("--config=") + kNoFile;
    out.push_back(std::move(argument));
  }
  return out;
}

// noexcept: whatever is thrown ends here.
void run(std::string_view text) noexcept {
  auto parsed = hub::parse_options(arguments_of(text));
  if (const auto* ending = std::get_if<hub::Ending>(&parsed)) {
    BUSD_CHECK(ending->text.empty() != ending->errors.empty());
    BUSD_CHECK(ending->code == hub::kExitDone || ending->code == hub::kExitUsage ||
               ending->code == hub::kExitConfig);
    return;
  }
  const auto& options = std::get<hub::Options>(parsed);
  BUSD_CHECK(options.config_file.empty());
  BUSD_CHECK(options.ready_fd == -1 || options.ready_fd >= 3);
  fuzz::check_file_reads_back(options);
  fuzz::check_arguments_read_back(options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  run({reinterpret_cast<const char*>(data), size});
  return 0;
}

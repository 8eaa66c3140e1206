#include "tests/bench/machine.h"

#include <cctype>
#include <cstdlib>
#include <string_view>
#include <sys/utsname.h>
#include <unistd.h>

#include "protocol/base/file.h"

namespace bus::bench {

namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

std::string cpu_model() {
  auto text = read_file("/proc/cpuinfo", kMaxFileBytes);
  if (!text) return "unknown cpu";
  size_t name = text->find("model name");
  size_t colon = name == std::string::npos ? name : text->find(": ", name);
  if (colon == std::string::npos) return "unknown cpu";
  return text->substr(colon + 2, text->find('\n', colon) - colon - 2);
}

// The first thing that looks like 7.0.15 or v2.9.
std::string version_in(std::string_view text) {
  auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (size_t at = 0; at < text.size(); ++at) {
    if (!is_digit(text[at])) continue;
    size_t end = at;
    while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) ++end;
    std::string_view found = text.substr(at, end - at);
    if (found.find('.') != std::string_view::npos && found.back() != '.') return std::string(found);
    at = end;
  }
  return "";
}

std::string version_of(const std::string& program, const std::string& directory) {
  auto process = ServerProcess::spawn(program, {"--version"}, directory);
  if (!process) return "";
  // Its end is what is waited for.
  static_cast<void>(process->await([&] { return !process->running(); }, seconds(5)));
  auto text = read_file(directory + "/output", kMaxFileBytes);
  return text ? version_in(*text) : "";
}

}  // namespace

std::string machine_description() {
  utsname kernel{};
  ::uname(&kernel);
  return cpu_model() + ", " + std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) + " cpus, " + kernel.sysname +
         " " + kernel.release;
}

bool is_installed(const std::string& program) {
  if (program.find('/') != std::string::npos) return ::access(program.c_str(), X_OK) == 0;
  const char* path = std::getenv("PATH");
  std::string_view left = path == nullptr ? "" : path;
  while (!left.empty()) {
    size_t end = left.find(':');
    std::string candidate = std::string(left.substr(0, end)) + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return true;
    left = end == std::string_view::npos ? "" : left.substr(end + 1);
  }
  return false;
}

std::string versions_of(const std::vector<std::unique_ptr<Contender>>& contenders, ScratchDir& scratch) {
  std::string out;
  for (const auto& contender : contenders) {
    if (contender->role() == Role::null_hub) continue;
    auto directory = scratch.fresh();
    std::string version = directory ? version_of(contender->program(), *directory) : "";
    if (!out.empty()) out += ", ";
    out += contender->name() + (version.empty() ? "" : " " + version);
  }
  return out;
}

}  // namespace bus::bench

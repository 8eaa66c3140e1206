#include "consumer/gocache/core/parent.h"

#include <algorithm>
#include <array>

namespace bus::gocache {

namespace {

constexpr size_t kMostBytes = 40;

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// The go command's own first words. Of these `list` alone prints paths of the cache.
constexpr std::array<std::string_view, 9> kKeepsPaths = {"build", "install", "run",      "test", "vet",
                                                         "clean", "get",     "generate", "tool"};

// The command behind "go": its first word, behind -C DIR.
std::string_view verb_of(const std::vector<std::string>& command_line) {
  size_t at = 1;
  if (at < command_line.size() && command_line[at].starts_with("-C"))
    at += command_line[at] == "-C" ? size_t{2} : size_t{1};
  return at < command_line.size() ? std::string_view(command_line[at]) : std::string_view();
}

bool is_go(const std::vector<std::string>& command_line) {
  return !command_line.empty() && base_name(command_line.front()) == "go";
}

}  // namespace

bool paths_may_escape(const std::vector<std::string>& command_line) {
  if (!is_go(command_line)) return true;
  std::string_view verb = verb_of(command_line);
  return std::find(kKeepsPaths.begin(), kKeepsPaths.end(), verb) == kKeepsPaths.end();
}

std::string short_name(const std::vector<std::string>& command_line) {
  if (command_line.empty()) return {};
  std::string out(base_name(command_line.front()));
  if (std::string_view verb = verb_of(command_line); is_go(command_line) && !verb.empty())
    out += " " + std::string(verb);
  if (out.size() > kMostBytes) out.resize(kMostBytes);
  return out;
}

}  // namespace bus::gocache

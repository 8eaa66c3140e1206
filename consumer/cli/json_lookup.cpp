#include "consumer/cli/json_lookup.h"

#include <charconv>
#include <cstddef>
#include <system_error>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

namespace bus::cli {

namespace {

// Iterative, as nested brackets must not take the stack; numbers as they are written, as no number type holds
// them all.
constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;

// "0", "17"; not "01", "-1", "1.0".
std::optional<size_t> index_of(const std::string& name) {
  size_t index = 0;
  auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), index);
  bool whole = fault == std::errc() && end == name.data() + name.size();
  bool canonical = name.size() == 1 || (!name.empty() && name.front() != '0');
  if (!whole || !canonical) return std::nullopt;
  return index;
}

bool is_of_number(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

// Whether the four digits behind "\\u" at `at` are those of a surrogate with one of these second digits.
bool is_surrogate(std::string_view json, size_t at, std::string_view second_digits) {
  return at + 6 <= json.size() && json[at] == '\\' && json[at + 1] == 'u' &&
         (json[at + 2] == 'd' || json[at + 2] == 'D') &&
         second_digits.find(json[at + 3]) != std::string_view::npos;
}

// JSON of the same length and places whose every value RapidJSON takes: half a surrogate pair becomes U+FFFD,
// and a long number, which may be too large for any type, a short one.
std::string tamed(std::string_view json) {
  std::string out(json);
  bool in_string = false;
  for (size_t at = 0; at < out.size();) {
    if (in_string) {
      if (is_surrogate(json, at, "89abAB") && is_surrogate(json, at + 6, "cdefCDEF")) {
        at += 12;
      } else if (is_surrogate(json, at, "89abcdefABCDEF")) {
        out.replace(at + 2, 4, "fffd");
        at += 6;
      } else {
        in_string = out[at] != '"';
        at += out[at] == '\\' ? size_t{2} : size_t{1};
      }
      continue;
    }
    size_t end = at;
    while (end < out.size() && is_of_number(out[end])) ++end;
    bool number = end > at && (out[at] == '-' || (out[at] >= '0' && out[at] <= '9'));
    if (number && end - at > 2) out.replace(at, end - at, "0." + std::string(end - at - 2, '1'));
    if (!number) in_string = out[at] == '"';
    at = number ? end : at + 1;
  }
  return out;
}

// Follows the path through the events of the reader. A container is on the path if the path leads through it:
// those are the outermost ones of the open containers, one for each name that has been matched, and the root.
class PathFinder {
 public:
  PathFinder(std::string_view json, const rapidjson::MemoryStream& stream, const JsonPath& path)
      : json_(json), stream_(stream), path_(path) {}

  std::optional<std::string> found() && { return std::move(found_); }

  bool Null() { return scalar("null"); }
  bool Bool(bool value) { return scalar(value ? "true" : "false"); }
  // Its own bytes, not those of the tamed text.
  bool RawNumber(const char*, rapidjson::SizeType length, bool) {
    return scalar(json_.substr(stream_.Tell() - length, length));
  }
  bool String(const char* text, rapidjson::SizeType length, bool) { return scalar({text, length}); }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    if (inside_path()) levels_.back().matches = std::string_view(text, length) == path_[levels_.size() - 1];
    return true;
  }
  bool StartObject() { return open(false); }
  bool StartArray() { return open(true); }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool EndArray(rapidjson::SizeType) { return close(); }
  // Numbers come as text; the reader wants these to exist.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }

 private:
  struct Level {
    std::optional<size_t> awaited;  // an array: the index that the path names; nothing if it names none
    bool array = false;
    size_t index = 0;
    bool matches = false;  // an object: whether the last key was the path's
  };

  // Whether the innermost open container is on the path, and the path goes on below it.
  bool inside_path() const {
    return depth_ == levels_.size() && !levels_.empty() && levels_.size() <= path_.size();
  }

  // Called for each value as it begins: whether the path leads to it.
  bool on_path() {
    if (depth_ == 0) return true;
    if (!inside_path()) return false;
    Level& level = levels_.back();
    bool here = level.array ? level.awaited == level.index : level.matches;
    if (level.array) ++level.index;
    // A second member of this name takes the place of the first.
    if (here) found_.reset();
    return here;
  }

  bool scalar(std::string_view text) {
    if (on_path() && levels_.size() == path_.size()) found_ = std::string(text);
    return true;
  }

  bool open(bool array) {
    bool here = on_path();
    if (here && levels_.size() == path_.size()) begin_ = stream_.Tell();
    if (here) {
      Level level;
      level.array = array;
      if (array && levels_.size() < path_.size()) level.awaited = index_of(path_[levels_.size()]);
      levels_.push_back(level);
    }
    ++depth_;
    return true;
  }

  bool close() {
    if (depth_ == levels_.size()) {
      levels_.pop_back();
      // Brackets are taken after the call that they make.
      if (levels_.size() == path_.size())
        found_ = std::string(json_.substr(begin_, stream_.Tell() + 1 - begin_));
    }
    --depth_;
    return true;
  }

  std::string_view json_;
  const rapidjson::MemoryStream& stream_;
  const JsonPath& path_;
  std::vector<Level> levels_;  // the open containers that are on the path
  size_t depth_ = 0;           // all open containers
  size_t begin_ = 0;
  std::optional<std::string> found_;
};

}  // namespace

std::optional<std::string> find_json(std::string_view json, const JsonPath& path) {
  std::string text = tamed(json);
  rapidjson::MemoryStream stream(text.data(), text.size());
  PathFinder finder(json, stream, path);
  rapidjson::Reader reader;
  if (reader.Parse<kFlags>(stream, finder).IsError()) return std::nullopt;
  return std::move(finder).found();
}

std::string string_text(std::string_view token) { return find_json(token, {}).value_or(std::string()); }

}  // namespace bus::cli

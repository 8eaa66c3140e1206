#include "protocol/raw_json.h"

#include <algorithm>
#include <cstring>
#include <new>

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "protocol/base/check.h"
#include "protocol/base/strings.h"

namespace bus {

namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr size_t kTokenBytesShown = 40;

// A text may have 200 000 children; what so rare a one made us hold is not kept for the next.
constexpr size_t kChildrenKept = 4096;

// Hears RapidJSON and notes where the root's children stand. Offsets come from the stream, views are made of
// `text`.
class Collector {
 public:
  Collector(std::string_view text, const rapidjson::MemoryStream& stream, size_t max_depth,
            std::vector<Member>& children)
      : text_(text), stream_(stream), max_depth_(max_depth), children_(children) {}

  bool Null() { return scalar(); }
  bool Bool(bool) { return scalar(); }
  bool Int(int) { return scalar(); }
  bool Uint(unsigned) { return scalar(); }
  bool Int64(int64_t) { return scalar(); }
  bool Uint64(uint64_t) { return scalar(); }
  bool Double(double) { return scalar(); }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return scalar(); }
  bool String(const char*, rapidjson::SizeType, bool) { return scalar(); }
  bool Key(const char*, rapidjson::SizeType, bool) {
    if (depth_ != 1) return true;
    size_t start = token_after(done_);
    done_ = stream_.Tell();
    name_ = text_.substr(start, done_ - start);
    return true;
  }
  bool StartObject() { return open(); }
  bool StartArray() { return open(); }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool EndArray(rapidjson::SizeType) { return close(); }

 private:
  // RapidJSON has checked what stands between two tokens, so it need not be told apart here.
  size_t token_after(size_t at) const {
    while (kSpace.find(text_[at]) != std::string_view::npos || text_[at] == ',' || text_[at] == ':') ++at;
    return at;
  }

  bool scalar() {
    if (depth_ == 1) add_child(stream_.Tell());
    return true;
  }

  // Called before the bracket is taken from the stream, as is close().
  bool open() {
    if (++depth_ > max_depth_) return false;
    if (depth_ == 1) done_ = stream_.Tell() + 1;
    return true;
  }

  bool close() {
    if (--depth_ == 1) add_child(stream_.Tell() + 1);
    return true;
  }

  void add_child(size_t end) {
    size_t start = token_after(done_);
    done_ = end;
    children_.push_back({name_, text_.substr(start, end - start)});
  }

  std::string_view text_;
  const rapidjson::MemoryStream& stream_;
  size_t max_depth_;
  std::vector<Member>& children_;
  std::string_view name_;
  size_t depth_ = 0;
  size_t done_ = 0;  // end of the last token that was taken at the root's own level
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// Takes digits from the front of `text`; how many.
size_t take_digits(std::string_view& text) {
  size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  text.remove_prefix(count);
  return count;
}

// RFC 8259, section 6.
bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  bool zero_first = text.starts_with('0');
  size_t whole = take_digits(text);
  if (whole == 0 || (zero_first && whole > 1)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (take_digits(text) == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (take_digits(text) == 0) return false;
  }
  return text.empty();
}

// Whether a number with an exponent of -100 000 000 or less may stand in `text`. RapidJSON 1.1.0 adds the
// count of fraction digits to such an exponent, which overflows to a positive one, and reads its table of
// powers far beyond the end.
bool may_overflow_exponent(std::string_view text) {
  constexpr size_t harmless_digits = 8;
  for (size_t at = text.find('-'); at != std::string_view::npos; at = text.find('-', at + 1)) {
    if (at == 0 || (text[at - 1] != 'e' && text[at - 1] != 'E')) continue;
    std::string_view rest = text.substr(at + 1);
    if (take_digits(rest) > harmless_digits) return true;
  }
  return false;
}

// Blanks the surrogates among the escapes of the string that begins at `at`; returns where it ends.
size_t make_string_harmless(std::string& text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] != '\\') continue;
    ++at;
    if (at + 4 >= text.size() || text[at] != 'u' || (text[at + 1] != 'd' && text[at + 1] != 'D')) continue;
    bool surrogate = is_hex(text[at + 2]) && !(text[at + 2] >= '0' && text[at + 2] <= '7');
    if (surrogate && is_hex(text[at + 3]) && is_hex(text[at + 4])) text.replace(at + 1, 4, "0020");
  }
  return at;
}

// Overwrites what RFC 8259 allows and RapidJSON refuses, numbers beyond the range of double and halves of
// surrogate pairs, by something of the same size that both allow. Returns where a number stands that is none,
// or npos.
size_t make_harmless(std::string& text) {
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') {
      at = make_string_harmless(text, at);
    } else if (text[at] == '-' || is_digit(text[at])) {
      size_t end = std::min(text.find_first_not_of("0123456789+-.eE", at), text.size());
      size_t size = end - at;
      if (!is_number(std::string_view(text).substr(at, size))) return at;
      if (size >= 3) text.replace(at, size, "0." + std::string(size - 2, '0'));
      at = end - 1;
    }
  }
  return std::string::npos;
}

std::string fault_at(size_t offset, std::string_view reason) {
  while (reason.ends_with('.')) reason.remove_suffix(1);
  return "not JSON at byte " + std::to_string(offset + 1) + ": " + std::string(reason);
}

std::string_view trim(std::string_view text) {
  size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

}  // namespace

namespace {

// RapidJSON does not look at what malloc() answers; `new` ends the program, or throws, before it could.
class CheckedAllocator {
 public:
  [[maybe_unused]] static constexpr bool kNeedFree = true;  // RapidJSON's concept of an allocator
  void* Malloc(size_t size) { return size == 0 ? nullptr : ::operator new(size); }
  void* Realloc(void* old, size_t old_size, size_t size) {
    void* fresh = Malloc(size);
    if (old != nullptr && fresh != nullptr) std::memcpy(fresh, old, std::min(old_size, size));
    Free(old);
    return fresh;
  }
  static void Free(void* memory) { ::operator delete(memory); }
};

}  // namespace

class RawJson::Reader {
 public:
  // Parses `bytes`; `children` are views into `text`, which has the same size and structure.
  rapidjson::ParseResult parse(std::string_view bytes, std::string_view text, size_t max_depth,
                               std::vector<Member>& children) {
    // Not full precision: that flag crashes RapidJSON 1.1.0 on "0." with 400 zeros and a 1.
    constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
    children.clear();
    if (children.capacity() > kChildrenKept) children.shrink_to_fit();
    rapidjson::MemoryStream stream(bytes.data(), bytes.size());
    Collector collector(text, stream, max_depth, children);
    return sax_.Parse<flags>(stream, collector);
  }

 private:
  rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, CheckedAllocator> sax_;
};

RawJson::RawJson() : reader_(std::make_unique<Reader>()) {}
RawJson::~RawJson() = default;
RawJson::RawJson(RawJson&&) noexcept = default;
RawJson& RawJson::operator=(RawJson&&) noexcept = default;

std::optional<std::string> RawJson::scan(std::string_view text, size_t max_depth) {
  value_ = trim(text);
  // RapidJSON takes a NUL for the end of the text.
  size_t nul = text.find('\0');
  if (nul != std::string_view::npos) return fault_at(nul, "a NUL byte");
  if (may_overflow_exponent(text)) return scan_harmless_copy(text, max_depth);

  rapidjson::ParseResult result = reader_->parse(text, text, max_depth, children_);
  switch (result.Code()) {
    case rapidjson::kParseErrorNone:
      return std::nullopt;
    case rapidjson::kParseErrorNumberTooBig:
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
      return scan_harmless_copy(text, max_depth);
    case rapidjson::kParseErrorTermination:
      return fault_at(result.Offset(), "nested deeper than " + std::to_string(max_depth) + " levels");
    default:
      return fault_at(result.Offset(), rapidjson::GetParseError_En(result.Code()));
  }
}

// The rare second look, once per text: a copy without the oddities has the same verdict and offsets.
std::optional<std::string> RawJson::scan_harmless_copy(std::string_view text, size_t max_depth) {
  std::string copy(text);
  size_t bad_number = make_harmless(copy);
  if (bad_number != std::string::npos) return fault_at(bad_number, "Invalid number");
  rapidjson::ParseResult result = reader_->parse(copy, text, max_depth, children_);
  if (!result.IsError()) return std::nullopt;
  if (result.Code() == rapidjson::kParseErrorTermination) {
    return fault_at(result.Offset(), "nested deeper than " + std::to_string(max_depth) + " levels");
  }
  return fault_at(result.Offset(), rapidjson::GetParseError_En(result.Code()));
}

std::string kind_fault(std::string_view name, std::string_view wanted, std::string_view token) {
  std::string fault = std::string(name) + " must be " + std::string(wanted) + ", not ";
  switch (kind_of(token)) {
    case JsonKind::array:
      return fault + "an array";
    case JsonKind::object:
      return fault + "an object";
    case JsonKind::string:
      return fault + "a string";
    default:
      return fault + std::string(token.substr(0, kTokenBytesShown)) +
             (token.size() > kTokenBytesShown ? "…" : "");
  }
}

std::optional<std::string> json_fault(std::string_view text) { return RawJson().scan(text, kMaxDepth - 1); }

}  // namespace bus

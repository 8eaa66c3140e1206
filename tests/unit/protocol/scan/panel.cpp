#include "tests/unit/protocol/scan/panel.h"

#include "tests/fuzz/json_oracle.h"

namespace bus::test {

namespace {

bool is_bare_object(std::string_view text) { return text.starts_with('{') && text.ends_with('}'); }

// Texts are shown whole when they are short, and always with what cannot be printed as a number.
std::string shown(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr size_t kMost = 600;
  std::string out;
  for (char c : text.substr(0, kMost)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      out += c;
    } else {
      out.append("<").append(1, kHex[byte >> 4U]).append(1, kHex[byte & 15U]).append(">");
    }
  }
  return out + (text.size() > kMost ? "…" : "");
}

}  // namespace

std::string Panel::complaint(std::string_view text, bool valid) {
  std::string wrong;
  if ((is_bare_object(text) && fuzz::JsonOracle::accepts(text, kMaxDepth)) != valid) wrong += "oracle ";
  if ((is_bare_object(text) && !judge_.scan(text)) != valid) wrong += "RawJson ";
  for (const scan::Body& body : bodies_) wrong += unlike(body, text, valid);
  if (wrong.empty()) return {};
  return wrong + "should " + (valid ? "accept " : "refuse ") + shown(text);
}

std::string Panel::complaint(std::string_view text) {
  return complaint(text, is_bare_object(text) && fuzz::JsonOracle::accepts(text, kMaxDepth));
}

std::string Panel::unlike(const scan::Body& body, std::string_view text, bool valid) {
  if (body.scan(text.data(), text.size(), 0, marks_) != valid) return std::string(body.name) + " ";
  if (text.starts_with('{') && !goes_on_alike(body, text))
    return std::string(body.name) + " behind what is known ";
  if (!valid) return {};
  std::vector<size_t> found;
  for (size_t i = 0; i < marks_.size(); ++i) found.push_back(marks_[i]);
  return found == children_marks(text) ? "" : std::string(body.name) + "'s marks ";
}

// Whether a known member before those of `text` changes neither the verdict nor the other marks.
bool Panel::goes_on_alike(const scan::Body& body, std::string_view text) {
  std::string_view known = R"({"k":0,)";
  std::string longer = std::string(known) + std::string(text.substr(1));
  scan::Marks whole;
  scan::Marks rest;
  bool valid = body.scan(longer.data(), longer.size(), 0, whole);
  if (body.scan(longer.data(), longer.size(), known.size(), rest) != valid) return false;
  if (!valid) return true;
  if (rest.size() + 2 != whole.size()) return false;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] != whole[i + 2]) return false;
  }
  return true;
}

std::vector<size_t> Panel::children_marks(std::string_view text) const {
  std::vector<size_t> out;
  size_t end = 0;  // of the value before
  auto end_of = [&](std::string_view token) {
    return static_cast<size_t>(token.data() - text.data()) + token.size();
  };
  for (const Member& child : judge_.children()) {
    if (!out.empty()) out.push_back(text.find(',', end));
    out.push_back(text.find(':', end_of(child.name_token)));
    end = end_of(child.value_token);
  }
  return out;
}

}  // namespace bus::test

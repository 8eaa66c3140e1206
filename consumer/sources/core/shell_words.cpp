#include "consumer/sources/core/shell_words.h"

#include <optional>

namespace bus::sources {

namespace {

class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  Result<std::vector<std::string>> read() {
    while (at_ < text_.size()) {
      char c = text_[at_++];
      if (is_blank(c)) {
        end_word();
      } else if (c == '#' && !word_) {
        break;
      } else {
        BUSD_TRY(take(c));
      }
    }
    end_word();
    return std::move(words_);
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

  void end_word() {
    if (word_) words_.push_back(std::move(*word_));
    word_.reset();
  }

  // One character outside of quotes, or what a quote begins.
  Result<void> take(char c) {
    if (!word_) word_.emplace();
    if (c == '\'') return take_single();
    if (c == '"') return take_double();
    if (std::string_view("|&;<>()`").find(c) != std::string_view::npos) {
      return Error{
          Errc::invalid,
          std::string(1, c) +
              " means something to a shell, and none runs here: put it in quotes, or write sh -c '…'"};
    }
    if (c == '\\') {
      if (at_ == text_.size())
        return Error{Errc::invalid, "a backslash ends the line: a command stands on one line"};
      c = text_[at_++];
    }
    *word_ += c;
    return {};
  }

  Result<void> take_single() {
    size_t end = text_.find('\'', at_);
    if (end == std::string_view::npos) return not_closed('\'');
    *word_ += text_.substr(at_, end - at_);
    at_ = end + 1;
    return {};
  }

  Result<void> take_double() {
    while (at_ < text_.size()) {
      char c = text_[at_++];
      if (c == '"') return {};
      bool escapes = c == '\\' && at_ < text_.size() &&
                     std::string_view("\"\\$`").find(text_[at_]) != std::string_view::npos;
      *word_ += escapes ? text_[at_++] : c;
    }
    return not_closed('"');
  }

  static Error not_closed(char quote) {
    return Error{Errc::invalid, std::string("the quote ") + quote + " is not closed"};
  }

  std::string_view text_;
  size_t at_ = 0;
  std::optional<std::string> word_;  // the one that was begun
  std::vector<std::string> words_;
};

}  // namespace

Result<std::vector<std::string>> shell_words(std::string_view text) { return Words(text).read(); }

}  // namespace bus::sources

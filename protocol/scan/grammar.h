// The method: JSON's grammar as arithmetic on bit masks, 64 bytes at a time.
//
// Take 64 bytes of text and ask of each "is it a quote?". The 64 answers fit one 64-bit word, bit i for byte
// i. A processor with wide registers makes such a word in a few instructions; that is all that a Block does
// (block_portable.h tells what it offers). Everything below works on these words and is the same on every
// machine: one `&` decides something for 64 bytes at once, and nothing depends on what the bytes are, so the
// processor has no branch to guess wrong. The idea is known as parallel bit streams (Cameron, "Parabix",
// 2008); marking strings by a prefix XOR of the quotes is from simdjson (Langdale and Lemire, "Parsing
// gigabytes of JSON per second", 2019).
//
//     text     {"a":[1,-20],"b":"x"}
//     quote    01 1          1 1 1 1
//     inside   01            1   1       from an opening quote to before the closing one
//     open     1    1
//     scalar          1 111              outside strings, and neither space nor {}[]:,
//
// Three tools do almost all the work.
//
//   Next.    `x << 1` marks the bytes behind those in x. What leaves at the top enters the next block at the
//            bottom: that bit is kept (Shift).
//   Through. Adding 1 to a row of ones makes it zeros with a one behind it. So `starts + run` carries each
//            mark in `starts` to the first byte behind the run of ones it stands at: behind digits, behind
//            spaces, behind a string. The addition's own carry goes on into the next block (Through).
//   Left over. Each rule names the bytes it allows; a byte that should be covered and is not is an error.
//            Errors are ORed into one word and looked at once per block.
//
// What must hold, in the order of the code:
//
//   strings  Quotes that are not escaped open and close strings. No control characters inside, and only the
//            escapes that JSON has. Backslashes are rare: they are walked one by one.
//   UTF-8    Each lead byte is followed by as many continuation bytes as it says, and no others stand there;
//            four lead bytes narrow what may follow (The Unicode Standard, table 3-7).
//   scalars  A run of scalar bytes begins with a letter, and is then true, false or null (walked one by one),
//            or is a number. Of a number it is enough to say what may stand beside what, that its first digit
//            is no zero with a digit behind it, and, by a Through from each dot and each e, that no dot
//            follows behind a dot's digits, and neither dot nor e behind an e's.
//   order    Behind every token stands exactly one next token, so it is enough to say which pairs may be: no
//            value behind a value, a comma only behind a value, a colon only behind a string that follows {
//            or a comma, a closing bracket only behind a value or an opening one.
//   nesting  What is left needs to know whether the innermost bracket is { or [. A colon and } need {; these
//            need [: the other closing bracket, a string behind { or a comma that no colon follows, and any
//            other value behind { or a comma. Only brackets change the answer, so they are walked one by one
//            with a stack, which makes a mask of the bytes that are innermost in {; that settles all of the
//            block at once.
#pragma once

#include <cstdint>
#include <cstring>

#include "protocol/scan/scan.h"

namespace bus::scan {

inline constexpr size_t kBlockBytes = 64;

// This header is compiled several times, for several processors, and the linker keeps one copy of an inline
// function that is in many files. So all of it depends on Block, and it calls no inline function of anybody
// else's.
template <class Block>
class ObjectScan {
 public:
  ObjectScan(const char* text, size_t size, size_t known, Marks& marks)
      : text_(text), size_(size), marks_(marks), at_(known) {
    stack_[0] = 0;
    if (known == 0) return;
    // Behind a comma of the object itself nothing else goes on.
    depth_ = 1;
    stack_[1] = ~uint64_t{0};
    after_comma_.begin();
  }

  bool run() {
    // The rules of order look at what stands behind a token; before the first there is none.
    if (size_ < 2 || text_[0] != '{') return false;
    marks_.clear();
    char padded[kBlockBytes];
    for (; at_ < size_; at_ += kBlockBytes) {
      const char* bytes = text_ + at_;
      size_t left = size_ - at_;
      if (left < kBlockBytes) {
        std::memset(padded, ' ', sizeof padded);
        std::memcpy(padded, bytes, left);
        bytes = padded;
      }
      if (!take(Block(bytes))) return false;
    }
    return ended_;
  }

 private:
  // `x << n` across blocks.
  template <unsigned n>
  class Shift {
   public:
    uint64_t operator()(uint64_t x) {
      uint64_t out = (x << n) | carry_;
      carry_ = x >> (64 - n);
      return out;
    }
    uint64_t pending() const { return carry_; }
    // As if the last byte before the first block had been in x.
    void begin() { carry_ = 1; }

   private:
    uint64_t carry_ = 0;
  };
  using Next = Shift<1>;

  // For each mark in `starts`: the first byte from there on that is not in `run`. A mark stands at the first
  // byte of a run or outside of runs, never in the middle of one.
  class Through {
   public:
    uint64_t operator()(uint64_t starts, uint64_t run) {
      uint64_t sum = 0;
      bool over = __builtin_add_overflow(starts | carry_, run, &sum);
      carry_ = over ? 1 : 0;
      return sum & ~run;
    }

   private:
    uint64_t carry_ = 0;
  };

  // The bytes outside strings, by what they are.
  struct Tokens {
    uint64_t open = 0;  // { or [
    uint64_t close_object = 0;
    uint64_t close_array = 0;
    uint64_t colon = 0;
    uint64_t comma = 0;
    uint64_t string_begin = 0;  // the opening quote
    uint64_t string_end = 0;    // the closing quote
    uint64_t inside = 0;        // strings, their opening quotes included
    uint64_t scalar_begin = 0;
    uint64_t after_scalar = 0;
    uint64_t space = 0;
  };
  // Bytes whose innermost bracket has to be of one kind.
  struct Needs {
    uint64_t object = 0;
    uint64_t array = 0;
  };

  // One block; false when it holds an error.
  [[gnu::always_inline]] bool take(const Block& block) {
    uint64_t quote = block.eq('"');
    uint64_t backslash = block.eq('\\');
    uint64_t high = block.at_least(0x80);
    if ((backslash | escape_pending_) != 0) quote &= ~escaped(backslash);
    if ((high | utf8_pending()) != 0) check_utf8(block, high);
    uint64_t inside = Block::prefix_xor(quote) ^ in_string_;
    in_string_ = 0 - (inside >> 63);
    uint64_t blank = block.eq(' ');
    uint64_t control = ~block.at_least(0x20);
    if ((~inside | quote) == 0) {
      // In the middle of a string, and nothing of the outside goes on.
      return (error_ | control) == 0;
    }
    Tokens tokens;
    tokens.inside = inside;
    tokens.string_begin = quote & inside;
    tokens.string_end = quote & ~inside;
    uint64_t outside = ~(inside | quote);
    tokens.open = block.eq_with_0x20('{') & outside;
    tokens.close_object = block.eq('}') & outside;
    tokens.close_array = block.eq(']') & outside;
    tokens.colon = block.eq(':') & outside;
    tokens.comma = block.eq(',') & outside;
    tokens.space = blank & outside;
    if (control != 0) {
      error_ |= control & inside;
      tokens.space |= (block.eq('\t') | block.eq('\r') | block.eq('\n')) & outside;
    }
    uint64_t scalar = outside & ~(tokens.open | tokens.close_object | tokens.close_array | tokens.colon |
                                  tokens.comma | tokens.space);
    if ((scalar | after_scalar_.pending()) != 0) check_scalars(block, scalar, tokens);
    Needs needs = check_order(tokens);
    return walk_brackets(tokens, needs);
  }

  // The bytes that a backslash before them escapes.
  uint64_t escaped(uint64_t backslash) {
    uint64_t out = escape_pending_;
    backslash &= ~escape_pending_;
    escape_pending_ = 0;
    while (backslash != 0) {
      unsigned bit = lowest(backslash);
      if (!is_escape(at_ + bit + 1)) error_ = 1;
      backslash &= backslash - 1;
      if (bit == 63) escape_pending_ = 1;
      uint64_t behind = uint64_t{2} << bit;
      out |= behind;
      backslash &= ~behind;
    }
    return out;
  }

  static unsigned lowest(uint64_t x) { return static_cast<unsigned>(__builtin_ctzll(x)); }

  // Whether one of the escapes stands behind a backslash, at `at`. The digits of \u are looked at here and
  // then taken as any character.
  bool is_escape(size_t at) const {
    if (at >= size_) return false;
    switch (text_[at]) {
      case '"':
      case '\\':
      case '/':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't':
        return true;
      case 'u':
        return size_ - at > 4 && is_hex(text_[at + 1]) && is_hex(text_[at + 2]) && is_hex(text_[at + 3]) &&
               is_hex(text_[at + 4]);
      default:
        return false;
    }
  }
  static bool is_hex(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

  uint64_t utf8_pending() const {
    return second_.pending() | third_.pending() | fourth_.pending();  // the narrow ones are among the second
  }

  void check_utf8(const Block& block, uint64_t high) {
    uint64_t from_c0 = block.at_least(0xC0);
    uint64_t from_c2 = block.at_least(0xC2);
    uint64_t from_f5 = block.at_least(0xF5);
    error_ |= (from_c0 & ~from_c2) | from_f5;  // never a lead byte
    uint64_t wanted = second_(from_c2) | third_(block.at_least(0xE0)) | fourth_(block.at_least(0xF0));
    error_ |= wanted ^ (high & ~from_c0);  // continuation bytes there, and only there
    uint64_t from_90 = block.at_least(0x90);
    uint64_t from_a0 = block.at_least(0xA0);
    error_ |= after_e0_(block.eq('\xE0')) & ~from_a0;  // else shorter than it needs to be
    error_ |= after_ed_(block.eq('\xED')) & from_a0;   // else a surrogate
    error_ |= after_f0_(block.eq('\xF0')) & ~from_90;  // else shorter than it needs to be
    error_ |= after_f4_(block.eq('\xF4')) & from_90;   // else beyond U+10FFFF
  }

  void check_scalars(const Block& block, uint64_t scalar, Tokens& tokens) {
    uint64_t after = after_scalar_(scalar);
    tokens.scalar_begin = scalar & ~after;
    tokens.after_scalar = after & ~scalar;
    uint64_t digit = block.digits() & scalar;
    uint64_t minus = block.eq('-') & scalar;
    uint64_t literal = literals(tokens.scalar_begin & ~(digit | minus));
    check_numbers(block, scalar & ~literal, tokens.scalar_begin, digit, minus);
  }

  // The bytes of the literals that begin at `begins`.
  uint64_t literals(uint64_t begins) {
    uint64_t out = literal_pending_;
    literal_pending_ = 0;
    for (; begins != 0; begins &= begins - 1) {
      unsigned bit = lowest(begins);
      uint64_t bytes = literal_at(at_ + bit);
      out |= bytes << bit;
      literal_pending_ |= bytes >> 1U >> (63 - bit);  // >> (64 - bit), which may be 64
    }
    return out;
  }

  // As many ones as the literal that begins at `at` has letters; letters that are left over are an error.
  uint64_t literal_at(size_t at) {
    const char* bytes = text_ + at;
    if (size_ - at < 5) return 0;  // a literal is followed by the last bracket at least
    if (bytes[0] == 'f') {
      error_ |= word(bytes + 1) ^ word("alse");
      return 0x1F;
    }
    // The product is zero when one of its factors is, and asks without a branch: which of the two it is
    // cannot be foreseen.
    error_ |= (word(bytes) ^ word("true")) * (word(bytes) ^ word("null"));
    return 0xF;
  }
  // Four letters as a number.
  static uint64_t word(const char* letters) {
    uint32_t out = 0;
    std::memcpy(&out, letters, sizeof out);
    return out;
  }

  void check_numbers(const Block& block, uint64_t bytes, uint64_t begins, uint64_t digit, uint64_t minus) {
    uint64_t negative = begins & minus;
    uint64_t sign = (minus | block.eq('+')) & bytes;
    uint64_t dot = block.eq('.') & bytes;
    uint64_t e = block.eq_with_0x20('e') & bytes;
    error_ |= bytes & ~(digit | sign | dot | e);

    // Each beside what it may stand beside.
    uint64_t after_digit = after_digit_(digit);
    uint64_t after_sign = after_sign_(sign);
    uint64_t after_dot = after_dot_(dot);
    uint64_t after_e = after_e_(e);
    error_ |= digit & ~(begins | after_digit | after_sign | after_dot | after_e);
    error_ |= sign & ~(negative | after_e);
    error_ |= (dot | e) & ~after_digit;
    error_ |= (after_sign | after_dot) & ~digit;
    error_ |= after_e & ~(digit | sign);

    // What none of these pairs shows.
    uint64_t zero_first = (begins | after_minus_(negative)) & block.eq('0');
    error_ |= after_zero_(zero_first) & digit;
    error_ |= through_fraction_(after_dot, digit) & dot;
    error_ |= through_exponent_(after_e, digit | sign) & (dot | e);
  }

  Needs check_order(const Tokens& t) {
    uint64_t value_begin = t.string_begin | t.scalar_begin | t.open;
    uint64_t close = t.close_object | t.close_array;
    // Next tokens: behind a value, behind { or [, behind a comma.
    uint64_t after_value = after_value_(close | t.string_end) | t.after_scalar;
    uint64_t after_open = after_open_(t.open);
    uint64_t after_comma = after_comma_(t.comma);
    if ((t.space | space_pending_) != 0) {
      after_value = value_to_token_(after_value, t.space);
      after_open = open_to_token_(after_open, t.space);
      after_comma = comma_to_token_(after_comma, t.space);
    }
    uint64_t first = after_open | after_comma;
    // Strings that may be names, and what follows them.
    uint64_t name_end = through_name_(first & t.string_begin, t.inside);
    uint64_t after_name = after_name_(name_end);
    if ((t.space | space_pending_) != 0) after_name = name_to_token_(after_name, t.space);
    space_pending_ = t.space >> 63;
    error_ |= value_begin & after_value;
    error_ |= t.comma & ~after_value;
    error_ |= t.colon & ~after_name;
    error_ |= close & ~(after_value | after_open);
    return {t.colon | t.close_object,
            t.close_array | (after_name & ~t.colon) | (first & (t.scalar_begin | t.open))};
  }

  // Walks the brackets to know which one is innermost, settles `needs` by that, and marks what is on the
  // first level. False when there is an error in the block.
  bool walk_brackets(const Tokens& t, const Needs& needs) {
    if (marks_.room() < kBlockBytes) marks_.grow();
    uint64_t mark = t.colon | t.comma;
    size_t depth = depth_;
    uint64_t object = stack_[depth];  // all ones when the innermost bracket is {
    uint64_t in_object = object;
    uint64_t ahead = ~uint64_t{0};  // from behind the last bracket on
    for (uint64_t rest = t.open | t.close_object | t.close_array; rest != 0; rest &= rest - 1) {
      uint64_t up_to_bracket = rest ^ (rest - 1);
      if (depth == 1) add_marks(mark & ahead & up_to_bracket);
      ahead = ~up_to_bracket;
      size_t at = at_ + lowest(rest);
      unsigned byte = static_cast<unsigned char>(text_[at]);
      // { has the bit 0x20 and [ has not; { and [ have 0x02, } and ] have not. What a closing one puts there
      // is above the top.
      stack_[depth + 1] = 0 - uint64_t{(byte >> 5U) & 1U};
      depth += size_t{byte & 2U} - 1;
      in_object ^= ahead & (object ^ stack_[depth]);
      object = stack_[depth];
      if (depth - 1 >= kMaxLevels) {  // 0, or too many
        ended_ = depth == 0 && at + 1 == size_ && settle(needs, in_object);
        return ended_;
      }
    }
    if (depth == 1) add_marks(mark & ahead);
    depth_ = depth;
    return settle(needs, in_object);
  }

  // Whether the block is without error, where `in_object` are the bytes that are innermost in {.
  bool settle(const Needs& needs, uint64_t in_object) const {
    return (error_ | (needs.object & ~in_object) | (needs.array & in_object)) == 0;
  }

  void add_marks(uint64_t which) {
    for (; which != 0; which &= which - 1) marks_.add(at_ + lowest(which));
  }

  const char* text_;
  size_t size_;
  Marks& marks_;
  size_t at_;           // of the block
  uint64_t error_ = 0;  // of what was looked at so far: some bits, or one for all
  bool ended_ = false;  // the object was closed by the last byte

  // What goes on from block to block.
  uint64_t in_string_ = 0;       // all ones inside a string
  uint64_t escape_pending_ = 0;  // 1 when the first byte is escaped
  uint64_t literal_pending_ = 0;
  Shift<1> second_;
  Shift<2> third_;
  Shift<3> fourth_;
  Next after_e0_, after_ed_, after_f0_, after_f4_;
  Next after_scalar_, after_digit_, after_sign_, after_dot_, after_e_, after_minus_, after_zero_;
  Through through_fraction_, through_exponent_;
  Next after_value_, after_open_, after_comma_, after_name_;
  uint64_t space_pending_ = 0;  // 1 when spaces may go on
  Through value_to_token_, open_to_token_, comma_to_token_, name_to_token_, through_name_;

  uint64_t depth_ = 0;
  uint64_t stack_[kMaxLevels + 2];  // of the open brackets, from 1 on: all ones for {, zero for [
};

template <class Block>
bool scan_object(const char* object, size_t size, size_t known, Marks& marks) {
  return ObjectScan<Block>(object, size, known, marks).run();
}

}  // namespace bus::scan

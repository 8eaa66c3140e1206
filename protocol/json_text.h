// JSON strings: what a checked token stands for, and text written as a token.
//
// Checks nothing: raw_json.h has done that for every token that comes here.
#pragma once

#include <string>
#include <string_view>

namespace bus {

// Appends the text that the JSON string token `token` (with its quotes, already checked) stands for. Half of
// a surrogate pair, which RFC 8259 allows as an escape, stands for no text: it becomes U+FFFD, and the answer
// is false.
bool append_decoded(std::string& out, std::string_view token);

// The text that `token` stands for; U+FFFD for halves of surrogate pairs.
std::string decode_json_string(std::string_view token);

// Whether the string token `token` stands for `text`.
bool token_is(std::string_view token, std::string_view text);

// Appends `text` as a JSON string token with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// How many bytes that would append.
size_t json_string_bytes(std::string_view text);

}  // namespace bus

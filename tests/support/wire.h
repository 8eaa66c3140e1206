// Lines of the hub that many tests compare byte for byte: spelled out here, and nowhere else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bus::test {

// What the hub says that it can do, in its order.
inline const std::vector<std::string> kCapabilities = {"patterns", "calls", "interest", "values"};
// The same as a member's value, and with `announced` names behind it.
inline std::string capabilities_token(const std::vector<std::string>& announced = {}) {
  std::string token = "[";
  for (const std::vector<std::string>* names : {&kCapabilities, &announced}) {
    for (const std::string& name : *names) token += (token.size() == 1 ? "\"" : ",\"") + name + "\"";
  }
  return token + "]";
}

inline std::string ack_line(bool first, const std::vector<std::string>& announced = {}) {
  return R"({"type":"hello_ack","bus_version":"v1","first_for_key":)" +
         std::string(first ? "true" : "false") + R"(,"capabilities":)" + capabilities_token(announced) + "}";
}
inline std::string rejection_line(std::string_view reason) {
  return R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"rejected":true,"reject_reason":")" +
         std::string(reason) + R"(","capabilities":)" + capabilities_token() + "}";
}

inline const std::string kFirst = ack_line(true);
inline const std::string kNotFirst = ack_line(false);

}  // namespace bus::test

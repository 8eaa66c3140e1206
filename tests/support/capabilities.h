// The capabilities of the hub itself, as the tests that know its answers byte for byte expect them.
#pragma once

#include <string>

namespace bus::test {

inline const std::string kOwnCapabilities = R"("patterns","interest")";
// The last member of a hello_ack, and its end.
inline const std::string kCapabilitiesEnd = R"("capabilities":[)" + kOwnCapabilities + "]}";
inline const std::string kFirst =
    R"({"type":"hello_ack","bus_version":"v1","first_for_key":true,)" + kCapabilitiesEnd;
inline const std::string kNotFirst =
    R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,)" + kCapabilitiesEnd;

}  // namespace bus::test

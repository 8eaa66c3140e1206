#include "protocol/messages/hello.h"

namespace bus {

const char* name_of(Role role) { return role == Role::source ? "source" : "consumer"; }

bool read_name(std::string_view name, Role& role) {
  role = name == name_of(Role::source) ? Role::source : Role::consumer;
  return name == name_of(role);
}

}  // namespace bus

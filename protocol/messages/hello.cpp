#include "protocol/messages/hello.h"

namespace bus {

const char* name_of(Role role) {
  switch (role) {
    case Role::consumer:
      return "consumer";
    case Role::source:
      return "source";
    case Role::client:
      return "client";
  }
  return "unknown";
}

bool read_name(std::string_view name, Role& role) {
  for (Role known : {Role::consumer, Role::source, Role::client}) {
    role = known;
    if (name == name_of(known)) return true;
  }
  return false;
}

}  // namespace bus

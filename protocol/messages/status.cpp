#include "protocol/messages/status.h"

namespace bus {

const char* name_of(StatusFormat format) {
  return format == StatusFormat::prometheus ? "prometheus" : "json";
}

bool read_name(std::string_view name, StatusFormat& format) {
  format = name == name_of(StatusFormat::prometheus) ? StatusFormat::prometheus : StatusFormat::json;
  return name == name_of(format);
}

}  // namespace bus

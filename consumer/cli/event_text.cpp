#include "consumer/cli/event_text.h"

#include <utility>

namespace bus::cli {

EventText::EventText(const EventTextOptions& options, std::string key, bool to_terminal)
    : payload_only_(options.payload_only),
      timestamps_(options.timestamps),
      to_terminal_(to_terminal),
      key_(std::move(key)) {
  std::string fault;
  if (!options.format.empty()) template_ = EventTemplate::parse(options.format, fault);
}

std::string_view EventText::of(const busd::Event& event, int64_t received_ms) {
  if (payload_only_) return event.payload();
  if (!timestamps_ && !template_) return event.frame();
  scratch_.clear();
  if (template_) {
    template_->append(scratch_, event, received_ms, key_, to_terminal_);
  } else {
    append_with_received(scratch_, event.frame(), received_ms);
  }
  return scratch_;
}

void append_with_received(std::string& out, std::string_view object, int64_t received_ms) {
  out += object.substr(0, object.rfind('}'));
  out += R"(,"received":)";
  out += std::to_string(received_ms);
  out += '}';
}

}  // namespace bus::cli

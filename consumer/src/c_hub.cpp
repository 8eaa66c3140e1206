// The C functions about the hub itself: busd_hub_*.
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "consumer/src/autostart.h"
#include "consumer/src/c_call.h"
#include "consumer/src/hub_control.h"
#include "consumer/src/hub_facts.h"

using bus::sdk::answer;
using bus::sdk::ApiResult;
using bus::sdk::endpoint_of;
using bus::sdk::environment;
using bus::sdk::give;
using bus::sdk::patience_of;
using bus::sdk::taken;

namespace {

using Question = ApiResult (*)(const bus::Endpoint& endpoint, bus::Duration patience, std::string& text);

// What the hub answers, as memory that the caller frees.
ApiResult ask_hub(Question question, const busd_hub_options& options, int64_t timeout_ms, char** text,
                  size_t* length) noexcept {
  bus::Endpoint endpoint;
  ApiResult result = endpoint_of(options.socket, options.bus, endpoint);
  if (!result.ok()) return result;
  bus::TimePoint began = bus::now();
  bus::Endpoint place = bus::sdk::locate(endpoint);
  std::string answered;
  result = question(place, patience_of(timeout_ms) - (bus::now() - began), answered);
  if (!result.ok()) return result;
  char* copy = static_cast<char*>(std::malloc(answered.size() + 1));
  if (copy == nullptr) return {BUSD_INTERNAL, "out of memory"};
  std::memcpy(copy, answered.c_str(), answered.size() + 1);
  *text = copy;
  *length = answered.size();
  return {};
}

// The rest of `to` stays as it is, which is NUL; text that does not fit is cut.
template <size_t Size>
void put_text(char (&to)[Size], const std::string& text) noexcept {
  std::memcpy(to, text.data(), std::min(text.size(), Size - 1));
}

busd_hub_facts facts_of(const bus::Endpoint& endpoint) {
  bus::sdk::HubFacts found = bus::sdk::hub_inspect(endpoint);
  if (found.absent) found = bus::sdk::hub_prove(endpoint);
  busd_hub_facts filled{};
  put_text(filled.socket, endpoint.socket);
  put_text(filled.lock, endpoint.lock);
  filled.socket_exists = found.socket_exists ? 1 : 0;
  filled.lock_held = found.lock_held ? 1 : 0;
  filled.lock_pid = found.lock_pid;
  filled.peer_pid = found.peer_pid;
  filled.peer_uid = found.peer_uid;
  filled.starter_pid = found.starter_pid;
  filled.absent = found.absent ? 1 : 0;
  return filled;
}

ApiResult inspect(const busd_hub_options& options, busd_hub_facts* facts) noexcept {
  bus::Endpoint endpoint;
  ApiResult result = endpoint_of(options.socket, options.bus, endpoint);
  if (result.ok()) give(facts, facts_of(bus::sdk::locate(endpoint)));
  return result;
}

ApiResult find(const busd_hub_options& options, busd_hub_place* place) noexcept {
  bus::Endpoint endpoint;
  ApiResult result = endpoint_of(options.socket, options.bus, endpoint);
  if (!result.ok()) return result;
  busd_hub_place filled{};
  put_text(filled.socket, bus::sdk::locate(endpoint).socket);
  put_text(filled.home, endpoint.socket);
  put_text(filled.notice, endpoint.notice);
  filled.named = endpoint.explicit_path ? 1 : 0;
  give(place, filled);
  return {};
}

void visit_hubs(busd_hub_visit visit, void* context) noexcept {
  for (const bus::Endpoint& endpoint : bus::sdk::hubs_at(bus::standard_places(environment))) {
    busd_hub_facts facts = facts_of(endpoint);
    facts.size = sizeof facts;
    visit(context, &facts);
  }
}

ApiResult stop(const busd_hub_options& options, int64_t timeout_ms, bool force,
               busd_hub_ending* ending) noexcept {
  bus::Endpoint endpoint;
  ApiResult result = endpoint_of(options.socket, options.bus, endpoint);
  if (!result.ok()) return result;
  bus::sdk::HubEnding came_to;
  result = bus::sdk::hub_stop(endpoint, patience_of(timeout_ms), force, came_to);
  busd_hub_ending filled{};
  filled.ran = came_to.ran ? 1 : 0;
  filled.killed = came_to.killed ? 1 : 0;
  filled.pid = came_to.pid;
  give(ending, filled);
  return result;
}

}  // namespace

extern "C" {

busd_result busd_hub_status(const busd_hub_options* options, int64_t timeout_ms, char** response,
                            size_t* length, busd_error* error) {
  if (response == nullptr || length == nullptr)
    return answer({BUSD_INVALID, "response or length is NULL"}, error);
  *response = nullptr;
  *length = 0;
  return answer(ask_hub(bus::sdk::hub_status, taken(options), timeout_ms, response, length), error);
}

busd_result busd_hub_metrics(const busd_hub_options* options, int64_t timeout_ms, char** metrics,
                             size_t* length, busd_error* error) {
  if (metrics == nullptr || length == nullptr)
    return answer({BUSD_INVALID, "metrics or length is NULL"}, error);
  *metrics = nullptr;
  *length = 0;
  return answer(ask_hub(bus::sdk::hub_metrics, taken(options), timeout_ms, metrics, length), error);
}

void busd_free(void* memory) { std::free(memory); }

busd_result busd_hub_inspect(const busd_hub_options* options, busd_hub_facts* facts, busd_error* error) {
  if (facts == nullptr) return answer({BUSD_INVALID, "facts is NULL"}, error);
  return answer(inspect(taken(options), facts), error);
}

busd_result busd_hub_stop(const busd_hub_options* options, int64_t timeout_ms, int force, busd_error* error) {
  return answer(stop(taken(options), timeout_ms, force != 0, nullptr), error);
}

busd_result busd_hub_end(const busd_hub_options* options, int64_t timeout_ms, int force,
                         busd_hub_ending* ending, busd_error* error) {
  return answer(stop(taken(options), timeout_ms, force != 0, ending), error);
}

busd_result busd_hub_find(const busd_hub_options* options, busd_hub_place* place, busd_error* error) {
  if (place == nullptr) return answer({BUSD_INVALID, "place is NULL"}, error);
  return answer(find(taken(options), place), error);
}

busd_result busd_hub_each(busd_hub_visit visit, void* context, busd_error* error) {
  if (visit == nullptr) return answer({BUSD_INVALID, "visit is NULL"}, error);
  visit_hubs(visit, context);
  return BUSD_OK;
}

}  // extern "C"

#include "consumer/cli/buses.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "consumer/cli/grid.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

// How long one of several hubs is waited for: a table of all is better than none for the sake of one.
constexpr std::chrono::milliseconds kPatience{500};

std::string name_of_socket(const std::string& socket) {
  std::string name = socket.substr(socket.rfind('/') + 1);
  if (name.ends_with(".sock")) name.resize(name.size() - 5);
  return name;
}

Bus look_at(const busd::HubFacts& facts) {
  Bus bus;
  bus.name = name_of_socket(facts.socket);
  bus.socket = facts.socket;
  bus.pid = facts.lock_pid > 0 ? facts.lock_pid : facts.peer_pid;
  auto response = busd::hub_status({.socket = facts.socket}, kPatience);
  auto report = response ? parse_status(*response) : std::nullopt;
  if (!report) return bus;
  bus.answers = true;
  bus.pid = report->pid;
  bus.version = report->version;
  bus.consumers = report->consumers.size();
  return bus;
}

// The numbers of "1.2.3"; empty when it is something else.
std::vector<uint32_t> numbers_of(std::string_view version) {
  std::vector<uint32_t> numbers;
  while (!version.empty()) {
    size_t end = std::min(version.find('.'), version.size());
    uint32_t number = 0;
    auto [stop, fault] = std::from_chars(version.data(), version.data() + end, number);
    if (fault != std::errc() || stop != version.data() + end) return {};
    numbers.push_back(number);
    version.remove_prefix(std::min(end + 1, version.size()));
  }
  return numbers;
}

// Where systemd owns the socket, the kernel names systemd as the listener.
std::string renewing_command(const busd::HubOptions& hub, const StatusReport& report) {
  auto facts = busd::hub_inspect(hub);
  bool managed = facts && facts->lock_pid > 0 && facts->peer_pid > 0 && facts->lock_pid == report.pid &&
                 facts->peer_pid != facts->lock_pid;
  if (!managed) return "stop it with bus-stop, and the next client starts the new one";
  return std::string("run systemctl ") + (facts->peer_uid == 0 ? "" : "--user ") + "restart busd.service";
}

std::string variable(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

busd::HubOptions hub_of(const Place& place) { return {.socket = place.socket, .bus = place.bus}; }

void note_place(const busd::HubOptions& hub, Console& console) {
  auto place = busd::hub_find(hub);
  if (!place) return;
  if (!place->notice.empty()) console.note(place->notice);
  if (!hub.socket.empty()) return;
  std::string directory = place->home.substr(0, place->home.rfind('/'));
  if (hub.bus.empty() && !variable("BUSD_SOCKET").empty())
    return console.add_origin(directory, "BUSD_SOCKET");
  std::string runtime = variable("XDG_RUNTIME_DIR");
  while (runtime.ends_with('/')) runtime.pop_back();
  if (directory == runtime + "/busd") console.add_origin(directory, "XDG_RUNTIME_DIR");
  std::string bus = variable("BUSD_BUS");
  if (hub.bus.empty() && !bus.empty()) console.add_origin(directory + "/" + bus, "BUSD_BUS");
}

std::string absence(const busd::HubOptions& hub, const std::string& socket) {
  auto place = busd::hub_find(hub);
  std::error_code failure;
  std::filesystem::path directory = std::filesystem::path(socket).parent_path();
  bool missing = place && place->named && !std::filesystem::exists(directory, failure) && !failure;
  if (!missing) return "no hub runs at " + socket;
  return "the socket " + socket + " is in a directory that does not exist; check the path";
}

std::vector<Bus> find_buses() {
  std::vector<Bus> buses;
  for (const busd::HubFacts& facts : busd::hubs()) buses.push_back(look_at(facts));
  return buses;
}

std::string buses_table(const std::vector<Bus>& buses) {
  size_t width = 3;
  for (const Bus& bus : buses) width = std::max(width, bus.name.size());
  auto row = [width](std::string name, const std::string& pid, const std::string& version,
                     const std::string& consumers, const std::string& socket) {
    auto padded = [](std::string text, size_t columns) {
      text.resize(std::max(columns, text.size()), ' ');
      return text + "  ";
    };
    return padded(std::move(name), width) + padded(pid, 7) + padded(version, 7) + padded(consumers, 9) +
           safe_text(socket) + "\n";
  };
  std::string text = row("BUS", "PID", "VERSION", "CONSUMERS", "SOCKET");
  for (const Bus& bus : buses) {
    text += row(safe_text(bus.name), std::to_string(bus.pid), bus.answers ? safe_text(bus.version) : "-",
                bus.answers ? std::to_string(bus.consumers) : "no answer", bus.socket);
  }
  return text;
}

std::string buses_json(const std::vector<Bus>& buses) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
  auto text = [&json](const char* key, const std::string& value) {
    json.Key(key);
    json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  json.StartArray();
  for (const Bus& bus : buses) {
    json.StartObject();
    text("bus", bus.name);
    text("socket", bus.socket);
    json.Key("pid");
    json.Int64(bus.pid);
    json.Key("answers");
    json.Bool(bus.answers);
    if (bus.answers) {
      text("version", bus.version);
      json.Key("consumers");
      json.Uint64(bus.consumers);
    }
    json.EndObject();
  }
  json.EndArray();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

bool older_version(const std::string& one, const std::string& other) {
  std::vector<uint32_t> mine = numbers_of(one);
  std::vector<uint32_t> yours = numbers_of(other);
  return !mine.empty() && !yours.empty() && mine < yours;
}

std::string renewal_hint(const busd::HubOptions& hub, const StatusReport& report) {
  std::string newer = busd_version();
  if (!older_version(report.version, newer)) return {};
  return "the hub is busd " + safe_text(report.version) + ", older than these programs (" + newer +
         "); to renew it, " + renewing_command(hub, report);
}

std::string remarks(const busd::HubOptions& hub, const StatusReport& report) {
  std::string text = renewal_hint(hub, report);
  if (!text.empty()) text += "\n";
  auto place = busd::hub_find(hub);
  if (!place || place->named) return text;
  for (const busd::HubFacts& other : busd::hubs()) {
    if (other.socket == place->socket || name_of_socket(other.socket) != name_of_socket(place->socket))
      continue;
    text += "another hub of yours, pid " + std::to_string(other.peer_pid) + ", runs at " +
            safe_text(other.socket) + "; to see it: bus-status --socket " + safe_text(other.socket) + "\n";
  }
  return text;
}

}  // namespace bus::cli

#include "tests/bench/mqtt_wire.h"

#include <algorithm>

#include "tests/bench/frame_cutter.h"

namespace bus::bench::mqtt {

namespace {

// The first byte of each packet: its type, and the flags that its type demands.
constexpr char kConnect = 0x10;
constexpr char kConnack = 0x20;
constexpr char kPublish = 0x30;
constexpr char kSubscribe = static_cast<char>(0x82);
constexpr char kSuback = static_cast<char>(0x90);

constexpr size_t kMaxLengthBytes = 4;
constexpr uint8_t kRefused = 0x80;

// A packet after its fixed head.
struct Packet {
  char head = 0;
  std::string_view body;
};

uint8_t byte_at(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

size_t number16_at(std::string_view bytes, size_t at) {
  return size_t{byte_at(bytes, at)} << 8 | byte_at(bytes, at + 1);
}

void append_number16(std::string& out, size_t number) {
  out += static_cast<char>(number >> 8);
  out += static_cast<char>(number);
}

void append_text(std::string& out, std::string_view text) {
  append_number16(out, text.size());
  out += text;
}

void append_head(std::string& out, char head, size_t body_bytes) {
  out += head;
  for (; body_bytes > 127; body_bytes >>= 7) out += static_cast<char>(0x80 | (body_bytes & 0x7f));
  out += static_cast<char>(body_bytes);
}

std::string packet_of(char head, std::string_view body) {
  std::string out;
  append_head(out, head, body.size());
  out += body;
  return out;
}

// `packet` is complete.
Packet open_packet(std::string_view packet) {
  size_t head_bytes = 2;
  while (byte_at(packet, head_bytes - 1) & 0x80) ++head_bytes;
  return {packet[0], packet.substr(head_bytes)};
}

class PublicationParser final : public Parser {
 public:
  bool take(std::string_view bytes, MessageSink& sink) override {
    return cutter_.take(bytes, needed_bytes, [&sink](std::string_view bytes_of_packet) {
      Packet packet = open_packet(bytes_of_packet);
      if (packet.head != kPublish) return true;
      if (packet.body.size() < 2) return false;
      size_t topic_end = 2 + number16_at(packet.body, 0);
      if (topic_end > packet.body.size()) return false;
      sink.message(packet.body.substr(topic_end));
      return true;
    });
  }

 private:
  FrameCutter cutter_;
};

}  // namespace

size_t needed_bytes(std::string_view bytes) {
  size_t body_bytes = 0;
  for (size_t i = 0; i < kMaxLengthBytes; ++i) {
    if (1 + i >= bytes.size()) return 2 + i;
    body_bytes |= size_t{byte_at(bytes, 1 + i)} % 0x80 << (7 * i);
    if (byte_at(bytes, 1 + i) < 0x80) return 2 + i + body_bytes;
  }
  return 0;
}

std::string connect_packet(std::string_view client_id) {
  constexpr char kLevel = 4;
  constexpr char kCleanSession = 2;
  std::string body;
  append_text(body, "MQTT");
  body += kLevel;
  body += kCleanSession;
  append_number16(body, 0);
  append_text(body, client_id);
  return packet_of(kConnect, body);
}

std::string subscribe_packet(uint16_t packet_id, const std::vector<std::string>& topics) {
  std::string body;
  append_number16(body, packet_id);
  for (const std::string& topic : topics) {
    append_text(body, topic);
    body += '\0';
  }
  return packet_of(kSubscribe, body);
}

void append_publish(std::string& out, std::string_view topic, std::string_view payload) {
  append_head(out, kPublish, 2 + topic.size() + payload.size());
  append_text(out, topic);
  out += payload;
}

bool is_accepting_connack(std::string_view bytes_of_packet) {
  Packet packet = open_packet(bytes_of_packet);
  return packet.head == kConnack && packet.body.size() == 2 && packet.body[1] == 0;
}

bool is_granting_suback(std::string_view bytes_of_packet, uint16_t packet_id, size_t topics) {
  Packet packet = open_packet(bytes_of_packet);
  if (packet.head != kSuback || packet.body.size() != 2 + topics) return false;
  if (number16_at(packet.body, 0) != packet_id) return false;
  return std::none_of(packet.body.begin() + 2, packet.body.end(),
                      [](char code) { return static_cast<uint8_t>(code) >= kRefused; });
}

std::unique_ptr<Parser> make_parser() { return std::make_unique<PublicationParser>(); }

}  // namespace bus::bench::mqtt

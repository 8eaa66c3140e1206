// The limits of the wire, one place for both ends. Each is a promise of protocol/PROTOCOL.md.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bus {

// One frame, its LF included (PROTOCOL.md 1).
inline constexpr size_t kMaxFrameBytes = 1'048'576;

// Deepest nesting of arrays and objects in a frame, the frame itself being level 1 (PROTOCOL.md 2).
inline constexpr size_t kMaxDepth = 512;

// event_key, event_type, subscription_id, source (PROTOCOL.md 2).
inline constexpr size_t kMaxIdentifierBytes = 255;
inline constexpr size_t kMaxEventTypes = 256;

// Entries of `publishes`: as many as a consumer may ask for (PROTOCOL.md 12).
inline constexpr size_t kMaxPublishes = 256;

// `id` of a request, and of every other message that has one (PROTOCOL.md 10).
inline constexpr size_t kMaxIdBytes = 64;

// Calls (PROTOCOL.md 10): tasks that one `provide` may name, how many calls a provider takes at once, and how
// long a call may take, in milliseconds.
inline constexpr size_t kMaxTasksInProvide = 64;
inline constexpr size_t kDefaultSlots = 16;
inline constexpr size_t kMaxSlots = 1024;
inline constexpr size_t kDefaultTimeoutMs = 60'000;
inline constexpr size_t kMaxTimeoutMs = 86'400'000;
inline constexpr size_t kMaxProgressTextBytes = 4096;

// Values (PROTOCOL.md 11): patterns of one `watch` or `list`, keys in one answer to `list`, watches of one connection, how
// long a `ttl_ms` may be (ten years), and what of one connection may wait for the store before it is not read.
inline constexpr size_t kMaxWatchedKeys = 64;
inline constexpr size_t kMaxListed = 1000;
inline constexpr size_t kMaxWatches = 1024;
inline constexpr uint64_t kMaxTtlMs = 315'360'000'000;
inline constexpr size_t kMaxWaitingChanges = 1024;
inline constexpr size_t kMaxWaitingChangeBytes = 4 * 1024 * 1024;

// What a frame that shows a value has beside it at most: an id, two keys with every character escaped, and numbers; and how deep
// it stands. So a value that was accepted fits into every `value`, answer to `get`, and row of a list.
inline constexpr size_t kValueEnvelopeBytes = 2048;
inline constexpr size_t kMaxValueBytes = kMaxFrameBytes - kValueEnvelopeBytes;
inline constexpr size_t kValueEnvelopeDepth = 4;
inline constexpr size_t kMaxValueDepth = kMaxDepth - kValueEnvelopeDepth;

// Entries of `capabilities` that a hello may carry, each an identifier; more would only cost memory.
inline constexpr size_t kMaxCapabilities = 64;

// source_status.detail; the hub keeps the last one of each source for those who join later.
inline constexpr size_t kMaxDetailBytes = 4096;

// A client's first frame must be complete within this time of accept; a control reply must be fully written
// within the other (PROTOCOL.md 1 and 4).
inline constexpr std::chrono::seconds kHandshakeTimeout{5};
inline constexpr std::chrono::seconds kWriteTimeout{5};

// How long a client waits for hello_ack, which the hub withholds while somebody cleans up the scope
// (PROTOCOL.md 6).
inline constexpr std::chrono::seconds kHelloTimeout{5};

// Liveness is a status_response within this time (PROTOCOL.md 8); the SDK waits as long for a
// pre_shutdown_ack.
inline constexpr std::chrono::seconds kStatusTimeout{2};

inline constexpr const char* kBusVersion = "v1";
inline constexpr const char* kCapabilityPatterns = "patterns";
inline constexpr const char* kCapabilityCalls = "calls";
inline constexpr const char* kCapabilityInterest = "interest";
inline constexpr const char* kCapabilityValues = "values";
// What the hub can do beyond the base (PROTOCOL.md 4).
inline constexpr std::array<std::string_view, 4> kHubCapabilities = {kCapabilityPatterns, kCapabilityCalls,
                                                                     kCapabilityInterest, kCapabilityValues};
// Capabilities that an operator may add to those of the hub: together they fit into a hello_ack, and a hub that
// can do more takes no place away.
inline constexpr size_t kMaxAnnounced = 48;
static_assert(kHubCapabilities.size() + kMaxAnnounced <= kMaxCapabilities);

}  // namespace bus

/*
 * busd/consumer.h - the client library of busd, as a C ABI.
 *
 * A consumer receives events of a hub; a source publishes them. Both connect to the hub of this user, and
 * start it if it does not run. <busd/consumer.hpp> is the C++20 face of this header.
 *
 * Conventions
 *  1. Handles are opaque. A handle is used by one thread at a time; different handles are independent. The
 *     library has no threads, no globals, installs no signal handlers, raises no SIGPIPE and prints nothing.
 *  2. Text is a busd_text: pointer and length, UTF-8, not NUL-terminated, may be empty. Text passed in is
 *     copied before the call returns. Text handed out is borrowed: it says until when.
 *  3. Every function that can fail returns a busd_result; BUSD_OK is 0. A `busd_error*` argument may be NULL;
 *     otherwise set its `size` (BUSD_INIT does), and on failure it holds the result and a line for people.
 *  4. Structs that the caller fills begin with `size`, set to sizeof the struct as the caller was compiled:
 *     the library takes members beyond it as zero, so that adding some keeps old programs working. Initialise
 *     with BUSD_INIT, or zero the struct and set `size`. Zero always means "the default". The same holds for
 *     structs that are filled in.
 *  5. Times are milliseconds. A timeout of BUSD_FOREVER waits without limit, 0 does not wait.
 *  6. Enumerations may grow. Treat a kind of item that you do not know as nothing; a result that you do not
 *     know as failure.
 *  7. Nothing throws. Out of memory ends the process, as it does in the rest of the library's C++ runtime.
 *  8. Callbacks run inside a call that you made on the same handle, and must not call functions on it.
 */
#ifndef BUSD_CONSUMER_H
#define BUSD_CONSUMER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BUSD_API __attribute__((visibility("default")))

#define BUSD_FOREVER (-1)

/* busd_consumer_options o = BUSD_INIT(busd_consumer_options); */
#ifdef __cplusplus
#define BUSD_INIT(type) ::busd_initialised<type>()
#else
#define BUSD_INIT(type) \
  (type) { .size = sizeof(type) }
#endif

typedef struct busd_text {
  const char* data;
  size_t length;
} busd_text;

typedef enum busd_result {
  BUSD_OK = 0,
  BUSD_TIMED_OUT = 1,   /* the timeout ran out; trying again is fine */
  BUSD_UNREACHABLE = 2, /* no hub, and none could be started, or not allowed to start one */
  BUSD_DENIED = 3,      /* permission: the socket, its directory, or the hub says so */
  BUSD_REJECTED = 4,    /* the hub refused for now: scope held exclusively, too many, busy */
  BUSD_INVALID = 5,     /* an argument; nothing was sent */
  BUSD_PROTOCOL = 6,    /* the other end speaks something else, or lacks a capability that was asked for */
  BUSD_CLOSED = 7,      /* the connection ended, and reconnecting is off or was given up */
  BUSD_REFUSED = 8,     /* the hub refused what was published; see busd_source_next_refusal */
  BUSD_LOST = 9, /* the connection broke before the hub confirmed everything; see busd_source_unconfirmed */
  BUSD_INTERNAL = 10 /* the operating system failed us in a way that has no name above */
} busd_result;

/* The constant's name without BUSD_, in lower case: "timed_out". Static text. */
BUSD_API const char* busd_result_name(busd_result result);

/* The version of the library, such as "0.1.0". Static text. */
BUSD_API const char* busd_version(void);

typedef struct busd_error {
  size_t size;
  busd_result result;
  char message[500]; /* one line, NUL-terminated, cut if need be */
} busd_error;

/* --- consumers --- */

typedef struct busd_consumer busd_consumer;

/*
 * Called with `context` when this consumer is the first, or the last, of its scope; see busd_consumer_open
 * and busd_consumer_close. Return 0 for success.
 */
typedef int (*busd_hook)(void* context);

typedef struct busd_consumer_options {
  size_t size;
  busd_text socket; /* path; excludes `bus`. Default: by `bus`, else $BUSD_SOCKET (protocol/PROTOCOL.md) */
  busd_text bus;    /* name of the bus at the user's standard places; default: $BUSD_BUS, else "bus" */
  busd_text key;    /* required: event_key, the name of what is consumed, 1 to 255 bytes */
  const busd_text* event_types; /* types and patterns ("build.*", "*"); none: no events, still counts */
  size_t event_type_count;      /* at most 256 */
  busd_text subscription_id;    /* the scope of first and last, instead of the key */
  int exclusive;                /* ask for the scope alone */
  int no_start;                 /* do not start a hub; also $BUSD_NO_START */
  int no_reconnect;             /* when the connection breaks, end with BUSD_CLOSED */
  int64_t open_timeout_ms;      /* connect, start and hello in total; default 10000 */
  int64_t reconnect_max_ms; /* longest pause between two attempts; default 5000; the first comes at once */
  busd_hook on_first;       /* set-up, before the first event is handed out */
  busd_hook on_last;        /* clean-up */
  void* context;            /* for the hooks */
  busd_text hub_program;    /* to start; default: $BUSD_PROGRAM, else "busd" beside this program, installed
                               with this library, or in PATH */
} busd_consumer_options;

typedef enum busd_item_kind {
  BUSD_ITEM_EVENT = 1,
  BUSD_ITEM_LOST = 2,  /* events were lost on this connection: the consumer was too slow */
  BUSD_ITEM_RESET = 3, /* the connection broke and is back: events in between may have been lost, uncounted */
  BUSD_ITEM_SOURCE_STATUS = 4, /* a source reports its state */
  BUSD_ITEM_BREAK = 5          /* the connection broke; reconnecting goes on, a RESET follows */
} busd_item_kind;

typedef enum busd_source_state {
  BUSD_SOURCE_CONNECTING = 0,
  BUSD_SOURCE_CONNECTED = 1,
  BUSD_SOURCE_DISCONNECTED = 2,
  BUSD_SOURCE_RECONNECTING = 3
} busd_source_state;

/* One thing that happened. All text in it is borrowed until the next call on the consumer. */
typedef struct busd_item {
  size_t size;
  busd_item_kind kind;
  /* EVENT */
  busd_text event_type;
  busd_text event_id;    /* empty: none */
  busd_text source_time; /* milliseconds since the epoch in decimal, as the source gave it; empty: none */
  uint64_t seq;      /* 1, 2, 3 … on each connection; a gap is a loss, reported as LOST before the event */
  busd_text payload; /* raw JSON, byte for byte as the source wrote it; "null" when it sent none */
  busd_text frame;   /* the whole frame as it came, without its line end */
  /* LOST: `lost_count` events between seq `lost_after` and seq `lost_before` */
  uint64_t lost_count;
  uint64_t lost_after;
  uint64_t lost_before;
  /* SOURCE_STATUS; `detail` also says why for BREAK, RESET, and a LOST that slowness did not cause */
  busd_text source;
  busd_source_state state;
  busd_text detail;
  /* RESET: this consumer is now the first of its scope (on_first has run) */
  int first;
} busd_item;

/*
 * Connects, starts a hub if none runs and that is allowed, says hello, and waits for the answer. When the hub
 * says that this consumer is the first of its scope, runs `on_first`; if that fails, leaves as
 * busd_consumer_close does (with on_last, when last) and answers BUSD_REJECTED.
 *
 * BUSD_INVALID      no key, or text that the wire does not allow; the message names it
 * BUSD_UNREACHABLE  no hub; the message holds the reason why none could be started
 * BUSD_REJECTED     exclusive scope, too many connections; the message is the hub's
 * BUSD_TIMED_OUT    no answer in time, for instance because the scope's clean-up goes on
 * BUSD_PROTOCOL     a pattern was asked for, and the hub has no patterns; or it is no hub
 */
BUSD_API busd_result busd_consumer_open(const busd_consumer_options* options, busd_consumer** consumer,
                                        busd_error* error);

/*
 * The next item. Waits at most `timeout_ms`; reconnects meanwhile as configured.
 *
 * What is checked: the hub has judged each event by the strict rules of protocol/PROTOCOL.md before it sends
 * it on, and is taken at its word. In a frame of the hub's own form, only the members before the payload are
 * looked at; that the payload is one JSON value, and that text is UTF-8, is not checked again. A frame of any
 * other form, also one with members of the source's own, is checked as a whole; one that fails is skipped,
 * and shows as a LOST. Sizes are bounded, and memory is safe, whatever the other end sends.
 *
 * BUSD_OK         `item` is filled in
 * BUSD_TIMED_OUT  nothing yet, or busd_consumer_wake was called
 * BUSD_CLOSED     the connection is gone for good, never a normal end; the message says why
 * BUSD_REJECTED, BUSD_DENIED, BUSD_PROTOCOL
 *                 on reconnecting, the hub refused us for good; or on_first failed then (BUSD_REJECTED)
 */
BUSD_API busd_result busd_consumer_next(busd_consumer* consumer, int64_t timeout_ms, busd_item* item,
                                        busd_error* error);

/*
 * Looks up a member of the event in `item` that the wire does not define ("traceparent"): raw JSON, borrowed
 * like the item's other text. BUSD_INVALID: there is none.
 */
BUSD_API busd_result busd_item_member(const busd_consumer* consumer, const busd_item* item, busd_text name,
                                      busd_text* value);

/*
 * Hosting in a loop of your own: wait until `busd_consumer_fd` is ready for what `busd_consumer_events` says
 * (POLLIN, POLLOUT), or until `busd_consumer_deadline` milliseconds have passed; then take items by
 * busd_consumer_next(…, 0, …) until it answers BUSD_TIMED_OUT, or fewer, so that the rest of the loop has its
 * turn: the deadline is then 0. The descriptor stays the same for the life of the consumer, through
 * reconnects.
 *
 * One thing may hold the loop up: a reconnecting consumer that is allowed to start a hub, and does, waits
 * until that hub is ready, some 20 ms and at most 2 s, once for each attempt. Set `no_start` where that is
 * too long.
 */
BUSD_API int busd_consumer_fd(const busd_consumer* consumer);
BUSD_API short busd_consumer_events(const busd_consumer* consumer);
BUSD_API int64_t busd_consumer_deadline(const busd_consumer* consumer); /* BUSD_FOREVER: none */

/* Whether the hub called this consumer the first of its scope when it last connected. */
BUSD_API int busd_consumer_is_first(const busd_consumer* consumer);

/*
 * Makes a waiting busd_consumer_next return BUSD_TIMED_OUT. Async-signal-safe, and the one function that
 * another thread may call. One wake ends one wait, a later one if none is going on.
 */
BUSD_API void busd_consumer_wake(busd_consumer* consumer);

/*
 * Leaves: asks the hub whether this consumer is the last of its scope, runs `on_last` if so, says bye, frees
 * the handle. If the hub does not answer within 2 s, or is gone, this consumer takes itself for the last:
 * leaking is worse than cleaning up twice. Items not yet taken are discarded. The handle is gone whatever the
 * result. NULL is allowed.
 *
 * BUSD_REJECTED  on_last failed
 */
BUSD_API busd_result busd_consumer_close(busd_consumer* consumer, busd_error* error);

/* Leaves at once: no check, no clean-up, no bye. NULL is allowed. */
BUSD_API void busd_consumer_abandon(busd_consumer* consumer);

/* --- sources --- */

typedef struct busd_source busd_source;

typedef struct busd_source_options {
  size_t size;
  busd_text socket; /* these as in busd_consumer_options */
  busd_text bus;
  busd_text name; /* of the source, 1 to 255 bytes; empty: anonymous, no state is reported for it */
  int no_start;
  int no_reconnect;
  int64_t open_timeout_ms;
  int64_t reconnect_max_ms;
  size_t buffer_bytes; /* publishing blocks while more than this waits to be sent; default 256 KiB */
  busd_text hub_program;
  /* Publishing holds events back until this many bytes wait: one write for many. For callers that flush or
     process whenever they run out of events. Default 0: each is sent at once. */
  size_t hold_bytes;
  /* Judge the JSON of each event before it is sent, as the hub will: for callers that must be told at once,
     or that publish text of unknown origin; see busd_source_publish. Several times the cost of sending it.
     Default: it is left to the hub. */
  int check_payloads;
} busd_source_options;

typedef struct busd_publication {
  size_t size;
  busd_text event_type;  /* required */
  busd_text event_id;    /* the hub drops repetitions within 5 minutes; empty: never a repetition */
  busd_text source_time; /* milliseconds since the epoch, decimal; empty: none */
  busd_text payload;     /* raw JSON; empty: null */
  busd_text members; /* further members, as the inside of a JSON object: "\"traceparent\":\"00-…\",\"n\":1";
                        may be empty */
} busd_publication;

/* A publication that the hub refused. Text is borrowed until the next call on the source. */
typedef struct busd_refusal {
  size_t size;
  uint64_t publication; /* which: the number that busd_source_publish gave it; 0: none in particular */
  busd_text code;       /* "bad_frame", "frame_too_large", … (protocol/PROTOCOL.md) */
  busd_text message;
} busd_refusal;

/* Connects as busd_consumer_open does, with role "source". */
BUSD_API busd_result busd_source_open(const busd_source_options* options, busd_source** source,
                                      busd_error* error);

/*
 * Queues one event, and sends what can be sent without waiting. While more than `buffer_bytes` waits, blocks
 * until the hub takes it: a source is slowed down, its events are not lost. `number`, if not NULL, gets the
 * publication's number on this source, counted from 1.
 *
 * What is checked: always that `event_type` is one, that `event_id` and `source_time` are UTF-8, and that the
 * frame stays within the cap, also on its way to consumers. A line end in `payload` or `members`, which may
 * stand between tokens only, becomes a space, after the text has been checked. All other syntax is left to
 * the hub: of a payload that is not JSON, this function says BUSD_OK, the hub publishes nothing, flushing
 * (and closing) answers BUSD_REFUSED, and busd_source_next_refusal tells which publication it was and why;
 * those around it are published. Text that is more than one value, such as `1,"event_id":"x"`, is refused by
 * nobody: it becomes members of the event. With `check_payloads`, each of these is BUSD_INVALID at once.
 *
 * BUSD_INVALID    the event is refused before it is sent; the message says why. It has a number, but is not
 *                 sent
 * BUSD_LOST       the connection broke; the event is queued for the next one, but earlier events may not
 *                 have arrived: see busd_source_unconfirmed. Reported once for each break, and not when all
 *                 before it was confirmed
 * BUSD_TIMED_OUT  busd_source_wake ended the wait; the event is queued all the same
 * BUSD_CLOSED     the connection is gone for good; the event is not queued
 */
BUSD_API busd_result busd_source_publish(busd_source* source, const busd_publication* publication,
                                         uint64_t* number, busd_error* error);

/* The same for a whole event frame, with or without its line end; it is sent as it is. Left to the hub are
 * frames that begin with `{"type":"event",`, without a space; others, which might be no event, are checked.
 */
BUSD_API busd_result busd_source_publish_frame(busd_source* source, busd_text frame, uint64_t* number,
                                               busd_error* error);

/* Reports the state of the source (or of what it watches); kept by the hub for consumers that join later, and
 * reported again after each reconnect. Needs a name. */
BUSD_API busd_result busd_source_status(busd_source* source, busd_source_state state, busd_text detail,
                                        busd_error* error);

/*
 * Waits until the hub has processed everything published so far.
 *
 * BUSD_OK         it has, and refused nothing since the last flush
 * BUSD_REFUSED    it has, and refused some: take them by busd_source_next_refusal
 * BUSD_TIMED_OUT  not yet
 * BUSD_LOST       the connection broke before the hub confirmed: see busd_source_unconfirmed
 * BUSD_CLOSED     the connection is gone for good
 */
BUSD_API busd_result busd_source_flush(busd_source* source, int64_t timeout_ms, busd_error* error);

/* Takes one refusal. BUSD_OK: filled in. BUSD_TIMED_OUT: there is none. At most 1024 wait; of more only the
 * count is kept. */
BUSD_API busd_result busd_source_next_refusal(busd_source* source, busd_refusal* refusal);

/* How many publications the hub had not confirmed when the connection last broke: written, fate unknown.
 * Never sent twice. */
BUSD_API uint64_t busd_source_unconfirmed(const busd_source* source);

/*
 * Hosting, as for consumers; busd_source_process does what is due without waiting: sends what is held back,
 * reads what the hub says, reconnects. Its results are those of busd_source_publish.
 */
BUSD_API int busd_source_fd(const busd_source* source);
BUSD_API short busd_source_events(const busd_source* source);
BUSD_API int64_t busd_source_deadline(const busd_source* source);
BUSD_API busd_result busd_source_process(busd_source* source, busd_error* error);

/* Makes a waiting publish or flush return BUSD_TIMED_OUT (a publish then has queued its event all the same).
 * As busd_consumer_wake. */
BUSD_API void busd_source_wake(busd_source* source);

/* Flushes for at most `timeout_ms`, says bye, frees the handle. Results as of busd_source_flush. NULL is
 * allowed. */
BUSD_API busd_result busd_source_close(busd_source* source, int64_t timeout_ms, busd_error* error);

/* --- the hub itself --- */

typedef struct busd_hub_options {
  size_t size;
  busd_text socket;
  busd_text bus;
} busd_hub_options;

/*
 * Asks the hub for its status within `timeout_ms` (2000 is what liveness means); never starts one. `response`
 * is the status_response frame without its line end, to be freed with busd_free.
 *
 * BUSD_UNREACHABLE  nobody listens; BUSD_TIMED_OUT  somebody does, but does not answer
 */
BUSD_API busd_result busd_hub_status(const busd_hub_options* options, int64_t timeout_ms, char** response,
                                     size_t* length, busd_error* error);
BUSD_API void busd_free(void* memory);

typedef struct busd_hub_facts {
  size_t size;
  char socket[108];  /* path, NUL-terminated */
  char lock[112];    /* path of the hub's lock */
  int socket_exists; /* a socket is at the path */
  int lock_held;     /* a hub lives: some process holds the lock */
  int64_t lock_pid;  /* which one, as the kernel says (/proc/locks); 0: unknown or nobody */
  int64_t peer_pid;  /* whom the kernel names as the listener of the socket; 0: nobody listens */
  int64_t peer_uid;
  int64_t
      starter_pid; /* the process that starts a hub just now (it holds the start lock); 0: none, or unknown */
  int64_t absent;  /* 1: it is proved that no hub runs: there is no socket, or nobody listens and the lock is
                      free */
} busd_hub_facts;

/* What can be known of a hub without its help. Fails only for options that make no endpoint. Like
 * busd_hub_status, it looks at the hub that a client with these options would use: see busd_hub_find. */
BUSD_API busd_result busd_hub_inspect(const busd_hub_options* options, busd_hub_facts* facts,
                                      busd_error* error);

/*
 * Stops the hub and waits until its lock is free. With `force`, a hub that refuses gets SIGTERM, and one that
 * is still there after `timeout_ms` is killed: the process that the kernel names as the lock's holder and
 * that has the lock open, by pidfd, never a pid that a process reported.
 *
 * BUSD_OK           stopped; also when it is proved that none ran
 * BUSD_TIMED_OUT    it still holds its lock, or what listens does not answer and holds no lock
 * BUSD_DENIED       this user may not stop it, or may not know whether one runs
 */
BUSD_API busd_result busd_hub_stop(const busd_hub_options* options, int64_t timeout_ms, int force,
                                   busd_error* error);

typedef struct busd_hub_ending {
  size_t size;
  int ran;     /* a hub ran; 0: it is proved that none did */
  int killed;  /* it was killed, because it did not end in time */
  int64_t pid; /* of the hub that ran; 0: unknown */
} busd_hub_ending;

/* As busd_hub_stop, and fills in `ending`, also on failure. */
BUSD_API busd_result busd_hub_end(const busd_hub_options* options, int64_t timeout_ms, int force,
                                  busd_hub_ending* ending, busd_error* error);

typedef struct busd_hub_place {
  size_t size;
  char socket[108]; /* the path that a client would use now, NUL-terminated, like all text here */
  char home[108];   /* where a client would start a hub, and where busd_hub_stop looks for one */
  char notice[512]; /* a line that tells the user why the place is an unusual one; usually empty */
  int64_t named;    /* 1: the path was given by the options or by $BUSD_SOCKET, and is the only one */
} busd_hub_place;

/*
 * Finds the place of the hub; a hub need not run. `socket` and `home` differ where no hub runs at `home` and
 * one does at another standard place of the user (protocol/PROTOCOL.md 1).
 */
BUSD_API busd_result busd_hub_find(const busd_hub_options* options, busd_hub_place* place, busd_error* error);

/* Called with `context` for one hub. `facts` is borrowed until it returns. */
typedef void (*busd_hub_visit)(void* context, const busd_hub_facts* facts);

/* Calls `visit` for each hub that listens at the standard places of this user, in the order of their paths.
 */
BUSD_API busd_result busd_hub_each(busd_hub_visit visit, void* context, busd_error* error);

#ifdef __cplusplus
} /* extern "C" */

template <class T>
inline T busd_initialised() noexcept {
  T value{};
  value.size = sizeof(T);
  return value;
}
#endif

#endif /* BUSD_CONSUMER_H */

/*
 * busd/consumer.h - the client library of busd, as a C ABI.
 *
 * A connection joins a program to the user's hub, and starts the hub if it does not run. Over one connection
 * a program receives events, publishes events, or both. What happens on it comes out of one function,
 * busd_connection_next, as items. busd_consumer and busd_source are the simple faces: a connection that only
 * receives, and one that only publishes. Calls, which a program makes and answers over its connection, are in
 * <busd/calls.h>; values, which it changes, reads and watches, in <busd/values.h>. <busd/consumer.hpp> is the
 * same API for C++20. The manual is libbusd(3).
 *
 * Conventions
 *  1. Handles are opaque. Only one thread may use a handle at a time; different handles are independent. The
 *     library has no threads and no globals. It installs no signal handlers, raises no SIGPIPE and prints
 *     nothing.
 *  2. Text is a busd_text, a pointer and a length. It is UTF-8, it is not NUL-terminated, and it may be
 *     empty. Text that is passed in is copied before the call returns. Returned text is borrowed; each
 *     function or struct states its lifetime.
 *  3. Every function that can fail returns a busd_result; BUSD_OK is 0. A `busd_error*` argument may be NULL.
 *     Otherwise set its `size` (BUSD_INIT does), and on failure it holds the result and one line for people.
 *  4. Structs that the caller or the library fills in begin with `size`, the sizeof of the struct as the
 *     caller was compiled. The library takes members beyond it as zero, so that old programs work with a
 *     newer library that has more members. Initialise with BUSD_INIT, or zero the struct and set `size`. Zero
 *     always means "the default".
 *  5. Times are in milliseconds. A timeout of BUSD_FOREVER waits without limit; 0 does not wait.
 *  6. Enumerations may grow. Ignore an item of a kind that you do not know, and take a result that you do not
 *     know as a failure.
 *  7. Nothing throws. If there is no memory, the process ends.
 *  8. Callbacks run inside a call that you made on the same handle. They must not call functions on it.
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
  BUSD_TIMED_OUT = 1,   /* the time ran out, or a wake ended the wait; you may try again */
  BUSD_UNREACHABLE = 2, /* no hub runs, and none could be started or starting one is not allowed */
  BUSD_DENIED = 3,      /* permission denied, by the socket, its directory or the hub */
  BUSD_REJECTED = 4,    /* the hub refused for now: scope held exclusively, too many connections, busy */
  BUSD_INVALID = 5,     /* an argument is not valid; nothing was sent */
  BUSD_PROTOCOL = 6,    /* the peer does not speak the protocol, or lacks a capability that was asked for */
  BUSD_CLOSED = 7,      /* the connection ended, and the library does not reconnect or has given up */
  BUSD_REFUSED = 8,     /* the hub refused what was published; a BUSD_ITEM_REFUSED says what */
  BUSD_LOST = 9,        /* the connection broke before the hub confirmed everything; see BUSD_ITEM_BREAK */
  BUSD_INTERNAL = 10,   /* the operating system failed in a way that none of the others describes */
  BUSD_FAILED = 11,     /* a call has failed; its answer says why (<busd/calls.h>) */
  BUSD_CANCELED = 12,   /* the request has ended meanwhile: nobody waits for more of its answer */
  /* Of values, see <busd/values.h> */
  BUSD_STALE = 13,     /* the key does not have the version before the one that was asked for */
  BUSD_EXISTS = 14,    /* the key is to be created, and exists */
  BUSD_NOT_FOUND = 15, /* there is no such key */
  BUSD_FULL = 16,      /* as many keys, or bytes of values, as there may be exist already */
  BUSD_STORE = 17      /* the value is to be stored, and the hub's store cannot take it */
} busd_result;

/* The constant's name without BUSD_, in lower case: "timed_out". Static text. */
BUSD_API const char* busd_result_name(busd_result result);

/* The version of the library, such as "0.1.0". Static text. */
BUSD_API const char* busd_version(void);

typedef struct busd_error {
  size_t size;
  busd_result result;
  char message[500]; /* one line, NUL-terminated, cut if too long */
} busd_error;

/* --- items: what happens on a connection --- */

typedef enum busd_item_kind {
  BUSD_ITEM_EVENT = 1,
  BUSD_ITEM_LOST = 2,  /* events were lost on this connection, because it was read too slowly */
  BUSD_ITEM_RESET = 3, /* connected again; an unknown number of events in between may have been lost */
  BUSD_ITEM_SOURCE_STATUS = 4, /* a source has reported its state */
  BUSD_ITEM_BREAK = 5,         /* the connection broke; the library reconnects, and a RESET follows */
  BUSD_ITEM_REFUSED = 6,       /* the hub refused something that this connection published */
  BUSD_ITEM_INTEREST = 7,      /* how many consumers listen to an entry of `publish_types` */
  /* Of calls, see <busd/calls.h>. They come only to connections that call or provide. */
  BUSD_ITEM_CALL_END = 8,  /* a call of this connection has ended */
  BUSD_ITEM_CHUNK = 9,     /* a part of the answer to a call with `stream` */
  BUSD_ITEM_PROGRESS = 10, /* how far a call of this connection has come */
  BUSD_ITEM_REQUEST = 11,  /* a request, which this connection is to answer */
  BUSD_ITEM_CANCELED = 12, /* a request has ended before this connection has answered it */
  BUSD_ITEM_PAUSE = 13,    /* who reads the answer to a request does not keep up: send no more chunks */
  BUSD_ITEM_RESUME = 14,   /* it does again */
  /* Of values, see <busd/values.h>. They come only to connections that ask for them. */
  BUSD_ITEM_VALUE = 15,     /* a watched key has a new state */
  BUSD_ITEM_SYNCED = 16,    /* a watch has told everything that was true when it began, or began anew */
  BUSD_ITEM_WATCH_END = 17, /* a watch has ended */
  BUSD_ITEM_ANSWERED = 18,  /* the answer to a put, delete, get or list that was started */
  BUSD_ITEM_HELD = 19       /* after a RESET: a value with `while_connected` was put again, or could not be */
} busd_item_kind;

struct busd_answer;
struct busd_request;
struct busd_value;
struct busd_change;
struct busd_page;
struct busd_synced;

typedef enum busd_source_state {
  BUSD_SOURCE_CONNECTING = 0,
  BUSD_SOURCE_CONNECTED = 1,
  BUSD_SOURCE_DISCONNECTED = 2,
  BUSD_SOURCE_RECONNECTING = 3
} busd_source_state;

/*
 * One thing that happened. The members of its kind are filled in, the others are empty or zero. All that it
 * points to is borrowed until the next call on its connection.
 */
typedef struct busd_item {
  size_t size;
  busd_item_kind kind;
  /* EVENT */
  busd_text event_type;
  busd_text event_id;    /* empty: none */
  busd_text source_time; /* milliseconds since the epoch in decimal, as the source gave it; empty: none */
  uint64_t seq;      /* 1, 2, 3 … on each connection; a gap is a loss, reported as LOST before the event */
  busd_text payload; /* raw JSON, byte for byte as the source wrote it; "null" if it sent none */
  busd_text frame;   /* the whole line as it came, without its line end */
  const void* members; /* for busd_item_member */
  /* LOST: `lost_count` events between seq `lost_after` and seq `lost_before` */
  uint64_t lost_count;
  uint64_t lost_after;
  uint64_t lost_before;
  /* SOURCE_STATUS; `detail` is also the reason of a BREAK, a RESET, a REFUSED, and a LOST that slowness did
     not cause */
  busd_text source;
  busd_source_state state;
  busd_text detail;
  /* RESET: this consumer is now the first of its scope (on_first has run) */
  int first;
  /* BREAK: how many publications the hub had not confirmed. They were written, but whether the hub processed
     them is unknown. They are never sent again */
  uint64_t unconfirmed;
  /* REFUSED: the number of the publication; 0: none in particular. `code` is "bad_frame", "frame_too_large",
     … (protocol/PROTOCOL.md) */
  uint64_t publication;
  busd_text code;
  /* INTEREST: so many consumers would get something of the entry `event_type` */
  uint64_t consumers;
  /* CALL_END, CHUNK, PROGRESS: the number of the call. REQUEST, CANCELED, PAUSE, RESUME: that of the request.
     The `payload` of a CHUNK is its data, and its `seq` counts from 1 in each call. The `detail` of a
     PROGRESS is its text. The `code` of a CANCELED is its reason */
  uint64_t call;
  const struct busd_answer* answer;   /* CALL_END */
  const struct busd_request* request; /* REQUEST */
  uint64_t done;                      /* PROGRESS: so much of `total` is done; both 0: unknown */
  uint64_t total;
  /* VALUE, SYNCED, WATCH_END: `call` is the number of the watch. ANSWERED: `call` is the number of what was
     started. ANSWERED, HELD, WATCH_END: `result` says how it went, and if it is not BUSD_OK, `code` is the
     code of the error on the wire, and `detail` its message */
  const struct busd_value* value;   /* VALUE, HELD, and ANSWERED of a get that succeeded */
  const struct busd_change* change; /* ANSWERED of a put or a delete */
  const struct busd_page* page;     /* ANSWERED of a list that succeeded */
  const struct busd_synced* synced; /* SYNCED */
  busd_result result;
} busd_item;

/*
 * Looks up a member of the event, the request or the response in `item` that the protocol does not define
 * ("traceparent"). `value` is raw JSON, borrowed like the other text of the item. BUSD_INVALID: there is no
 * such member.
 */
BUSD_API busd_result busd_item_member(const busd_item* item, busd_text name, busd_text* value);

/* --- connections --- */

typedef struct busd_connection busd_connection;

/*
 * Called with `context` when this connection is the first, or the last, of its scope; see
 * busd_connection_open and busd_connection_close. Return 0 for success.
 */
typedef int (*busd_hook)(void* context);

typedef struct busd_connection_options {
  size_t size;
  /* Where the hub is, and how patient to be. The other options have these members, too. */
  busd_text socket; /* path; excludes `bus`. Default: by `bus`, else $BUSD_SOCKET (protocol/PROTOCOL.md) */
  busd_text bus;    /* name of the bus at the user's standard places; default: $BUSD_BUS, else "bus" */
  busd_text
      hub_program;  /* the hub to start; default: $BUSD_PROGRAM, else "busd" beside this program, else the
                            one installed with this library, else the one in PATH */
  int no_start;     /* do not start a hub; so does $BUSD_NO_START */
  int no_reconnect; /* do not reconnect; a broken connection is BUSD_CLOSED */
  int64_t open_timeout_ms;  /* limit for connecting, starting a hub and its answer; default 10000 */
  int64_t reconnect_max_ms; /* longest pause between two attempts; default 5000; the first comes at once */

  /* To receive events. Without a key, the connection receives none. */
  busd_text key;                /* event_key, the name of the job that the events are for, 1 to 255 bytes */
  const busd_text* event_types; /* types and patterns ("build.*", "*"); none: no events, but a member of its
                                   scope */
  size_t event_type_count;      /* at most 256 */
  busd_text subscription_id;    /* the scope of first and last, instead of the key */
  int exclusive;                /* claim the scope exclusively */
  busd_hook on_first;           /* set-up, before the first event is handed out */
  busd_hook on_last;            /* clean-up */
  void* context;                /* the argument of the hooks */

  /* To publish events. Every connection may. */
  busd_text
      source; /* the name of a source, 1 to 255 bytes, which then has a state; excludes `key`. Empty: what
                          is published comes from an anonymous source */
  size_t buffer_bytes; /* publishing blocks while more bytes wait to be sent; default 256 KiB */
  /* Publishing holds events back until this many bytes wait, and then sends them with one write. This is for
     callers that flush or take items whenever they run out of events. Default 0: each is sent at once. */
  size_t hold_bytes;
  /* Check the JSON of each event before it is sent, as the hub does; see busd_connection_publish. This is for
     callers that must know the result at once, or that publish text of unknown origin. It costs several times
     as much as sending the event. Default: only the hub checks. */
  int check_payloads;

  /* To stop opening early, for instance by a signal: a descriptor that epoll takes (eventfd, pipe, signalfd).
   * Once it is readable, busd_connection_open leaves and returns BUSD_TIMED_OUT. It is not read. 0: none */
  int cancel_fd;

  /* The types and patterns that this connection publishes, at most 256: the hub tells by items INTEREST how
     many consumers listen to each. Default: none, and no such items. They limit nothing. */
  const busd_text* publish_types;
  size_t publish_type_count;
  /* With a `key`: this consumer counts for nobody's interest. This is for programs that look at everything. */
  int64_t observer;
  /* The connection does not keep a hub running that was started on demand. So the library starts no hub for
     it, as with no_start: it connects, and connects again, when a hub is there. */
  int64_t background;
  /* With a `key`: a task, not below "bus.", that the hub calls if this consumer is the last of its scope and its
     connection ends without a word, for instance by SIGKILL, so that on_last cannot run. Default: none. */
  busd_text cleanup_task;
} busd_connection_options;

/*
 * Connects to the hub, sends a hello, and waits for the answer. Starts a hub if none runs, unless that is
 * forbidden. To the hub, a connection is one of three for all its life:
 *
 *   with a `key`       a consumer, which belongs to a scope and gets events. It may publish like an anonymous
 *                      source: no state is reported for it
 *   with a `source`    a named source, which belongs to no scope and gets no events
 *   with neither       a client, which publishes like an anonymous source
 *
 * Each of them may call and provide tasks.
 *
 * Both are not possible, because a hello has one role: a program that consumes and is a named source opens
 * two connections.
 *
 * If the hub says that this consumer is the first of its scope, runs `on_first`. If that fails, the
 * connection leaves as in busd_connection_close (running on_last if it is the last), and the result is
 * BUSD_REJECTED.
 *
 * Once `cancel_fd` is readable, no further attempt is made. If a hello has been sent, waits at most 2 s for
 * its answer, because the hub may count this consumer as a member of the scope already; a member leaves as in
 * busd_connection_close. Connecting, and starting a hub, are not interrupted; both usually take some 20 ms.
 *
 * BUSD_INVALID      a text is not allowed by the protocol, or there are both a key and a source; the message
 *                   says which
 * BUSD_UNREACHABLE  no hub runs; the message says why none could be started
 * BUSD_REJECTED     another consumer holds the scope, or there are too many connections; the message is the
 *                   hub's
 * BUSD_TIMED_OUT    no answer in time, for instance because the clean-up of the scope is still running; or
 *                   `cancel_fd` was readable
 * BUSD_PROTOCOL     the peer is not a hub, or does not support patterns or interest, and they were asked for
 */
BUSD_API busd_result busd_connection_open(const busd_connection_options* options,
                                          busd_connection** connection, busd_error* error);

/*
 * Connects and says hello as busd_connection_open does, but hands out the socket itself in place of a handle:
 * for a program that starts another one, which then speaks the wire (protocol/PROTOCOL.md) over it, for
 * instance as its stdin and stdout. The hub's answer to the hello has been read and is good, and nothing
 * behind it: the first bytes to be read are those of the frame that the hub has sent next, such as an
 * `interest`. The socket blocks, is closed by exec, and is the caller's to close. The hooks must be NULL,
 * because nobody is left to run them; the options about reconnecting, buffers and checks mean nothing.
 *
 * The results are those of busd_connection_open.
 */
BUSD_API busd_result busd_socket_open(const busd_connection_options* options, int* socket, busd_error* error);

/*
 * Gets the next item, in the order in which things happened. Waits at most `timeout_ms`. Meanwhile sends
 * events that were held back, and reconnects as configured.
 *
 * What is checked: the hub checks each event by the strict rules of protocol/PROTOCOL.md before it sends the
 * event on, and the library relies on that. In a frame that has the form in which the hub writes it, the
 * library reads only the members before the payload; it does not check again that the payload is one JSON
 * value and that text is UTF-8. It checks a frame of any other form completely, including one with further
 * members of the source. A frame that fails the check is skipped and reported as a LOST. Whatever the peer
 * sends, sizes are bounded and memory is safe.
 *
 * BUSD_OK         `item` is filled in
 * BUSD_TIMED_OUT  nothing has happened yet, or busd_connection_wake was called
 * BUSD_CLOSED     the connection is gone for good; the message says why. This is never a normal end
 * BUSD_REJECTED, BUSD_DENIED, BUSD_PROTOCOL
 *                 the connection was made again and the hub refused it for good; BUSD_REJECTED also if
 *                 on_first failed then
 */
BUSD_API busd_result busd_connection_next(busd_connection* connection, int64_t timeout_ms, busd_item* item,
                                          busd_error* error);

typedef struct busd_publication {
  size_t size;
  busd_text event_type;  /* required */
  busd_text event_id;    /* the hub drops a repetition of it within 5 minutes; empty: none is dropped */
  busd_text source_time; /* milliseconds since the epoch, decimal; empty: none */
  busd_text payload;     /* raw JSON; empty: null */
  busd_text members;     /* further members, written as inside the braces of a JSON object:
                            "\"traceparent\":\"00-…\",\"n\":1"; may be empty */
} busd_publication;

/*
 * Queues one event, and sends what can be sent without waiting. While more than `buffer_bytes` wait to be
 * sent, blocks until the hub takes them: a busy hub slows the publisher down, and no event is lost. If
 * `number` is not NULL, it receives the number of the publication on this connection, counted from 1.
 *
 * What is checked: the library always checks that `event_type` is valid, that `event_id` and `source_time`
 * are UTF-8, and that the frame stays within the cap, also on its way to consumers. A line end in `payload`
 * or `members`, which is valid only between tokens, becomes a space. The hub checks everything else. If a
 * payload is not JSON, this function returns BUSD_OK and the hub refuses the event; flushing and closing then
 * return BUSD_REFUSED, and a BUSD_ITEM_REFUSED says which event was refused and why. The events before and
 * after it are published. A text of more than one value, such as `1,"event_id":"x"`, is not refused: it
 * becomes members of the event. With `check_payloads`, both are BUSD_INVALID at once.
 *
 * BUSD_INVALID    the library refuses the event; the message says why. The event has a number, but is not
 *                 sent
 * BUSD_LOST       the connection broke. The event is queued for the next connection, but earlier events
 *                 may not have arrived: see busd_connection_unconfirmed. This is returned once for each
 *                 break, not after its BUSD_ITEM_BREAK was taken, and not if everything before it was
 *                 confirmed
 * BUSD_TIMED_OUT  busd_connection_wake ended the wait; the event is queued nevertheless
 * BUSD_CLOSED     the connection is gone for good; the event is not queued
 */
BUSD_API busd_result busd_connection_publish(busd_connection* connection, const busd_publication* publication,
                                             uint64_t* number, busd_error* error);

/*
 * Does the same for a complete event frame, with or without its line end. The frame is sent as it is. If it
 * begins with `{"type":"event",`, without a space, the hub checks it. The library checks any other frame,
 * because it might not be an event.
 */
BUSD_API busd_result busd_connection_publish_frame(busd_connection* connection, busd_text frame,
                                                   uint64_t* number, busd_error* error);

/* Reports the state of the named source that this connection is, or of what it watches. The hub keeps the
 * state for consumers that join later, and the library reports it again after each reconnect. Without a name:
 * BUSD_INVALID. The results are else those of busd_connection_publish. */
BUSD_API busd_result busd_connection_report(busd_connection* connection, busd_source_state state,
                                            busd_text detail, busd_error* error);

/*
 * Waits until the hub has processed everything that was published so far. What comes meanwhile is kept for
 * busd_connection_next, in order, up to about 8 MiB. Events that this connection publishes to itself may
 * still be on their way.
 *
 * BUSD_OK         the hub has processed everything, and has refused nothing since the last flush
 * BUSD_REFUSED    the hub has processed everything, and has refused some of it
 * BUSD_TIMED_OUT  the hub has not processed everything yet; or its answer stands behind more items than are
 *                 kept: take some with busd_connection_next and flush again
 * BUSD_LOST       the connection broke before the hub confirmed everything: see busd_connection_unconfirmed
 * BUSD_CLOSED     the connection is gone for good
 */
BUSD_API busd_result busd_connection_flush(busd_connection* connection, int64_t timeout_ms,
                                           busd_error* error);

/* Returns the number of publications that the hub had not confirmed when the connection last broke, as in the
 * item BREAK. */
BUSD_API uint64_t busd_connection_unconfirmed(const busd_connection* connection);

/*
 * Hosting in a loop of your own: watch the descriptor `busd_connection_fd` for `busd_connection_events`
 * (POLLIN, POLLOUT), and wait at most `busd_connection_deadline` milliseconds. Then call
 * busd_connection_next(…, 0, …) until it returns BUSD_TIMED_OUT. You may stop earlier, so that the rest of
 * the loop gets its turn: the deadline is then 0. The descriptor stays the same for the life of the
 * connection, through reconnects.
 *
 * One thing may delay the loop: a connection that reconnects may start a hub, and then waits until the hub is
 * ready. This takes about 20 ms, and at most 2 s, for each attempt. Set `no_start` where that is too long.
 */
BUSD_API int busd_connection_fd(const busd_connection* connection);
BUSD_API short busd_connection_events(const busd_connection* connection);
BUSD_API int64_t busd_connection_deadline(const busd_connection* connection); /* BUSD_FOREVER: none */

/* Returns how many bytes wait to be sent. While they are no more than `buffer_bytes`, with what is about to
 * be published, publishing does not wait. So a program whose loop must not be held up stops publishing before
 * that, and goes on when they have become fewer: the descriptor says so. */
BUSD_API size_t busd_connection_unsent(const busd_connection* connection);

/* Returns whether the hub called this consumer the first of its scope when it last connected. */
BUSD_API int busd_connection_is_first(const busd_connection* connection);

/*
 * Makes a waiting busd_connection_next, publish or flush return BUSD_TIMED_OUT. If none is waiting, the next
 * one that would wait returns so. This function is async-signal-safe, and it is the only one that another
 * thread may call.
 */
BUSD_API void busd_connection_wake(busd_connection* connection);

/*
 * Leaves the hub: flushes for at most `timeout_ms` if something was published. Then asks whether this
 * consumer is the last of its scope, runs `on_last` if so, sends a bye, and frees the handle, whatever the
 * result is. If the hub is gone or does not answer that question within 2 s, the consumer acts as the last
 * one, because cleaning up twice is better than not at all. Items that were not taken are discarded. NULL is
 * allowed.
 *
 * The results are those of busd_connection_flush, and if that succeeded:
 *
 * BUSD_REJECTED  on_last failed
 * BUSD_CLOSED    the hub closed the connection after it had said that this consumer is the last, because it
 *                took longer than --cleanup-timeout or because the hub ended. If this was seen before
 *                on_last, on_last did not run: another consumer may have set up meanwhile
 */
BUSD_API busd_result busd_connection_close(busd_connection* connection, int64_t timeout_ms,
                                           busd_error* error);

/* Disconnects at once, without a flush, asking the hub, clean-up or bye. NULL is allowed. */
BUSD_API void busd_connection_abandon(busd_connection* connection);

/* --- consumers: connections that only receive --- */

typedef struct busd_consumer busd_consumer;

/* The members are those of busd_connection_options; `key` is required. */
typedef struct busd_consumer_options {
  size_t size;
  busd_text socket;
  busd_text bus;
  busd_text key;
  const busd_text* event_types;
  size_t event_type_count;
  busd_text subscription_id;
  int exclusive;
  int no_start;
  int no_reconnect;
  int64_t open_timeout_ms;
  int64_t reconnect_max_ms;
  busd_hook on_first;
  busd_hook on_last;
  void* context;
  busd_text hub_program;
  int cancel_fd;
  int64_t observer;
  int64_t background;
  busd_text cleanup_task;
} busd_consumer_options;

/* Each does what the function of busd_connection with the same name does. Closing has nothing to flush. */
BUSD_API busd_result busd_consumer_open(const busd_consumer_options* options, busd_consumer** consumer,
                                        busd_error* error);
BUSD_API busd_result busd_consumer_next(busd_consumer* consumer, int64_t timeout_ms, busd_item* item,
                                        busd_error* error);
BUSD_API int busd_consumer_fd(const busd_consumer* consumer);
BUSD_API short busd_consumer_events(const busd_consumer* consumer);
BUSD_API int64_t busd_consumer_deadline(const busd_consumer* consumer);
BUSD_API int busd_consumer_is_first(const busd_consumer* consumer);
BUSD_API void busd_consumer_wake(busd_consumer* consumer);
BUSD_API busd_result busd_consumer_close(busd_consumer* consumer, busd_error* error);
BUSD_API void busd_consumer_abandon(busd_consumer* consumer);

/* --- sources: connections that only publish, and have no items --- */

typedef struct busd_source busd_source;

/* The members are those of busd_connection_options; `name` is its `source`. */
typedef struct busd_source_options {
  size_t size;
  busd_text socket;
  busd_text bus;
  busd_text name;
  int no_start;
  int no_reconnect;
  int64_t open_timeout_ms;
  int64_t reconnect_max_ms;
  size_t buffer_bytes;
  busd_text hub_program;
  size_t hold_bytes;
  int check_payloads;
  int cancel_fd;
} busd_source_options;

/* Each does what the function of busd_connection with the same name does; busd_source_status is
 * busd_connection_report. */
BUSD_API busd_result busd_source_open(const busd_source_options* options, busd_source** source,
                                      busd_error* error);
BUSD_API busd_result busd_source_publish(busd_source* source, const busd_publication* publication,
                                         uint64_t* number, busd_error* error);
BUSD_API busd_result busd_source_publish_frame(busd_source* source, busd_text frame, uint64_t* number,
                                               busd_error* error);
BUSD_API busd_result busd_source_status(busd_source* source, busd_source_state state, busd_text detail,
                                        busd_error* error);
BUSD_API busd_result busd_source_flush(busd_source* source, int64_t timeout_ms, busd_error* error);
BUSD_API uint64_t busd_source_unconfirmed(const busd_source* source);
BUSD_API int busd_source_fd(const busd_source* source);
BUSD_API short busd_source_events(const busd_source* source);
BUSD_API int64_t busd_source_deadline(const busd_source* source);
BUSD_API void busd_source_wake(busd_source* source);
BUSD_API busd_result busd_source_close(busd_source* source, int64_t timeout_ms, busd_error* error);

/* A publication that the hub refused. Text is borrowed until the next call on the source. */
typedef struct busd_refusal {
  size_t size;
  uint64_t publication; /* its number, as busd_source_publish gave it; 0: none in particular */
  busd_text code;       /* "bad_frame", "frame_too_large", … (protocol/PROTOCOL.md) */
  busd_text message;
} busd_refusal;

/* Takes one refusal, as the item REFUSED. BUSD_OK: it is filled in. BUSD_TIMED_OUT: there is none. At most
 * 1024 refusals are kept; further ones are only counted. */
BUSD_API busd_result busd_source_next_refusal(busd_source* source, busd_refusal* refusal);

/* In a loop, stands in the place of busd_connection_next: does what is due, without waiting. It sends events
 * that were held back, reads what the hub has sent, and reconnects. Its results are those of
 * busd_source_publish. */
BUSD_API busd_result busd_source_process(busd_source* source, busd_error* error);

/* --- the hub itself --- */

typedef struct busd_hub_options {
  size_t size;
  busd_text socket;
  busd_text bus;
} busd_hub_options;

/*
 * Asks the hub for its status, and waits at most `timeout_ms`; a hub that works answers within 2000. Never
 * starts a hub. `response` is the status_response frame without its line end. Free it with busd_free.
 *
 * BUSD_UNREACHABLE  no process listens on the socket
 * BUSD_TIMED_OUT    a process listens, but does not answer
 */
BUSD_API busd_result busd_hub_status(const busd_hub_options* options, int64_t timeout_ms, char** response,
                                     size_t* length, busd_error* error);

/*
 * As busd_hub_status, but `metrics` is text in the exposition format of Prometheus, ready to be served to it.
 * Free it with busd_free.
 *
 * BUSD_PROTOCOL  also: the hub is too old to report metrics
 */
BUSD_API busd_result busd_hub_metrics(const busd_hub_options* options, int64_t timeout_ms, char** metrics,
                                      size_t* length, busd_error* error);
BUSD_API void busd_free(void* memory);

typedef struct busd_hub_facts {
  size_t size;
  char socket[108];  /* path, NUL-terminated */
  char lock[112];    /* path of the hub's lock */
  int socket_exists; /* there is a socket at the path */
  int lock_held;     /* some process holds the lock, so a hub is running */
  int64_t lock_pid;  /* that process, according to the kernel (/proc/locks); 0: unknown, or none */
  int64_t peer_pid;  /* the process that listens on the socket, according to the kernel; 0: none */
  int64_t peer_uid;
  int64_t starter_pid; /* the process that is starting a hub, so holds the start lock; 0: none, or unknown */
  int64_t absent; /* 1: it is proved that no hub runs: there is no socket, or no process listens and the lock
                     is free */
} busd_hub_facts;

/* Fills in what can be known about a hub without asking it. Fails only if the options do not lead to a path.
 * Like busd_hub_status, it looks at the hub that a client with these options would use: see busd_hub_find. */
BUSD_API busd_result busd_hub_inspect(const busd_hub_options* options, busd_hub_facts* facts,
                                      busd_error* error);

/*
 * Stops the hub and waits until its lock is free. With `force`, a hub that refuses, or whose socket was
 * removed, gets SIGTERM, and one that is still there after `timeout_ms` is killed by means of a pidfd. Ended
 * are the processes that the kernel shows to hold the lock, never a pid that a process reported about itself.
 *
 * BUSD_OK           the hub has stopped, or it is proved that none ran
 * BUSD_TIMED_OUT    the hub still holds its lock, or a process listens that neither answers nor holds the
 * lock BUSD_DENIED       this user may not stop the hub, or may not know whether one runs
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

/*
 * busd/calls.h - calls: a program asks another for something by the name of a task, and gets one answer.
 *
 * Every connection of <busd/consumer.h> may call tasks, provide tasks, or both; the conventions of that
 * header hold here. A call ends exactly once, whatever dies: with the result of its provider, with an error
 * of its provider, or with an error of the hub, such as `timeout` or `provider_gone`. The manual is
 * libbusd-calls(3).
 *
 *   caller     busd_connection_call waits for the answer. busd_connection_call_start does not: the answer comes
 *              out of busd_connection_next as a BUSD_ITEM_CALL_END. Any number of calls may be open at once
 *              (the hub allows a connection 1024).
 *   provider   busd_connection_provide names the tasks. Then requests come out of busd_connection_next as
 *              BUSD_ITEM_REQUEST, and busd_request_respond or busd_request_fail answers them, at once or
 *              later, in any order.
 *
 * Calls and requests have numbers, which rise on each connection, and none is used twice. The number of a
 * request stays valid after its item has gone.
 *
 * Memory: the library reads no further than the user takes items. Only while a function of a connection waits
 * for something else than items, it keeps what comes meanwhile, up to about 8 MiB. Beyond that it stops
 * reading. So who does not take the chunks of a stream makes the hub pause its provider.
 *
 * When the connection breaks, each open call ends with code "lost" and `by` "library": whether its provider
 * has done the work is unknown. Each open request ends as a BUSD_ITEM_CANCELED with the reason "lost". After
 * the reconnection the library provides the tasks again. A call that is started while there is no connection
 * is sent on the next one.
 */
#ifndef BUSD_CALLS_H
#define BUSD_CALLS_H

#include <busd/consumer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- callers --- */

typedef struct busd_call_options {
  size_t size;
  int64_t timeout_ms; /* the call ends with code "timeout" after this time, at most 86400000; 0: 60000;
                         BUSD_FOREVER: it has no deadline */
  int wait;           /* while nobody provides the task, wait for a provider until the deadline */
  int stream;         /* the answer may come in chunks; only with busd_connection_call_start */
  int idempotent;     /* if its provider dies, another one may be given the call, at most twice */
  busd_text to;       /* only the provider whose connection has this `source` name; default: any */
  uint64_t parent; /* the number of a request that this connection serves and that needs this call: the call
                         ends with it at the latest; default: none */
  busd_text reply_event; /* the call ends at once with the result {"accepted":true}. Its true end is published
                            as an event of this type, whether the caller is still there or not */
  busd_text members;     /* further members of the request, written as inside the braces of a JSON object:
                            "\"traceparent\":\"00-…\""; its provider gets them */
} busd_call_options;

/*
 * How a call has ended: with a `result`, or with an error, which has a `code`. All text is borrowed until the
 * next call on the connection.
 */
typedef struct busd_answer {
  size_t size;
  busd_text result; /* raw JSON as the provider wrote it; empty if the call has failed */
  busd_text code;   /* "no_provider", "timeout" (protocol/PROTOCOL.md 10), or a provider's own; empty: none */
  busd_text message; /* of the error, one line for people */
  busd_text by;      /* who says so: "hub", "library", or empty: the provider */
  busd_text data;    /* raw JSON, more about the error; may be empty */
} busd_answer;

/*
 * Calls `task` with `args`, raw JSON (empty: null), and waits until the call has ended. Meanwhile what else
 * comes is kept for busd_connection_next, in order. `options` and `answer` may be NULL.
 *
 * The call has a deadline by its options. If the hub does not say in time that the deadline has passed,
 * because it is stopped, the library does so half a second later, with code "timeout" and `by` "library".
 *
 * BUSD_OK         `answer` has the result
 * BUSD_FAILED     `answer` has the error; the message is "code: message"
 * BUSD_INVALID    an argument is not valid; the message says which. Nothing was sent
 * BUSD_CANCELED   the request `parent` has ended. Nothing was sent
 * BUSD_TIMED_OUT  busd_connection_wake ended the wait, or the answer stands behind more items than are kept.
 *                 The call is canceled
 * BUSD_PROTOCOL   the hub has no calls
 * BUSD_CLOSED     the connection is gone for good
 */
BUSD_API busd_result busd_connection_call(busd_connection* connection, busd_text task, busd_text args,
                                          const busd_call_options* options, busd_answer* answer,
                                          busd_error* error);

/*
 * Starts a call and does not wait for its answer. `call` receives its number. The call ends exactly once, as a
 * BUSD_ITEM_CALL_END, unless the connection is closed first. With `stream`, a BUSD_ITEM_CHUNK comes for each
 * part of the answer before that, none dropped and none twice; the end may have a result, too. A
 * BUSD_ITEM_PROGRESS may come to any call.
 *
 * Like busd_connection_publish, blocks while more than `buffer_bytes` wait to be sent. The results are those
 * of busd_connection_call; BUSD_TIMED_OUT says that busd_connection_wake ended the wait, and the call is
 * started nevertheless.
 */
BUSD_API busd_result busd_connection_call_start(busd_connection* connection, busd_text task, busd_text args,
                                                const busd_call_options* options, uint64_t* call,
                                                busd_error* error);

/*
 * Asks to end a call. It then ends soon, with code "canceled", unless another end is on its way already.
 * BUSD_OK also if the call has ended; BUSD_INVALID: there was no call with this number.
 */
BUSD_API busd_result busd_connection_cancel(busd_connection* connection, uint64_t call, busd_error* error);

/*
 * As busd_connection_next, but gets only items of calls. What else comes meanwhile is kept for
 * busd_connection_next, in order. BUSD_TIMED_OUT also if more items came than are kept: take some.
 */
BUSD_API busd_result busd_connection_next_call(busd_connection* connection, int64_t timeout_ms,
                                               busd_item* item, busd_error* error);

/* --- providers --- */

typedef struct busd_provide_options {
  size_t size;
  uint32_t slots;   /* how many requests are open at once, over all tasks of the connection: 1 to 1024;
                       0: 16. Further ones wait in the hub */
  int32_t priority; /* providers with a higher one are asked first; default 0 */
} busd_provide_options;

/*
 * Provides `tasks`, names or patterns ("math.*"), beside those that are provided already, and waits for the
 * hub's answer. The options are those of the whole connection, and replace earlier ones. At most 64 tasks at
 * a time, and 1024 on one connection.
 *
 * BUSD_REFUSED    the hub does not allow it, and none of the tasks is provided; the message says why
 * BUSD_TIMED_OUT  the hub has not answered within 2 s, or busd_connection_wake ended the wait
 * BUSD_LOST       the connection broke before the hub answered; try again
 * BUSD_INVALID, BUSD_PROTOCOL, BUSD_CLOSED as in busd_connection_call
 */
BUSD_API busd_result busd_connection_provide(busd_connection* connection, const busd_text* tasks,
                                             size_t task_count, const busd_provide_options* options,
                                             busd_error* error);

/* Provides these tasks no longer; without any, none at all. Requests that have come already are to be answered
 * as before. Its results are those of busd_connection_provide. */
BUSD_API busd_result busd_connection_unprovide(busd_connection* connection, const busd_text* tasks,
                                               size_t task_count, busd_error* error);

/* A request, in an item of kind BUSD_ITEM_REQUEST. All that it points to is borrowed like the item. */
typedef struct busd_request {
  size_t size;
  busd_text task;
  busd_text args;      /* raw JSON, byte for byte as the caller wrote it; "null" if it sent none */
  uint64_t timeout_ms; /* what was left when the hub sent the request; 0: it has no deadline */
  int stream;          /* the answer may come in chunks */
  int64_t pid;         /* of the caller, by the kernel; a label */
  uint64_t uid;        /* of the caller, by the kernel */
  busd_text source;    /* its name, if it is a named source */
} busd_request;

/*
 * The functions below answer request number `request` of the connection. Like busd_connection_publish, they
 * block while more than `buffer_bytes` wait to be sent.
 *
 * BUSD_OK         the answer is queued; or the request has ended meanwhile, and nothing is sent
 * BUSD_INVALID    an argument is not valid, and the request stays open; or no such request was ever given
 * BUSD_TIMED_OUT  busd_connection_wake ended the wait; the answer is queued nevertheless
 * BUSD_CLOSED     the connection is gone for good
 */

/* Ends the request with a result, raw JSON; empty: null. */
BUSD_API busd_result busd_request_respond(busd_connection* connection, uint64_t request, busd_text result,
                                          busd_error* error);

/* Ends the request with an error. `code` is an identifier of the provider's choice, 1 to 255 bytes; `message`
 * is one line for people; `data` is raw JSON with more about it, and may be empty. */
BUSD_API busd_result busd_request_fail(busd_connection* connection, uint64_t request, busd_text code,
                                       busd_text message, busd_text data, busd_error* error);

/* Passes the request on: the hub gives it to another provider of its task, and to this one not again. If all
 * have declined, the call fails with code "declined". */
BUSD_API busd_result busd_request_decline(busd_connection* connection, uint64_t request, busd_error* error);

/*
 * Sends `data`, raw JSON, as a part of the answer to a request with `stream`. While the reader of the stream
 * does not keep up (between BUSD_ITEM_PAUSE and BUSD_ITEM_RESUME), waits for it at most `timeout_ms`; what
 * else comes meanwhile is kept for busd_connection_next.
 *
 * BUSD_OK         the part is queued
 * BUSD_TIMED_OUT  the reader did not keep up in time, busd_connection_wake ended the wait, or more items came
 *                 than are kept: take some. The part is not queued; send it again
 * BUSD_CANCELED   the request has ended
 * BUSD_INVALID    `data` is not valid, the request has no stream, or there never was such a request
 */
BUSD_API busd_result busd_request_chunk(busd_connection* connection, uint64_t request, busd_text data,
                                        int64_t timeout_ms, busd_error* error);

/* Tells the caller how far the request has come: `done` of `total`, both 0 if unknown, and `text`, at most 4096
 * bytes, which may be empty. A caller that reads slowly gets only the newest. BUSD_CANCELED: the request has
 * ended. */
BUSD_API busd_result busd_request_progress(busd_connection* connection, uint64_t request, uint64_t done,
                                           uint64_t total, busd_text text, busd_error* error);

/* Returns whether the request still waits for its answer, as far as the library has read. */
BUSD_API int busd_request_is_open(const busd_connection* connection, uint64_t request);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* BUSD_CALLS_H */

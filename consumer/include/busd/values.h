/*
 * busd/values.h - values: what is true now, by key. The hub keeps them, and tells those that watch them.
 *
 * Every connection of <busd/consumer.h> may change values, read them and watch them; the conventions of that
 * header hold here. A value is any JSON. Each change of a key makes a version of that key, counted from 1, and
 * a rev, counted over all keys; neither is ever given twice. The manual pages are busd_connection_put(3),
 * busd_connection_watch(3) and busd_cache_open(3).
 *
 *   to change and to read   busd_connection_put, _delete, _get and _list wait for the answer. Each has a form
 *                           with _start, which does not: its answer comes out of busd_connection_next as a
 *                           BUSD_ITEM_ANSWERED. Operations take effect in the order in which they were started.
 *   to change what is read  busd_connection_update: only one of two programs that do so at once succeeds at
 *                           first, and the other one tries again with the new value.
 *   to watch                busd_connection_watch: the newest state of each key comes out of
 *                           busd_connection_next, then a BUSD_ITEM_SYNCED, then each change. <busd/cache.h>
 *                           keeps what a watch tells.
 *
 * When the connection breaks, what was started and not answered ends with BUSD_LOST: whether the hub has done it
 * is unknown. What is started while there is no connection is sent on the next one. After the reconnection:
 *
 *   watches   go on where they were. Nothing is missing: the changes of the meantime come, or everything is
 *             sent anew and the BUSD_ITEM_SYNCED has `reset`.
 *   values with `while_connected`
 *             were deleted by the hub when the connection broke. The library puts each of them again, if
 *             nobody else has the key by then, and a BUSD_ITEM_HELD says how that went. So who holds a lock
 *             does not hold it any more once it has taken the BUSD_ITEM_BREAK, and holds it again from a
 *             BUSD_ITEM_HELD with result BUSD_OK on; meanwhile another one may have held it.
 *
 * A hub that is too old, or that was started with --values off, has no values: every function here is then
 * BUSD_PROTOCOL.
 */
#ifndef BUSD_VALUES_H
#define BUSD_VALUES_H

#include <busd/consumer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The state of a key. All text is borrowed like what the struct came with. */
typedef struct busd_value {
  size_t size;
  busd_text key;
  busd_text value;  /* raw JSON, byte for byte as it was put; empty: the key is deleted, or the value was not
                       asked for, or does not fit into the answer */
  uint64_t version; /* of the key; the next change that is made with `version` makes this plus 1 */
  uint64_t rev;
  uint64_t age_ms;  /* since the change, when the hub said so */
  uint64_t ttl_ms;  /* what was left then of the time to live; 0: it has none */
  uint64_t uid;     /* whose change it was; only of get and list */
  uint64_t skipped; /* of a watch: so many states of the key before this one were not sent */
  int deleted;      /* there is no such key any more */
  int expired;      /* with `deleted`: because its time to live was over */
  int64_t snapshot; /* of a watch: it comes before the SYNCED */
} busd_value;

/* --- changes --- */

typedef enum busd_durability {
  BUSD_DURABLE_DEFAULT = 0, /* process where the hub has a store, else memory */
  BUSD_DURABLE_MEMORY = 1,  /* the answer waits for nothing; the value is not stored */
  BUSD_DURABLE_PROCESS = 2, /* the answer waits for the commit; the value survives a SIGKILL of the hub */
  BUSD_DURABLE_POWER = 3    /* it waits for the fsync, too; the value survives a loss of power */
} busd_durability;

typedef struct busd_put_options {
  size_t size;
  uint64_t version;    /* the version that this put makes, so the present one plus 1; default: any */
  int create;          /* only if the key does not exist */
  int if_changed;      /* if the key has the same bytes already, change nothing */
  int64_t ttl_ms;      /* the value expires after this time, at most 315360000000; default: never */
  int while_connected; /* the value is deleted when this connection ends. With `create`, it is a lock */
  busd_durability durable;
  int64_t timeout_ms; /* without an answer after this time, the result is BUSD_TIMED_OUT; default 60000;
                         BUSD_FOREVER: wait without limit */
} busd_put_options;

/* What became of a put, a delete or an update. Text is borrowed until the next call on the connection. */
typedef struct busd_change {
  size_t size;
  uint64_t
      version; /* the one that was made, or, if nothing was changed, the present one; 0: it was refused */
  uint64_t rev;
  int64_t unchanged; /* nothing was changed */
  busd_text code; /* of the error on the wire: "stale", "exists", … (protocol/PROTOCOL.md 11); else empty */
  busd_text message;         /* of the error, one line for people */
  const busd_value* present; /* STALE, EXISTS: what the key has now, deleted or not; else NULL */
} busd_change;

/*
 * Sets `key` to `value`, raw JSON (empty: null), and waits for the answer. Meanwhile what else comes is kept for
 * busd_connection_next, in order. `options` and `change` may be NULL.
 *
 * BUSD_OK         `change` has the version that was made
 * BUSD_STALE      with `version`: the key does not have the version before it; `change` has what it has
 * BUSD_EXISTS     with `create`: the key exists; `change` has what it has
 * BUSD_FULL       as many keys, or as many bytes of values, as there may be exist already
 * BUSD_STORE      the value is to be stored, and the store cannot take it; the message says why
 * BUSD_DENIED     keys below "bus." belong to the hub
 * BUSD_INVALID    an argument is not valid; the message says which
 * BUSD_REJECTED   the hub stops, or has no memory left for what this connection asks
 * BUSD_TIMED_OUT  there was no answer in time, busd_connection_wake ended the wait, or more items came than are
 *                 kept. The hub may do it all the same
 * BUSD_LOST       the connection broke before the answer came: whether the hub has done it is unknown
 * BUSD_PROTOCOL   the hub has no values
 * BUSD_CLOSED     the connection is gone for good
 */
BUSD_API busd_result busd_connection_put(busd_connection* connection, busd_text key, busd_text value,
                                         const busd_put_options* options, busd_change* change,
                                         busd_error* error);

typedef struct busd_delete_options {
  size_t size;
  uint64_t version;   /* the version that the deletion makes, so the present one plus 1; default: any */
  int64_t timeout_ms; /* as in busd_put_options */
} busd_delete_options;

/* Deletes `key`. The results are those of busd_connection_put, and BUSD_NOT_FOUND: there is no such key. */
BUSD_API busd_result busd_connection_delete(busd_connection* connection, busd_text key,
                                            const busd_delete_options* options, busd_change* change,
                                            busd_error* error);

/* What an updater wants. */
typedef enum busd_update_step {
  BUSD_UPDATE_LEAVE = 0, /* change nothing */
  BUSD_UPDATE_PUT = 1,   /* put `*next` */
  BUSD_UPDATE_DELETE = 2 /* delete the key */
} busd_update_step;

/*
 * Called with `context` for the present state of the key; NULL: it does not exist. Sets `*next`, raw JSON, which
 * must stay in place until the updater is called again or the function that calls it returns.
 */
typedef busd_update_step (*busd_updater)(void* context, const busd_value* present, busd_text* next);

typedef struct busd_update_options {
  size_t size;
  const busd_put_options*
      put; /* how to put, but for `version` and `create`, which are set. Its `timeout_ms` is
                                  that of each question to the hub. Default: NULL */
  const struct busd_cache*
      cache;     /* begin with what this cache of the same connection has; default: ask the hub */
  int64_t tries; /* how often `updater` may be called; default 100 */
} busd_update_options;

/*
 * Changes `key` from its present value to the one that `updater` makes of it, and to no other: if somebody else
 * changes the key meanwhile, calls `updater` again with the new value. `options` and `change` may be NULL.
 *
 * The results are those of busd_connection_put. BUSD_STALE and BUSD_EXISTS say that others were faster each
 * time. If the updater left the key as it is, `change` has `unchanged`.
 */
BUSD_API busd_result busd_connection_update(busd_connection* connection, busd_text key, busd_updater updater,
                                            void* context, const busd_update_options* options,
                                            busd_change* change, busd_error* error);

/* --- what there is --- */

typedef struct busd_get_options {
  size_t size;
  int64_t timeout_ms; /* as in busd_put_options */
} busd_get_options;

/* Gets the state of `key`. `value` is borrowed until the next call on the connection; `options` may be NULL. The
 * results are those of busd_connection_put, and BUSD_NOT_FOUND: there is no such key. */
BUSD_API busd_result busd_connection_get(busd_connection* connection, busd_text key,
                                         const busd_get_options* options, busd_value* value,
                                         busd_error* error);

typedef struct busd_list_options {
  size_t size;
  const busd_text* keys; /* keys and patterns ("sensor.*"), at most 64; default: all but those below "bus." */
  size_t key_count;
  busd_text after;    /* only the keys behind this one in the order of their bytes; default: from the first */
  int64_t limit;      /* at most so many keys, 1 to 1000; default 1000 */
  int64_t no_values;  /* leave the values out */
  int64_t timeout_ms; /* as in busd_put_options */
} busd_list_options;

/* A part of a list, borrowed until the next call on the connection. */
typedef struct busd_page {
  size_t size;
  const busd_value* const* values; /* `count` pointers, in the order of the keys' bytes */
  size_t count;
  busd_text next; /* the `after` of the next page; empty: this one is the last */
} busd_page;

/* Gets the keys that exist, a page at a time. A page may have fewer keys than `limit`; the last one has an empty
 * `next`. `options` may be NULL. The results are those of busd_connection_put. */
BUSD_API busd_result busd_connection_list(busd_connection* connection, const busd_list_options* options,
                                          busd_page* page, busd_error* error);

/* --- without waiting --- */

/*
 * Each starts what the function without _start does, and does not wait for the answer. `number` receives its
 * number, of the same count as the numbers of calls. The answer comes exactly once, as a BUSD_ITEM_ANSWERED,
 * unless the connection is closed first.
 *
 * Like busd_connection_publish, they block while more than `buffer_bytes` wait to be sent. BUSD_TIMED_OUT says
 * that busd_connection_wake ended that wait; it is started nevertheless.
 */
BUSD_API busd_result busd_connection_put_start(busd_connection* connection, busd_text key, busd_text value,
                                               const busd_put_options* options, uint64_t* number,
                                               busd_error* error);
BUSD_API busd_result busd_connection_delete_start(busd_connection* connection, busd_text key,
                                                  const busd_delete_options* options, uint64_t* number,
                                                  busd_error* error);
BUSD_API busd_result busd_connection_get_start(busd_connection* connection, busd_text key,
                                               const busd_get_options* options, uint64_t* number,
                                               busd_error* error);
BUSD_API busd_result busd_connection_list_start(busd_connection* connection, const busd_list_options* options,
                                                uint64_t* number, busd_error* error);

/* --- watches --- */

typedef struct busd_watch_options {
  size_t size;
  int no_values;   /* leave the values out: only versions and deletions are told */
  int no_snapshot; /* begin with the SYNCED, and tell only what changes afterwards */
  uint64_t since;  /* with `epoch`: go on after this rev, which an earlier watch of the same keys has told */
  busd_text epoch; /* of the SYNCED of that watch; default: begin with everything */
} busd_watch_options;

/* Borrowed like its item. */
typedef struct busd_synced {
  size_t size;
  uint64_t rev;    /* everything up to this one was told; with `epoch`: where another watch may go on */
  busd_text epoch; /* changes whenever the hub may have lost something */
  uint64_t keys;   /* how many states were sent before it */
  int64_t reset; /* the watch has begun anew: forget each key that was not sent since the last SYNCED or BREAK
                      with `snapshot`. busd_cache_take does that */
} busd_synced;

/*
 * Watches `keys`, 1 to 64 keys and patterns ("sensor.*"). "*" does not match the keys of the hub below "bus.";
 * "bus.*" does. `watch` receives the number of the watch. Then busd_connection_next gives a BUSD_ITEM_VALUE for
 * each key that exists, a BUSD_ITEM_SYNCED, also if there are none, and a BUSD_ITEM_VALUE for each change, the
 * changes of this connection among them.
 *
 * A program that reads slowly is not sent each state of a key, but always its newest one: `skipped` says how many
 * states were left out.
 *
 * A watch lasts through reconnections. It ends by busd_connection_unwatch, or when the hub refuses it; the last
 * that comes of it is a BUSD_ITEM_WATCH_END.
 *
 * BUSD_OK         the watch is asked for
 * BUSD_INVALID    an argument is not valid; the message says which
 * BUSD_TIMED_OUT  busd_connection_wake ended the wait for room in the buffer; the watch is asked for nevertheless
 * BUSD_PROTOCOL   the hub has no values
 * BUSD_CLOSED     the connection is gone for good
 */
BUSD_API busd_result busd_connection_watch(busd_connection* connection, const busd_text* keys,
                                           size_t key_count, const busd_watch_options* options,
                                           uint64_t* watch, busd_error* error);

/* Ends a watch. Its BUSD_ITEM_WATCH_END is still to come, and items that are kept already. BUSD_OK also if the
 * watch has ended; BUSD_INVALID: there was no watch with this number. */
BUSD_API busd_result busd_connection_unwatch(busd_connection* connection, uint64_t watch, busd_error* error);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* BUSD_VALUES_H */

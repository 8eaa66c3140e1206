/*
 * busd/cache.h - a cache: the present values of the keys that are watched, in the memory of the program.
 *
 * A cache is filled by a watch of its own (<busd/values.h>). Hand it every item that busd_connection_next gives;
 * then reading it asks nobody, and it is never older than the last item. Versions are in it, so that
 * busd_connection_put with `version`, and busd_connection_update, may begin with what it has.
 */
#ifndef BUSD_CACHE_H
#define BUSD_CACHE_H

#include <busd/values.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct busd_cache busd_cache;

/*
 * Makes a cache of `keys`, 1 to 64 keys and patterns, and watches them. The cache is empty until it was given
 * items. `no_values` makes a cache of keys and versions alone. There is always a snapshot, and `since` means
 * nothing. `options` may be NULL. The results are those of busd_connection_watch; if BUSD_TIMED_OUT is one,
 * there is a cache nevertheless.
 */
BUSD_API busd_result busd_cache_open(busd_connection* connection, const busd_text* keys, size_t key_count,
                                     const busd_watch_options* options, busd_cache** cache,
                                     busd_error* error);

/* Looks at an item of the connection: of its watch, or a BREAK. Returns whether the cache has changed by it, its
 * being in sync included. Any other item changes nothing. */
BUSD_API int busd_cache_take(busd_cache* cache, const busd_item* item);

/* Returns whether it has everything that its watch told up to a SYNCED and later: before the first one, and
 * between a BREAK and the next SYNCED, it has not. What it has then may be old; changes made with its versions
 * are safe all the same. */
BUSD_API int busd_cache_is_synced(const busd_cache* cache);

/* Returns a number that is another one whenever a key in the cache has changed. */
BUSD_API uint64_t busd_cache_generation(const busd_cache* cache);

/* Returns how many keys it has. */
BUSD_API size_t busd_cache_count(const busd_cache* cache);

/* Returns the number of its watch: the `call` of the items that belong to it. */
BUSD_API uint64_t busd_cache_watch(const busd_cache* cache);

/* Fills in the state of `key`. The text is borrowed until the next busd_cache_take or busd_cache_close.
 * BUSD_NOT_FOUND: the cache has no such key. */
BUSD_API busd_result busd_cache_get(const busd_cache* cache, busd_text key, busd_value* value);

/* Fills in the state of the first key behind `after` in the order of their bytes; empty: the first of all. The
 * text is borrowed as in busd_cache_get. BUSD_NOT_FOUND: there is none. */
BUSD_API busd_result busd_cache_next(const busd_cache* cache, busd_text after, busd_value* value);

/* Frees the cache, and ends its watch. Close it before its connection, or pass NULL for the connection if that is
 * closed already. A NULL cache is allowed. */
BUSD_API void busd_cache_close(busd_cache* cache, busd_connection* connection);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* BUSD_CACHE_H */

/* The public headers as a C program sees it: compiled as strict C11, and called from there. */
#include <busd/cache.h>
#include <busd/calls.h>
#include <string.h>

int header_works_in_c(void);

static busd_text text(const char* from) {
  busd_text made = {from, strlen(from)};
  return made;
}

/* 0, or the line of the first thing that is not as it must be. */
int header_works_in_c(void) {
  busd_consumer_options options = BUSD_INIT(busd_consumer_options);
  busd_error error = BUSD_INIT(busd_error);
  busd_consumer* consumer = NULL;
  if (options.size != sizeof options || error.size != sizeof error) return __LINE__;
  if (options.on_first != NULL || options.open_timeout_ms != 0) return __LINE__;

  /* No key. */
  if (busd_consumer_open(&options, &consumer, &error) != BUSD_INVALID) return __LINE__;
  if (error.result != BUSD_INVALID || strstr(error.message, "key") == NULL || consumer != NULL)
    return __LINE__;

  /* A control character in an event type; errors may be ignored. */
  busd_text type = text("a\nb");
  options.key = text("k");
  options.event_types = &type;
  options.event_type_count = 1;
  if (busd_consumer_open(&options, &consumer, NULL) != BUSD_INVALID) return __LINE__;

  /* Nothing is done with no handle. */
  if (busd_consumer_close(NULL, NULL) != BUSD_OK) return __LINE__;
  busd_consumer_abandon(NULL);
  if (busd_source_close(NULL, 0, NULL) != BUSD_OK) return __LINE__;
  busd_free(NULL);
  busd_cache_close(NULL, NULL);
  busd_put_options put = BUSD_INIT(busd_put_options);
  if (busd_connection_put(NULL, text("k"), text("1"), &put, NULL, &error) != BUSD_INVALID) return __LINE__;
  if (busd_connection_watch(NULL, NULL, 0, NULL, NULL, NULL) != BUSD_INVALID) return __LINE__;

  if (strcmp(busd_result_name(BUSD_TIMED_OUT), "timed_out") != 0) return __LINE__;
  if (strcmp(busd_version(), "") == 0) return __LINE__;
  return 0;
}

/* A user of all public headers in C, and in C++: every function, every macro, every struct. */
#include <busd/cache.h>
#include <busd/calls.h>
#include <busd/streams.h>

int use_consumer(busd_text key);
int use_source(busd_text name);
int use_hub(void);
int use_calls(busd_connection* connection, busd_text task);
int use_streams(busd_connection* connection);
int use_values(busd_connection* connection, busd_text key);
int use_cache(busd_connection* connection, busd_text key);

int use_consumer(busd_text key) {
  busd_consumer_options options = BUSD_INIT(busd_consumer_options);
  busd_error error = BUSD_INIT(busd_error);
  busd_item item = BUSD_INIT(busd_item);
  busd_consumer* consumer = NULL;
  busd_text value;
  options.key = key;
  if (busd_consumer_open(&options, &consumer, &error) != BUSD_OK) return error.message[0];
  while (busd_consumer_next(consumer, BUSD_FOREVER, &item, &error) == BUSD_OK) {
    if (item.kind == BUSD_ITEM_EVENT && busd_item_member(&item, key, &value) == BUSD_OK) return 1;
    if (busd_consumer_fd(consumer) < busd_consumer_events(consumer)) busd_consumer_wake(consumer);
    if (busd_consumer_deadline(consumer) == BUSD_FOREVER || busd_consumer_is_first(consumer)) break;
  }
  if (error.result == BUSD_CLOSED) busd_consumer_abandon(consumer);
  return busd_consumer_close(consumer, &error) == BUSD_OK;
}

int use_source(busd_text name) {
  busd_source_options options = BUSD_INIT(busd_source_options);
  busd_publication publication = BUSD_INIT(busd_publication);
  busd_refusal refusal = BUSD_INIT(busd_refusal);
  busd_error error = BUSD_INIT(busd_error);
  busd_source* source = NULL;
  uint64_t number = 0;
  options.name = name;
  if (busd_source_open(&options, &source, &error) != BUSD_OK) return 1;
  publication.event_type = name;
  if (busd_source_publish(source, &publication, &number, &error) != BUSD_OK) return 2;
  if (busd_source_publish_frame(source, name, &number, &error) != BUSD_OK) return 3;
  if (busd_source_status(source, BUSD_SOURCE_CONNECTED, name, &error) != BUSD_OK) return 4;
  if (busd_source_fd(source) < busd_source_events(source)) busd_source_wake(source);
  if (busd_source_deadline(source) == 0 && busd_source_process(source, &error) != BUSD_OK) return 5;
  if (busd_source_flush(source, 1000, &error) == BUSD_REFUSED) {
    while (busd_source_next_refusal(source, &refusal) == BUSD_OK) number += refusal.publication;
  }
  number += busd_source_unconfirmed(source);
  return busd_source_close(source, 1000, &error) == BUSD_OK && number > 0;
}

int use_hub(void) {
  busd_hub_options options = BUSD_INIT(busd_hub_options);
  busd_hub_facts facts = BUSD_INIT(busd_hub_facts);
  char* response = NULL;
  size_t length = 0;
  if (busd_hub_status(&options, 2000, &response, &length, NULL) != BUSD_OK) return 1;
  busd_free(response);
  if (busd_hub_inspect(&options, &facts, NULL) != BUSD_OK) return 2;
  return busd_hub_stop(&options, 2000, 0, NULL) == BUSD_OK ? busd_version()[0]
                                                           : busd_result_name(BUSD_LOST)[0];
}

int use_calls(busd_connection* connection, busd_text task) {
  busd_call_options options = BUSD_INIT(busd_call_options);
  busd_provide_options provide = BUSD_INIT(busd_provide_options);
  busd_answer answer = BUSD_INIT(busd_answer);
  busd_item item = BUSD_INIT(busd_item);
  busd_error error = BUSD_INIT(busd_error);
  uint64_t call = 0;
  options.stream = 1;
  if (busd_connection_call(connection, task, task, NULL, &answer, &error) == BUSD_FAILED)
    return answer.code.length > 0;
  if (busd_connection_call_start(connection, task, task, &options, &call, &error) != BUSD_OK) return 2;
  if (busd_connection_cancel(connection, call, &error) != BUSD_OK) return 3;
  provide.slots = 2;
  if (busd_connection_provide(connection, &task, 1, &provide, &error) != BUSD_OK) return 4;
  while (busd_connection_next_call(connection, BUSD_FOREVER, &item, &error) == BUSD_OK) {
    if (item.kind == BUSD_ITEM_CALL_END && item.answer->result.length == 0) break;
    if (item.kind != BUSD_ITEM_REQUEST || !busd_request_is_open(connection, item.call)) continue;
    if (busd_request_progress(connection, item.call, 1, 2, task, &error) != BUSD_OK) break;
    if (item.request->stream && busd_request_chunk(connection, item.call, task, 0, &error) != BUSD_OK) break;
    if (busd_request_respond(connection, item.call, item.request->args, &error) == BUSD_INVALID &&
        busd_request_fail(connection, item.call, task, task, task, &error) == BUSD_INVALID)
      busd_request_decline(connection, item.call, &error);
  }
  return busd_connection_unprovide(connection, NULL, 0, &error) == BUSD_OK;
}

int use_streams(busd_connection* connection) {
  busd_error error = BUSD_INIT(busd_error);
  busd_stream* stream = NULL;
  int from = -1;
  if (busd_stream_open(connection, &stream, &error) != BUSD_OK) return 1;
  if (busd_stream_receive(busd_stream_ticket(stream), &from, &error) != BUSD_OK) {
    busd_stream_close(stream);
    return 2;
  }
  return busd_stream_send(stream, from, &error) == BUSD_OK;
}

static busd_update_step leave(void* context, const busd_value* present, busd_text* next) {
  if (present != NULL) *next = present->value;
  return context == NULL ? BUSD_UPDATE_LEAVE : BUSD_UPDATE_PUT;
}

int use_values(busd_connection* connection, busd_text key) {
  busd_put_options put = BUSD_INIT(busd_put_options);
  busd_delete_options deletion = BUSD_INIT(busd_delete_options);
  busd_get_options get = BUSD_INIT(busd_get_options);
  busd_list_options list = BUSD_INIT(busd_list_options);
  busd_update_options update = BUSD_INIT(busd_update_options);
  busd_watch_options watch = BUSD_INIT(busd_watch_options);
  busd_change change = BUSD_INIT(busd_change);
  busd_value value = BUSD_INIT(busd_value);
  busd_page page = BUSD_INIT(busd_page);
  busd_item item = BUSD_INIT(busd_item);
  busd_error error = BUSD_INIT(busd_error);
  uint64_t number = 0;
  put.durable = BUSD_DURABLE_MEMORY;
  update.put = &put;
  if (busd_connection_put(connection, key, key, &put, &change, &error) == BUSD_STALE)
    return change.present->deleted;
  if (busd_connection_update(connection, key, leave, NULL, &update, &change, &error) != BUSD_OK) return 2;
  if (busd_connection_get(connection, key, &get, &value, &error) == BUSD_NOT_FOUND) return 3;
  if (busd_connection_list(connection, &list, &page, &error) != BUSD_OK || page.count == 0) return 4;
  if (busd_connection_delete(connection, key, &deletion, &change, &error) != BUSD_OK) return 5;
  if (busd_connection_put_start(connection, key, key, &put, &number, &error) != BUSD_OK) return 6;
  if (busd_connection_get_start(connection, key, &get, &number, &error) != BUSD_OK) return 7;
  if (busd_connection_list_start(connection, &list, &number, &error) != BUSD_OK) return 8;
  if (busd_connection_delete_start(connection, key, &deletion, &number, &error) != BUSD_OK) return 9;
  if (busd_connection_watch(connection, &key, 1, &watch, &number, &error) != BUSD_OK) return 10;
  while (busd_connection_next(connection, BUSD_FOREVER, &item, &error) == BUSD_OK) {
    if (item.kind == BUSD_ITEM_SYNCED && item.synced->reset) break;
    if (item.kind == BUSD_ITEM_ANSWERED && item.result == BUSD_STORE) break;
  }
  return busd_connection_unwatch(connection, number, &error) == BUSD_OK;
}

int use_cache(busd_connection* connection, busd_text key) {
  busd_value value = BUSD_INIT(busd_value);
  busd_item item = BUSD_INIT(busd_item);
  busd_cache* cache = NULL;
  if (busd_cache_open(connection, &key, 1, NULL, &cache, NULL) != BUSD_OK) return 1;
  while (!busd_cache_is_synced(cache) && busd_connection_next(connection, 0, &item, NULL) == BUSD_OK)
    busd_cache_take(cache, &item);
  if (busd_cache_count(cache) != busd_cache_generation(cache) + busd_cache_watch(cache))
    (void)busd_cache_next(cache, key, &value);
  (void)busd_cache_get(cache, key, &value);
  busd_cache_close(cache, connection);
  return value.version > 0;
}

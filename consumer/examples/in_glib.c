/*
 * in_glib.c - a consumer in C, hosted in GLib's main loop: prints the payload of each event of one type.
 *
 *   example-in-glib clock.tick 3
 *
 * A GTK program does the same, because its main loop is that of GLib. Needs GLib 2.36 or later (Debian:
 * libglib2.0-dev).
 */
#include <busd/consumer.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loops/glib_host.h"

/* Most items of one turn. Then the rest of the loop gets its turn; the other items are due at once. */
enum { items_per_turn = 256 };

typedef struct {
  GMainLoop* loop;
  busd_consumer* consumer;
  long wanted;
  int exit_code;
} program;

static void show(program* self, const busd_item* item) {
  if (item->kind == BUSD_ITEM_BREAK) fputs("the hub is gone\n", stderr);
  if (item->kind == BUSD_ITEM_RESET) fputs("connected again\n", stderr);
  if (item->kind != BUSD_ITEM_EVENT) return;
  fwrite(item->payload.data, 1, item->payload.length, stdout);
  putchar('\n');
  fflush(stdout);
  --self->wanted;
}

static gboolean turn(gpointer context) {
  program* self = context;
  busd_error error = BUSD_INIT(busd_error);
  for (int n = 0; n < items_per_turn && self->wanted > 0; ++n) {
    busd_item item = BUSD_INIT(busd_item);
    busd_result result = busd_consumer_next(self->consumer, 0, &item, &error);
    if (result == BUSD_TIMED_OUT) return G_SOURCE_CONTINUE;
    if (result != BUSD_OK) {
      fprintf(stderr, "%s\n", error.message);
      self->exit_code = 69;
      break;
    }
    show(self, &item);
  }
  if (self->wanted > 0 && self->exit_code == 0) return G_SOURCE_CONTINUE;
  g_main_loop_quit(self->loop);
  return G_SOURCE_REMOVE;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s EVENT_TYPE COUNT\n", argv[0]);
    return 64;
  }
  busd_text type = {argv[1], strlen(argv[1])};
  busd_consumer_options options = BUSD_INIT(busd_consumer_options);
  options.key = type;
  options.event_types = &type;
  options.event_type_count = 1;

  program self = {.wanted = strtol(argv[2], NULL, 10)};
  busd_error error = BUSD_INIT(busd_error);
  if (busd_consumer_open(&options, &self.consumer, &error) != BUSD_OK) {
    fprintf(stderr, "%s: %s\n", argv[0], error.message);
    return 69;
  }

  self.loop = g_main_loop_new(NULL, FALSE);
  GSource* host = busd_glib_host_consumer(self.consumer);
  g_source_set_callback(host, turn, &self, NULL);
  g_source_attach(host, NULL);
  g_source_unref(host);
  fputs("ready\n", stderr);
  g_main_loop_run(self.loop);

  g_main_loop_unref(self.loop);
  busd_consumer_close(self.consumer, NULL);
  return self.exit_code;
}

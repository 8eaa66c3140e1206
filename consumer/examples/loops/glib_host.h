/*
 * glib_host.h - hosts a client in GLib's main loop (2.36 and later). In C, and for C++. Copy it.
 *
 *   GSource* host = busd_glib_host_consumer(consumer);
 *   g_source_set_callback(host, turn, context, NULL);
 *   g_source_attach(host, NULL);
 *   g_source_unref(host);
 *
 * `turn` is a GSourceFunc. The loop calls it whenever the client is due. For a consumer it calls
 * busd_consumer_next(…, 0, …) until that returns BUSD_TIMED_OUT, or less often; for a source it calls
 * busd_source_process. G_SOURCE_REMOVE ends the hosting, and so does g_source_destroy. The client must
 * outlive the host.
 */
#ifndef BUSD_GLIB_HOST_H
#define BUSD_GLIB_HOST_H

#include <busd/consumer.h>
#include <glib-unix.h>
#include <glib.h>
#include <poll.h>

typedef struct busd_glib_host {
  GSource base; /* must be first: GLib passes the host as its base */
  gpointer watched;
  unsigned wanted;         /* events of the descriptor, as a GIOCondition */
  busd_consumer* consumer; /* one of these two is set */
  busd_source* source;
} busd_glib_host;

/* Asks the client before each wait, so that the client may be called from anywhere in the loop. */
static inline gboolean busd_glib_host_prepare(GSource* base, gint* timeout) {
  busd_glib_host* host = (busd_glib_host*)(void*)base;
  int64_t deadline =
      host->consumer != NULL ? busd_consumer_deadline(host->consumer) : busd_source_deadline(host->source);
  short events =
      host->consumer != NULL ? busd_consumer_events(host->consumer) : busd_source_events(host->source);
  unsigned wanted = (events & POLLIN ? (unsigned)G_IO_IN : 0U) | (events & POLLOUT ? (unsigned)G_IO_OUT : 0U);
  /* Only if they have changed, because this wakes the loop. */
  if (wanted != host->wanted) g_source_modify_unix_fd(base, host->watched, (GIOCondition)wanted);
  host->wanted = wanted;
  *timeout = deadline > G_MAXINT ? G_MAXINT : (gint)deadline; /* -1 means "no limit" to both */
  return deadline == 0;
}

static inline gboolean busd_glib_host_check(GSource* base) {
  busd_glib_host* host = (busd_glib_host*)(void*)base;
  gint timeout = 0;
  return g_source_query_unix_fd(base, host->watched) != 0 || busd_glib_host_prepare(base, &timeout);
}

static inline gboolean busd_glib_host_dispatch(GSource* base, GSourceFunc turn, gpointer context) {
  (void)base;
  return turn != NULL ? turn(context) : G_SOURCE_REMOVE;
}

static inline GSource* busd_glib_host_of(busd_consumer* consumer, busd_source* source, int fd) {
  static GSourceFuncs functions = {
      busd_glib_host_prepare, busd_glib_host_check, busd_glib_host_dispatch, NULL, NULL, NULL};
  GSource* base = g_source_new(&functions, sizeof(busd_glib_host));
  busd_glib_host* host = (busd_glib_host*)(void*)base;
  g_source_set_name(base, "busd");
  host->consumer = consumer;
  host->source = source;
  host->wanted = G_IO_IN;
  host->watched = g_source_add_unix_fd(base, fd, G_IO_IN);
  return base;
}

static inline GSource* busd_glib_host_consumer(busd_consumer* consumer) {
  return busd_glib_host_of(consumer, NULL, busd_consumer_fd(consumer));
}

static inline GSource* busd_glib_host_source(busd_source* source) {
  return busd_glib_host_of(NULL, source, busd_source_fd(source));
}

#endif /* BUSD_GLIB_HOST_H */

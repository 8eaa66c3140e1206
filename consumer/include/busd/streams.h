/*
 * busd/streams.h - one-shot streams: bulk bytes from one program to another, beside the hub.
 *
 * Bytes in bulk do not pass through the hub. A provider opens a stream, answers a call (<busd/calls.h>) with
 * the stream's ticket, and sends. The caller opens the ticket and reads to the end of file. The conventions
 * of <busd/consumer.h> hold here.
 *
 *   provider  busd_stream_open, busd_request_respond with busd_stream_ticket, busd_connection_flush,
 *             busd_stream_send
 *   caller    busd_connection_call, busd_stream_receive with the result, read(2) until 0
 *
 * A stream is a Unix socket in the directory `streams` beside the hub's socket, which only its user may
 * enter. It has one reader, of the same user or root, who must know the random token of the ticket. What
 * nobody has begun to read 60 s after it was opened is gone. A stream does not belong to the connection:
 * another thread may send it.
 *
 * The end of a stream and the death of its sender look the same to the reader. Where that matters, put the
 * number of bytes into the result, beside the ticket's member `stream`.
 */
#ifndef BUSD_STREAMS_H
#define BUSD_STREAMS_H

#include <busd/consumer.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct busd_stream busd_stream;

/*
 * Makes a stream beside the hub of this connection. Removes what streams of programs that died have left
 * there.
 *
 * BUSD_DENIED    the directory cannot be made, is not private, or belongs to another user
 * BUSD_INVALID   the path would be too long for a socket
 * BUSD_INTERNAL  the operating system failed
 */
BUSD_API busd_result busd_stream_open(const busd_connection* connection, busd_stream** stream,
                                      busd_error* error);

/* {"stream":{"socket":PATH,"token":TEXT}}, raw JSON for a result. Borrowed until the stream is freed. */
BUSD_API busd_text busd_stream_ticket(const busd_stream* stream);

/*
 * Waits for the reader, at most until 60 s after the stream was opened. Then copies what the descriptor
 * `from` gives until its end of file, ends the stream, and frees it, whatever the result is. `from` stays
 * open. While the reader does not keep up, waits without limit.
 *
 * BUSD_OK        everything was copied
 * BUSD_TIMED_OUT nobody came to read
 * BUSD_CLOSED    the reader went away before the end
 * BUSD_INTERNAL  reading from `from` failed; the reader gets less than everything
 */
BUSD_API busd_result busd_stream_send(busd_stream* stream, int from, busd_error* error);

/* Frees a stream that is not to be sent. NULL is allowed. */
BUSD_API void busd_stream_close(busd_stream* stream);

/*
 * Opens the stream of a ticket: `ticket` is an object with a member `stream`, as in a result. `*to` receives
 * a descriptor to read from until its end of file, blocking and close-on-exec, which the caller closes.
 *
 * BUSD_INVALID      `ticket` is no ticket
 * BUSD_UNREACHABLE  the stream is gone: it was read already, was not read for 60 s, or its sender died
 * BUSD_DENIED       it belongs to another user
 */
BUSD_API busd_result busd_stream_receive(busd_text ticket, int* to, busd_error* error);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* BUSD_STREAMS_H */

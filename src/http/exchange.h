/* SPDX-License-Identifier: Apache-2.0
 *
 * One HTTP request and its answer, as a door sees it. The loop (http/loop.h) reads the request, the door
 * answers it with rh_exchange_answer() or rh_exchange_refuse(), once, at once or later, on the loop's thread.
 *
 *             .-> LOAD -.
 *   LINE ---> BODY ---> WORK ---> ANSWERED ---> QUEUED ---> (end)
 *    | \______________________________^   refused or answered on its head: the body is not read
 *    v
 *   HELD -- rh_exchange_wake(): as LINE
 *
 * A large body may go to the door in pieces (LOAD), where the door has set max_load. It may answer before it
 * has it all; the rest is then read away, so that the client reads its answer. The client may leave
 * meanwhile; the exchange then lives on until the door has finished it.
 *
 * An answer whose end is not there yet: rh_exchange_stream(), then rh_exchange_send() as it comes, then
 * rh_exchange_finish(). The connection sleeps when all that has come was sent. The client may leave
 * meanwhile; the exchange then lives on until the door has finished it.
 *
 * LINE: path and query are known; HELD: the door cannot judge the head yet, the connection sleeps; BODY: the
 * head was seen by the door, the body is being collected; WORK: the door has it all, the connection sleeps;
 * ANSWERED: the response is made; QUEUED: the HTTP library sends it.
 *
 * Ownership: everything here, the arena included, lives until the answer is sent or the client is gone, but
 * never ends while in WORK or HELD.
 */
#ifndef RH_EXCHANGE_H
#define RH_EXCHANGE_H

#include <microhttpd.h>

#include "base/arena.h"
#include "base/err.h"
#include "http/client.h"
#include "http/encode.h"
#include "http/cors.h"
#include "http/kept.h"
#include "http/pieces.h"
#include "rest/rest.h"

struct rh_loop;
typedef struct rh_exchange rh_exchange;

/* The headers a door may want, NULL when absent; the table in exchange.c fills them. */
typedef struct rh_http_headers {
    const char *request_method, *request_headers; /* Access-Control-: of a preflight */
    const char *authorization, *host, *origin, *prefer, *range, *range_unit, *accept, *content_type;
    const char *accept_profile, *content_profile; /* which schema a read or a write is about */
    const char *sec_fetch_site;                   /* what a browser says of the page that asks */
    const char *content_length, *transfer_encoding, *accept_encoding, *if_none_match;
    const char *request_id;
    const char *named; /* the door's named_header */
} rh_http_headers;

/* What stands behind a listening socket. Every function is called on the loop's thread. */
typedef struct rh_door {
    void *ctx;
    const char *named_header;                      /* one more header to look for; NULL or "": none */
    size_t max_body;                               /* a longer one is refused with 413 */
    rh_cors cors;                                  /* whose pages may read answers; zeroed: nobody else's */
    void (*on_head)(void *ctx, rh_exchange *x);    /* the head is in; may answer or hold. NULL: no check */
    void (*on_request)(void *ctx, rh_exchange *x); /* all is in */
    /* So much of a body that may be large has come. True: the door has taken that, and takes what follows in
     * pieces, or has answered. Else it is asked again when there is twice as much. */
    bool (*on_large)(void *ctx, rh_exchange *x, const char *bytes, size_t n);
    /* False: no more for now, until rh_exchange_read_on(). */
    bool (*on_piece)(void *ctx, rh_exchange *x, const char *bytes, size_t n);
    void (*on_last)(void *ctx, rh_exchange *x); /* that was all of it; to be answered as on_request */
    size_t load_from;                           /* bytes of a body before on_large */
    /* Of a streamed answer: no more than half of stream_buffer waits to be sent, after it was more. */
    void (*on_drained)(void *ctx, rh_exchange *x);
    /* Of a streamed answer that is not finished, or a body in pieces: nobody wants it any more. */
    void (*on_gone)(void *ctx, rh_exchange *x);
    size_t stream_buffer;
    bool encodes; /* answers have an ETag and go out in the coding that the client wants */
    /* The exchange is over, whatever became of it; the last that is heard of it. NULL: nobody wants to know.
     */
    void (*on_end)(void *ctx, rh_exchange *x);
    /* The loop stops: answer everything, then call closed(arg). NULL: nothing to wait for. */
    void (*close)(void *ctx, void (*closed)(void *arg), void *arg);
} rh_door;

typedef enum rh_exchange_state {
    RH_EXCHANGE_LINE,
    RH_EXCHANGE_HELD,
    RH_EXCHANGE_BODY,
    RH_EXCHANGE_LOAD,
    RH_EXCHANGE_WORK,
    RH_EXCHANGE_ANSWERED,
    RH_EXCHANGE_QUEUED,
} rh_exchange_state;

/* OPEN: more will come; WHOLE: nothing more; BROKEN: the client is not to take it for whole. */
typedef enum rh_stream_state {
    RH_STREAM_NONE,
    RH_STREAM_OPEN,
    RH_STREAM_WHOLE,
    RH_STREAM_BROKEN
} rh_stream_state;

struct rh_exchange {
    /* for the door to read */
    rh_arena *arena;
    rh_method method;
    const char *path, *query; /* raw: still percent-encoded; query is "" when absent */
    rh_http_headers headers;
    const char *body; /* NUL-terminated */
    size_t body_len;
    size_t max_body;   /* the door's, which may set another bound in on_head */
    uint64_t max_load; /* a longer one may go in pieces up to this; 0: not */
    void *user;        /* the door's */
    const char *id;    /* http/request_id.h */
    /* for on_end: when it began, what it was answered (status 0: nothing), and of an error its code and its
     * message, NULL where PostgreSQL's may quote values */
    int64_t since_us;
    unsigned status;
    uint64_t sent; /* bytes of the body */
    const char *code, *why;

    /* the loop's */
    struct {
        rh_exchange_state state;
        bool suspended, closes;
        struct rh_loop *loop;
        struct MHD_Connection *connection;
        rh_client *client;
        struct MHD_Response *response;
        rh_str body;
        uint64_t received, ask_at; /* ask_at: when the door is asked whether it takes it in pieces */
        rh_stream_state stream;
        bool is_full, gone;
        rh_pieces unsent;
        rh_encoder *encoder; /* of a streamed answer; NULL: none */
        rh_exchange *next;   /* free list */
    } own;
};

/* The schema that it names: Accept-Profile of reads, Content-Profile of everything else; NULL: none. */
const char *rh_exchange_profile(const rh_exchange *x);
/* body: malloc'ed and taken, NULL when there is none. Header values are copied. */
void rh_exchange_answer(rh_exchange *x, int status, const rh_rest_header *headers, int n_headers, char *body,
                        size_t body_len);
/* 200 with a text that is kept, as gzip where the client takes that, or 304. Takes over a use of it. */
void rh_exchange_answer_kept(rh_exchange *x, const rh_rest_header *headers, int n_headers, rh_kept *text);
/* The error as JSON with the status that belongs to it, WWW-Authenticate, Retry-After and Allow where they
 * belong. allow may be NULL. */
void rh_exchange_refuse(rh_exchange *x, const rh_err *err, const char *allow);
/* The same with headers that the app wants. */
void rh_exchange_refuse_with(rh_exchange *x, const rh_err *err, const char *allow,
                             const rh_rest_header *headers, int n);
/* The same under a status of its own. */
void rh_exchange_refuse_as(rh_exchange *x, int status, const rh_err *err, const char *allow);

/* What on_end is to know of an error that was not told by a refusal. */
void rh_exchange_note(rh_exchange *x, const rh_err *err);

/* The connection reads on; not within on_piece. */
void rh_exchange_read_on(rh_exchange *x);

/* Instead of an answer: status and headers of one that comes in pieces. */
void rh_exchange_stream(rh_exchange *x, int status, const rh_rest_header *headers, int n_headers);
/* bytes: malloc'ed and taken. False: stream_buffer is passed; the door may go on all the same, and on_drained
 * will tell when there is room. */
bool rh_exchange_send(rh_exchange *x, char *bytes, size_t n);
size_t rh_exchange_unsent(const rh_exchange *x);
/* The end of it, or of a body in pieces whose client has left; of one that is not whole the connection is
 * cut, so that the client sees it. x may be gone. */
void rh_exchange_finish(rh_exchange *x, bool whole);

/* From on_head only, instead of an answer: the head cannot be judged yet. */
void rh_exchange_hold(rh_exchange *x);
/* on_head is called again, not within this call. A held exchange may be answered instead. */
void rh_exchange_wake(rh_exchange *x);

/* ---- for the loop only ---- */
void rh_exchange_begin(rh_exchange *x, const char *uri);
/* Reads method and headers; what is wrong with them is refused. named is the door's named_header. */
void rh_exchange_read_head(rh_exchange *x, const char *method, const rh_door *door);
/* Takes a part of a body that is kept, or of one that was answered already. False: so much too long that the
 * connection is to be closed without an answer. */
bool rh_exchange_collect(rh_exchange *x, const char *bytes, size_t n);
/* So much of it has come that nobody waits for its end. */
bool rh_exchange_is_endless(const rh_exchange *x);
/* The door has taken what was collected, and takes what follows: LOAD, or answered. */
bool rh_exchange_hand_over(rh_exchange *x);
/* Refuses a body that is too long: by what the head says of it, or when it is all there. */
void rh_exchange_check_length(rh_exchange *x);
enum MHD_Result rh_exchange_queue(rh_exchange *x);
/* Releases all but the arena, which is cleared. */
void rh_exchange_end(rh_exchange *x);

#endif

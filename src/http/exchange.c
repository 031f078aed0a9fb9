/* SPDX-License-Identifier: Apache-2.0 */
#include "http/exchange.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/header.h"
#include "base/clock.h"
#include "http/etag.h"
#include "http/loop.h"
#include "http/request_id.h"

#define ERROR_TYPE "application/json; charset=utf-8"
#define MAX_ERROR_JSON ((size_t)32 << 10)
#define ETAG_UP_TO ((size_t)64 << 10)  /* larger ones may be sent before their end is known */
#define ENCODE_FROM 1024               /* bytes: what is saved on less is lost on the way there */
#define ENCODE_UP_TO ((size_t)1 << 20) /* more at once would keep the loop from others */

#define PLAIN_BLOCK 16384 /* bytes that are unpacked at a time */

/* ---- the head ---- */

/* What a header that comes twice means: REFUSE where the two could contradict each other about who asks or
 * how long the body is, JOIN for lists. */
enum repeat { REFUSE, JOIN, FIRST };

/* The headers doors want. To add one: a field in rh_http_headers and a row here. */
static const struct wanted {
    const char *name;
    size_t len, offset;
    enum repeat repeat;
} wanted[] = {
#define ROW(name, field, repeat)                                                                             \
    {                                                                                                        \
        name, sizeof name - 1, offsetof(rh_http_headers, field), repeat                                      \
    }
    ROW("Authorization", authorization, REFUSE),
    ROW("Host", host, REFUSE),
    ROW("Origin", origin, REFUSE),
    ROW("Prefer", prefer, JOIN),
    ROW("Range", range, FIRST),
    ROW("Range-Unit", range_unit, FIRST),
    ROW("Accept", accept, JOIN),
    ROW("Content-Type", content_type, REFUSE),
    ROW("Accept-Profile", accept_profile, REFUSE),
    ROW("Content-Profile", content_profile, REFUSE),
    ROW("Sec-Fetch-Site", sec_fetch_site, REFUSE),
    ROW("Access-Control-Request-Method", request_method, REFUSE),
    ROW("Access-Control-Request-Headers", request_headers, JOIN),
    ROW("Content-Length", content_length, REFUSE),
    ROW("Transfer-Encoding", transfer_encoding, REFUSE),
    ROW("Accept-Encoding", accept_encoding, JOIN),
    ROW("If-None-Match", if_none_match, JOIN),
    ROW("X-Request-Id", request_id, FIRST),
#undef ROW
};

static const struct {
    const char *name;
    rh_method method;
} methods[] = {
    {"GET", RH_GET}, {"HEAD", RH_HEAD},     {"POST", RH_POST},       {"PATCH", RH_PATCH},
    {"PUT", RH_PUT}, {"DELETE", RH_DELETE}, {"OPTIONS", RH_OPTIONS},
};

struct head_scan {
    rh_exchange *x;
    struct wanted named;
    const char *bad; /* the header to blame */
};

void rh_exchange_begin(rh_exchange *x, const char *uri)
{
    x->since_us = rh_now_us();
    /* absolute form, as proxies send it: the path begins after the authority */
    if (strncasecmp(uri, "http://", 7) == 0 || strncasecmp(uri, "https://", 8) == 0) {
        uri = strchr(uri, ':') + 3;
        uri += strcspn(uri, "/?");
    }
    const char *mark = strchr(uri, '?');
    x->path = mark ? rh_arena_strndup(x->arena, uri, (size_t)(mark - uri)) : rh_arena_strdup(x->arena, uri);
    x->query = mark ? rh_arena_strdup(x->arena, mark + 1) : "";
    if (!*x->path)
        x->path = "/";
}

static const struct wanted *find_wanted(const struct head_scan *scan, const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (wanted[i].len == len && strncasecmp(wanted[i].name, name, len) == 0)
            return &wanted[i];
    if (scan->named.len && scan->named.len == len && strncasecmp(scan->named.name, name, len) == 0)
        return &scan->named;
    return NULL;
}

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                 const char *value, size_t len)
{
    struct head_scan *scan = arg;
    if (!rh_header_name_ok(name, name_len)) {
        scan->bad = "with a blank or worse in its name";
        return MHD_NO;
    }
    if (value && !rh_header_value_ok(value, len)) {
        scan->bad = rh_arena_strndup(scan->x->arena, name, name_len);
        return MHD_NO;
    }
    const struct wanted *w = find_wanted(scan, name, name_len);
    if (!w)
        return MHD_YES;
    const char **field = (const char **)((char *)&scan->x->headers + w->offset);
    if (*field && w->repeat == REFUSE) {
        scan->bad = w->name;
        return MHD_NO;
    }
    if (!*field)
        *field = value ? value : "";
    else if (w->repeat == JOIN)
        *field = rh_arena_printf(scan->x->arena, "%s, %s", *field, value ? value : "");
    return MHD_YES;
}

static uint64_t most_of(const rh_exchange *x)
{
    return x->max_load > x->max_body ? x->max_load : x->max_body;
}

bool rh_exchange_is_endless(const rh_exchange *x)
{
    return x->own.received / 2 > most_of(x);
}

void rh_exchange_check_length(rh_exchange *x)
{
    rh_err err;
    uint64_t n = 0, most = most_of(x);
    const char *length = x->headers.content_length;
    if (length && !rh_parse_uint(length, strlen(length), &n))
        n = UINT64_MAX;
    if (n <= most && x->own.received <= x->max_body)
        return;
    rh_err_set(&err, RH_E_TOO_LARGE, "the request body is larger than %llu bytes",
               (unsigned long long)(n > most ? most : x->max_body));
    rh_exchange_refuse(x, &err, NULL);
}

void rh_exchange_read_head(rh_exchange *x, const char *method, const rh_door *door)
{
    rh_err err;
    struct head_scan scan = {.x = x};
    if (door->named_header && *door->named_header)
        scan.named = (struct wanted){door->named_header, strlen(door->named_header),
                                     offsetof(rh_http_headers, named), REFUSE};
    x->max_body = door->max_body;
    x->method = RH_METHOD_OTHER;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, method) == 0)
            x->method = methods[i].method;
    MHD_get_connection_values_n(x->own.connection, MHD_HEADER_KIND, on_header, &scan);
    x->id = rh_request_id(x->arena, x->headers.request_id);
    if (scan.bad) {
        rh_err_set(&err, RH_E_INVALID, "the header %s is there twice or malformed", scan.bad);
        x->own.closes = true;
        rh_exchange_refuse(x, &err, NULL);
    } else if (x->path[0] != '/' && x->method != RH_OPTIONS) {
        rh_err_set(&err, RH_E_INVALID, "the request target is not a path");
        rh_exchange_refuse(x, &err, NULL);
    } else if (x->headers.content_length && x->headers.transfer_encoding) {
        rh_err_set(&err, RH_E_INVALID, "the request has both Content-Length and Transfer-Encoding");
        x->own.closes = true;
        rh_exchange_refuse(x, &err, NULL);
    }
}

const char *rh_exchange_profile(const rh_exchange *x)
{
    return x->method == RH_GET || x->method == RH_HEAD ? x->headers.accept_profile
                                                       : x->headers.content_profile;
}

/* ---- the body ---- */

static void resume(rh_exchange *x)
{
    if (!x->own.suspended)
        return;
    x->own.suspended = false;
    MHD_resume_connection(x->own.connection);
    rh_loop_wake(x->own.loop);
}

bool rh_exchange_collect(rh_exchange *x, const char *bytes, size_t n)
{
    size_t max = x->max_body;
    if (x->own.received == 0)
        rh_str_init(&x->own.body, max);
    x->own.received += n;
    if (x->own.received <= max && !x->own.response)
        rh_str_addn(&x->own.body, bytes, n);
    /* more is read away, so that the client reads its 413 */
    return x->own.received / 2 <= max || x->own.received <= x->max_load;
}

bool rh_exchange_hand_over(rh_exchange *x)
{
    const rh_door *door = rh_loop_door(x->own.loop);
    uint64_t most = x->own.ask_at ? x->own.ask_at : door->load_from;
    if (!x->max_load || x->own.received <= most || x->own.received > x->max_body)
        return false;
    x->own.ask_at = x->own.received * 2;
    if (!door->on_large(door->ctx, x, rh_str_cstr(&x->own.body), x->own.body.len))
        return false;
    rh_str_release(&x->own.body);
    return true;
}

void rh_exchange_read_on(rh_exchange *x)
{
    rh_loop_enter(x->own.loop, x, RH_CLIENT_LOADING);
    resume(x);
}

/* ---- the answer ---- */

/* HEAD's too, when its length is not known: one of unknown size is sent chunked, and the library ends that
 * with the bytes of a last chunk, which are not HEAD's to have; from 1.0 on one without any length can be had
 * (MHD_RF_HEAD_ONLY_RESPONSE), but ends the connection. */
static struct MHD_Response *make_response(char *body, size_t len)
{
    if (body)
        return MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
    return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
}

void rh_exchange_hold(rh_exchange *x)
{
    x->own.state = RH_EXCHANGE_HELD;
}

void rh_exchange_wake(rh_exchange *x)
{
    resume(x);
}

static void add_cors(rh_exchange *x, struct MHD_Response *response)
{
    rh_rest_header headers[RH_CORS_MAX_HEADERS];
    int n = rh_cors_headers(&rh_loop_door(x->own.loop)->cors, &x->headers, headers);
    for (int i = 0; i < n; i++)
        MHD_add_response_header(response, headers[i].name, headers[i].value);
}

static void respond(rh_exchange *x, int status, const rh_rest_header *headers, int n_headers,
                    struct MHD_Response *response)
{
    MHD_add_response_header(response, MHD_HTTP_HEADER_SERVER, "rowhouse");
    if (x->id)
        MHD_add_response_header(response, "X-Request-Id", x->id);
    add_cors(x, response);
    for (int i = 0; i < n_headers; i++)
        MHD_add_response_header(response, headers[i].name, headers[i].value);
    if (x->own.closes || rh_loop_is_stopping(x->own.loop))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    x->own.response = response;
    x->status = (unsigned)status;
    if (x->own.state == RH_EXCHANGE_LOAD) /* the rest of the body is still to be read away */
        rh_loop_enter(x->own.loop, x, RH_CLIENT_LOADING);
    x->own.state = RH_EXCHANGE_ANSWERED;
    resume(x);
}

/* The head of an answer while it is put together, and its body. */
struct answer {
    int status;
    rh_rest_header headers[RH_REST_MAX_HEADERS + 4];
    int n;
    char *body;
    size_t len;
};

static void add_header(struct answer *a, const char *name, const char *value)
{
    a->headers[a->n++] = (rh_rest_header){name, value};
}

static void copy_headers(struct answer *a, const rh_rest_header *headers, int n)
{
    a->n = n < RH_REST_MAX_HEADERS ? n : RH_REST_MAX_HEADERS;
    for (int i = 0; i < a->n; i++)
        a->headers[i] = headers[i];
}

/* The coding that its content goes out in; says so in the head. */
static rh_coding choose_coding(const rh_exchange *x, struct answer *a)
{
    const char *type = NULL;
    rh_coding coding = rh_coding_of(x->headers.accept_encoding);
    for (int i = 0; i < a->n; i++) {
        if (strcasecmp(a->headers[i].name, "Content-Type") == 0)
            type = a->headers[i].value;
        if (strcasecmp(a->headers[i].name, "Content-Encoding") == 0)
            return RH_CODING_NONE; /* the app's own */
    }
    if (!type || !rh_coding_pays(type))
        return RH_CODING_NONE;
    add_header(a, "Vary", "Accept-Encoding");
    if (coding != RH_CODING_NONE)
        add_header(a, "Content-Encoding", rh_coding_name(coding));
    return coding;
}

static void encode(struct answer *a, rh_coding coding)
{
    rh_str out;
    rh_encoder *e = rh_encoder_new(coding);
    rh_str_init(&out, a->len * 2 + ENCODE_FROM);
    rh_encoder_add(e, a->body, a->len, true, &out);
    rh_encoder_free(e);
    free(a->body);
    a->body = rh_str_take(&out, &a->len);
}

/* Has an ETag of its content, and no content when the client has it. */
static void tag(rh_exchange *x, struct answer *a)
{
    char *etag = rh_arena_alloc(x->arena, RH_ETAG_SIZE);
    for (int i = 0; i < a->n; i++)
        if (strcasecmp(a->headers[i].name, "ETag") == 0)
            return;
    rh_etag_of(a->status, a->headers, a->n, a->body, a->len, etag);
    add_header(a, "ETag", etag);
    if (!rh_etag_matches(x->headers.if_none_match, etag))
        return;
    free(a->body);
    a->body = NULL;
    a->len = 0;
    a->status = 304;
}

void rh_exchange_answer(rh_exchange *x, int status, const rh_rest_header *headers, int n_headers, char *body,
                        size_t body_len)
{
    struct answer a = {.status = status, .body = body, .len = body ? body_len : 0};
    copy_headers(&a, headers, n_headers);
    if (rh_loop_door(x->own.loop)->encodes && body) {
        if (x->method == RH_GET && status == 200 && a.len <= ETAG_UP_TO)
            tag(x, &a);
        rh_coding coding =
            a.len >= ENCODE_FROM && a.len <= ENCODE_UP_TO ? choose_coding(x, &a) : RH_CODING_NONE;
        if (coding != RH_CODING_NONE)
            encode(&a, coding);
    }
    x->sent = a.len;
    respond(x, a.status, a.headers, a.n, make_response(a.body, a.len));
}

/* ---- an answer that is kept ---- */

static void leave_kept(void *text)
{
    rh_kept_leave(text);
}

struct plain_text {
    rh_exchange *x;
    rh_unpacker *unpacker;
};

static ssize_t read_plain(void *arg, uint64_t position, char *to, size_t max)
{
    struct plain_text *p = arg;
    size_t n = rh_unpacker_read(p->unpacker, to, max);
    rh_loop_enter(p->x->own.loop, p->x, RH_CLIENT_SENDING);
    return n ? (ssize_t)n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_plain(void *arg)
{
    struct plain_text *p = arg;
    rh_unpacker_free(p->unpacker);
    free(p);
}

static struct MHD_Response *plain_response(rh_exchange *x, rh_kept *text)
{
    struct plain_text *p = rh_xmalloc(sizeof *p);
    *p = (struct plain_text){x, rh_unpacker_new(text)};
    return MHD_create_response_from_callback(text->plain_len, PLAIN_BLOCK, read_plain, p, free_plain);
}

void rh_exchange_answer_kept(rh_exchange *x, const rh_rest_header *headers, int n_headers, rh_kept *text)
{
    struct answer a = {.status = 200};
    bool packed = rh_coding_is_taken(x->headers.accept_encoding, RH_CODING_GZIP);
    copy_headers(&a, headers, n_headers);
    add_header(&a, "ETag", rh_arena_strdup(x->arena, text->etag));
    add_header(&a, "Vary", "Accept-Encoding");
    if (rh_etag_matches(x->headers.if_none_match, text->etag)) {
        rh_kept_leave(text);
        respond(x, 304, a.headers, a.n, make_response(NULL, 0));
        return;
    }
    if (packed)
        add_header(&a, "Content-Encoding", rh_coding_name(RH_CODING_GZIP));
    x->sent = x->method == RH_HEAD ? 0 : packed ? text->len : text->plain_len;
    respond(x, a.status, a.headers, a.n,
            packed ? MHD_create_response_from_buffer_with_free_callback_cls(text->len, (void *)text->gzip,
                                                                            leave_kept, text)
                   : plain_response(x, text));
}

/* ---- the answer in pieces ---- */

/* The library's block: it reads straight into the connection's memory, but keeps one of this size. */
#define BLOCK 512

static ssize_t read_stream(void *arg, uint64_t position, char *to, size_t max)
{
    rh_exchange *x = arg;
    const rh_door *door = rh_loop_door(x->own.loop);
    if (x->own.stream == RH_STREAM_BROKEN)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = rh_pieces_take(&x->own.unsent, to, max);
    if (x->own.stream == RH_STREAM_OPEN && x->own.is_full && x->own.unsent.bytes <= door->stream_buffer / 2) {
        x->own.is_full = false;
        door->on_drained(door->ctx, x);
    }
    if (n) {
        rh_loop_enter(x->own.loop, x, RH_CLIENT_SENDING);
        return (ssize_t)n;
    }
    if (x->own.stream == RH_STREAM_WHOLE)
        return MHD_CONTENT_READER_END_OF_STREAM;
    rh_loop_enter(x->own.loop, x, RH_CLIENT_BUSY);
    x->own.suspended = true;
    MHD_suspend_connection(x->own.connection);
    return 0;
}

void rh_exchange_stream(rh_exchange *x, int status, const rh_rest_header *headers, int n_headers)
{
    struct answer a = {.status = status};
    rh_coding coding = RH_CODING_NONE;
    copy_headers(&a, headers, n_headers);
    if (rh_loop_door(x->own.loop)->encodes)
        coding = choose_coding(x, &a);
    if (coding != RH_CODING_NONE)
        x->own.encoder = rh_encoder_new(coding);
    x->own.stream = RH_STREAM_OPEN;
    respond(x, status, a.headers, a.n,
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, x, NULL));
}

/* bytes may be NULL where n is 0. */
static void add_piece(rh_exchange *x, char *bytes, size_t n, bool last)
{
    rh_str out;
    if (x->own.encoder) {
        rh_str_init(&out, n * 2 + ((size_t)4 << 20)); /* what the encoder held back comes along */
        rh_encoder_add(x->own.encoder, bytes, n, last, &out);
        free(bytes);
        bytes = rh_str_take(&out, &n);
    }
    x->sent += n;
    rh_pieces_add(&x->own.unsent, bytes, n);
}

bool rh_exchange_send(rh_exchange *x, char *bytes, size_t n)
{
    if (x->own.gone) {
        free(bytes);
        return true;
    }
    add_piece(x, bytes, n, false);
    x->own.is_full = x->own.unsent.bytes > rh_loop_door(x->own.loop)->stream_buffer;
    resume(x);
    return !x->own.is_full;
}

size_t rh_exchange_unsent(const rh_exchange *x)
{
    return x->own.unsent.bytes;
}

void rh_exchange_finish(rh_exchange *x, bool whole)
{
    if (whole && x->own.encoder && !x->own.gone)
        add_piece(x, NULL, 0, true);
    x->own.stream = whole ? RH_STREAM_WHOLE : RH_STREAM_BROKEN;
    if (x->own.gone)
        rh_loop_release(x->own.loop, x);
    else
        resume(x);
}

/* PostgreSQL's messages and the app's may quote values; these classes are of its own affairs. */
static bool may_be_logged(const rh_err *err)
{
    static const char *const classes[] = {"08", "25", "26", "34", "3B", "40", "53",
                                          "54", "55", "57", "58", "RH", "XX"};
    if (!*err->sqlstate)
        return !*err->name;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (rh_starts_with(err->sqlstate, classes[i]))
            return true;
    return false;
}

void rh_exchange_note(rh_exchange *x, const rh_err *err)
{
    x->code = *err->name       ? "PGRST"
              : *err->sqlstate ? rh_arena_strdup(x->arena, err->sqlstate)
                               : rh_code_name(err->code);
    x->why = may_be_logged(err) ? rh_arena_strdup(x->arena, err->message) : NULL;
}

/* What RFC 6750 wants told of a refused token; quotes and the like would end the text. */
static const char *challenge(rh_exchange *x, const rh_err *err)
{
    if (err->code != RH_E_JWT && err->code != RH_E_JWT_CLAIMS)
        return "Bearer";
    char *text = rh_arena_strdup(x->arena, err->message);
    for (char *p = text; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ' || (unsigned char)*p > '~')
            *p = ' ';
    return rh_arena_printf(x->arena, "Bearer error=\"invalid_token\", error_description=\"%s\"", text);
}

static void refuse(rh_exchange *x, int status, const rh_err *err, const char *allow,
                   const rh_rest_header *more, int n_more)
{
    rh_rest_header headers[5 + RH_REST_MAX_HEADERS] = {{"Content-Type", ERROR_TYPE}};
    rh_str json;
    size_t len;
    char seconds[16];
    int n = 1;
    if (status == 401)
        headers[n++] = (rh_rest_header){"WWW-Authenticate", challenge(x, err)};
    if (status == 503 || status == 429) {
        snprintf(seconds, sizeof seconds, "%d", err->retry_after ? err->retry_after : 1);
        headers[n++] = (rh_rest_header){"Retry-After", seconds};
    }
    if (status == 405 && allow)
        headers[n++] = (rh_rest_header){"Allow", allow};
    rh_exchange_note(x, err);
    const char *name = rh_err_name(err);
    if (rh_header_name_ok(name, strlen(name))) /* the app's may be anything */
        headers[n++] =
            (rh_rest_header){"Proxy-Status", rh_arena_printf(x->arena, "rowhouse; error=%s", name)};
    for (int i = 0; i < n_more; i++)
        headers[n++] = more[i];
    rh_str_init(&json, MAX_ERROR_JSON);
    rh_err_json(err, &json);
    char *body = rh_str_take(&json, &len);
    rh_exchange_answer(x, status, headers, n, body, len);
}

void rh_exchange_refuse_as(rh_exchange *x, int status, const rh_err *err, const char *allow)
{
    refuse(x, status, err, allow, NULL, 0);
}

void rh_exchange_refuse_with(rh_exchange *x, const rh_err *err, const char *allow,
                             const rh_rest_header *headers, int n)
{
    refuse(x, rh_err_http(err), err, allow, headers, n);
}

void rh_exchange_refuse(rh_exchange *x, const rh_err *err, const char *allow)
{
    rh_exchange_refuse_as(x, rh_err_http(err), err, allow);
}

enum MHD_Result rh_exchange_queue(rh_exchange *x)
{
    enum MHD_Result ok = MHD_queue_response(x->own.connection, x->status, x->own.response);
    MHD_destroy_response(x->own.response);
    x->own.response = NULL;
    x->own.state = RH_EXCHANGE_QUEUED;
    return ok;
}

void rh_exchange_end(rh_exchange *x)
{
    const rh_door *door = rh_loop_door(x->own.loop);
    if (door->on_end)
        door->on_end(door->ctx, x);
    rh_arena *arena = x->arena;
    if (x->own.response)
        MHD_destroy_response(x->own.response);
    if (x->own.received)
        rh_str_release(&x->own.body);
    rh_pieces_clear(&x->own.unsent);
    rh_encoder_free(x->own.encoder);
    rh_arena_clear(arena);
    *x = (rh_exchange){.arena = arena, .own = {.loop = x->own.loop}};
}

/*
 * peer: both ends of a gateway benchmark in one program, one thread, epoll, Linux.
 *
 *   peer mock PORT DELAY_MS CHUNK_GAP_US N_CHUNKS [REPLIES]
 *       A chat upstream on 127.0.0.1:PORT. POST bodies with "stream":true get N_CHUNKS content events, a finish event,
 *       a usage event when stream_options.include_usage is true, and [DONE]; others get one JSON reply. DELAY_MS passes
 *       before the first byte, CHUNK_GAP_US between two events (0: all in one go, one write each). Keep-alive;
 *       requests by content-length or chunked, up to 8 MiB. Prints "ready" once it listens. Ends on SIGTERM.
 *       REPLIES speaks another format instead: records as in BODYFILE below, first the JSON reply, then each event.
 *
 *   peer load HOST PORT PATH CONNECTIONS SECONDS BODYFILE [HEADER...]
 *       Posts the bodies of BODYFILE in turn on that many keep-alive connections, each sending the next request when
 *       its reply is whole. HOST is an IPv4 address. BODYFILE holds records: a decimal length, a newline, that many
 *       bytes, a newline; many different bodies, so that no cache can answer. The replies to the first tenth of the
 *       time (at most half a second) warm up and are not counted.
 *       Prints one JSON line: n, rps, first_byte_p50_us, first_byte_p99_us, total_p50_us, total_p99_us (of good replies),
 *       bad (status other than 200, or a stream without its format's last event and a zero-length chunk), errors (connections
 *       lost in mid-request; each is dialled anew), events_per_reply, seconds.
 *       Ends with status 1 when the server cannot be reached.
 *
 * Build: cc -O2 -o peer peer.c
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_EVENTS 512
#define MAX_REQUEST (8u << 20)

static int epoll_fd;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void *need(void *p) {
    if (!p) die("memory");
    return p;
}

/* A growing byte buffer. */
typedef struct {
    char *at;
    size_t used, cap;
} buf;

static void buf_room(buf *b, size_t more) {
    if (b->used + more <= b->cap) return;
    while (b->used + more > b->cap) b->cap = b->cap ? b->cap * 2 : 16384;
    b->at = need(realloc(b->at, b->cap));
}

static void buf_add(buf *b, const char *data, size_t n) {
    buf_room(b, n);
    memcpy(b->at + b->used, data, n);
    b->used += n;
}

static void buf_drop(buf *b, size_t n) {
    memmove(b->at, b->at + n, b->used - n);
    b->used -= n;
}

static void watch(int fd, void *ptr, uint32_t events, int op) {
    struct epoll_event e = {.events = events, .data.ptr = ptr};
    if (epoll_ctl(epoll_fd, op, fd, &e)) die("epoll_ctl");
}

/* Finds `key` followed, after blanks, by `value`: enough to read the two members that a mock must know. */
static int says(const char *s, size_t n, const char *key, const char *value) {
    const char *end = s + n, *p = s;
    size_t nk = strlen(key), nv = strlen(value);
    while ((p = memmem(p, (size_t)(end - p), key, nk))) {
        p += nk;
        const char *q = p;
        while (q < end && (*q == ' ' || *q == ':')) q++;
        if ((size_t)(end - q) >= nv && !memcmp(q, value, nv)) return 1;
    }
    return 0;
}

/* The value of a header inside a head, or NULL. */
static const char *header(const char *head, size_t n, const char *name) {
    const char *end = head + n, *p = head;
    size_t nn = strlen(name);
    while ((p = memmem(p, (size_t)(end - p), "\r\n", 2))) {
        p += 2;
        if ((size_t)(end - p) > nn && !strncasecmp(p, name, nn) && p[nn] == ':') {
            p += nn + 1;
            while (p < end && *p == ' ') p++;
            return p;
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------------------------ mock */

enum { READING, DELAYED, STREAMING };

typedef struct conn {
    int fd, state, is_gone, is_stream, wants_usage, next, is_writing;
    uint64_t due;
    size_t scanned; /* how far a chunked request was searched for its end */
    buf in, out;
    struct conn *later;
} conn;

/* Delays are equal for all, so a queue is a timer. */
typedef struct {
    conn *first, *last;
} queue;

static queue delayed, paced;
static uint64_t delay_ns, gap_ns;
static int n_chunks;
static buf json_reply, stream_head, usage_event, done_event;
static buf *events;

static void push(queue *q, conn *c) {
    c->later = NULL;
    if (q->last) q->last->later = c; else q->first = c;
    q->last = c;
}

static conn *pop(queue *q) {
    conn *c = q->first;
    q->first = c->later;
    if (!q->first) q->last = NULL;
    return c;
}

static void conn_free(conn *c) {
    free(c->in.at);
    free(c->out.at);
    free(c);
}

/* Gone at once if nothing refers to it, else when its turn in a queue comes. */
static void conn_gone(conn *c) {
    if (c->is_gone) return;
    close(c->fd);
    c->is_gone = 1;
}

static void flush_out(conn *c) {
    while (!c->is_gone && c->out.used) {
        ssize_t n = send(c->fd, c->out.at, c->out.used, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            if (!c->is_writing) watch(c->fd, c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            c->is_writing = 1;
            return;
        }
        if (n < 0) {
            conn_gone(c);
            return;
        }
        buf_drop(&c->out, (size_t)n);
    }
    if (!c->is_gone && c->is_writing) {
        watch(c->fd, c, EPOLLIN, EPOLL_CTL_MOD);
        c->is_writing = 0;
    }
}

static void say(conn *c, const buf *what) {
    if (c->is_gone) return;
    size_t sent = 0;
    if (!c->out.used) { /* the usual case: straight to the socket, one write an event as a real server does */
        ssize_t n = send(c->fd, what->at, what->used, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            conn_gone(c);
            return;
        }
        sent = n < 0 ? 0 : (size_t)n;
    }
    if (sent == what->used) return;
    buf_add(&c->out, what->at + sent, what->used - sent);
    flush_out(c);
}

static void take_request(conn *c);

static void reply_ended(conn *c) {
    c->state = READING;
    if (!c->is_gone && c->in.used) take_request(c);
}

/* Says event number c->next; 0 when that was the last. */
static int say_next(conn *c) {
    if (c->next <= n_chunks) { /* the contents, then the finish */
        say(c, &events[c->next++]);
        return 1;
    }
    if (c->wants_usage && usage_event.used) say(c, &usage_event);
    say(c, &done_event);
    return 0;
}

static void reply(conn *c) {
    if (!c->is_stream) {
        say(c, &json_reply);
        reply_ended(c);
        return;
    }
    c->next = 0;
    c->state = STREAMING;
    say(c, &stream_head);
    if (gap_ns) {
        say_next(c);
        c->due = now_ns() + gap_ns;
        push(&paced, c);
        return;
    }
    while (say_next(c)) continue;
    reply_ended(c);
}

/* Bytes of the first request in the buffer, 0 when it is not whole; *head is the length of its head. */
static size_t request_length(conn *c, size_t *head) {
    char *end = memmem(c->in.at, c->in.used, "\r\n\r\n", 4);
    if (!end) return 0;
    *head = (size_t)(end - c->in.at) + 4;
    const char *length = header(c->in.at, *head, "content-length");
    if (length) {
        size_t n = *head + strtoul(length, NULL, 10);
        return c->in.used >= n ? n : 0;
    }
    if (!header(c->in.at, *head, "transfer-encoding")) return *head;
    /* The last chunk is looked for, not counted to: bodies are JSON and hold no raw line ends. */
    size_t from = c->scanned > *head - 2 ? c->scanned : *head - 2;
    char *last = memmem(c->in.at + from, c->in.used - from, "\r\n0\r\n\r\n", 7);
    c->scanned = c->in.used > 6 ? c->in.used - 6 : 0;
    return last ? (size_t)(last - c->in.at) + 7 : 0;
}

static void take_request(conn *c) {
    size_t head = 0, n = request_length(c, &head);
    if (!n) {
        if (c->in.used > MAX_REQUEST) conn_gone(c);
        return;
    }
    c->is_stream = says(c->in.at + head, n - head, "\"stream\"", "true");
    c->wants_usage = c->is_stream && says(c->in.at + head, n - head, "\"include_usage\"", "true");
    buf_drop(&c->in, n);
    c->scanned = 0;
    if (!delay_ns) {
        reply(c);
        return;
    }
    c->state = DELAYED;
    c->due = now_ns() + delay_ns;
    push(&delayed, c);
}

static void mock_readable(conn *c) {
    buf_room(&c->in, 65536);
    ssize_t n = recv(c->fd, c->in.at + c->in.used, c->in.cap - c->in.used, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        conn_gone(c);
        return;
    }
    c->in.used += (size_t)n;
    if (c->state == READING) take_request(c);
}

static void mock_accept(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conn *c = need(calloc(1, sizeof *c));
        c->fd = fd;
        watch(fd, c, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static void print_into(buf *b, int is_chunk, const char *data) {
    char line[32];
    size_t n = strlen(data);
    if (is_chunk) buf_add(b, line, (size_t)snprintf(line, sizeof line, "%zx\r\n", n));
    buf_add(b, data, n);
    if (is_chunk) buf_add(b, "\r\n", 2);
}

#define CHUNK_START \
    "data: {\"id\":\"chatcmpl-mock0001\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"mock-model\","
#define USAGE "\"usage\":{\"prompt_tokens\":210,\"completion_tokens\":%d,\"total_tokens\":%d}"

static void write_replies(void) {
    static const char content[] =
        "The upstream of this benchmark answers every request with the same paragraph, so that the reply has a "
        "realistic size. It says nothing beyond that, and it is the same for each call that the load makes while the "
        "run lasts.";
    char body[2048], text[4096];
    int n = snprintf(body, sizeof body,
                     "{\"id\":\"chatcmpl-mock0001\",\"object\":\"chat.completion\",\"created\":1700000000,"
                     "\"model\":\"mock-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                     "\"content\":\"%s\"},\"logprobs\":null,\"finish_reason\":\"stop\"}]," USAGE "}",
                     content, 48, 258);
    snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", n, body);
    print_into(&json_reply, 0, text);
    print_into(&stream_head, 0,
               "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
               "transfer-encoding: chunked\r\n\r\n");
    events = need(calloc((size_t)n_chunks + 1, sizeof *events));
    for (int i = 0; i < n_chunks; i++) {
        snprintf(text, sizeof text,
                 CHUNK_START "\"choices\":[{\"index\":0,\"delta\":{%s\"content\":\"token%02d \"},\"finish_reason\":null}]}\n\n",
                 i ? "" : "\"role\":\"assistant\",", i);
        print_into(&events[i], 1, text);
    }
    print_into(&events[n_chunks], 1,
               CHUNK_START "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    snprintf(text, sizeof text, CHUNK_START "\"choices\":[]," USAGE "}\n\n", n_chunks, 210 + n_chunks);
    print_into(&usage_event, 1, text);
    print_into(&done_event, 1, "data: [DONE]\n\n");
    buf_add(&done_event, "0\r\n\r\n", 5);
}

/* The replies of another format, from a file: the last event goes where the chat format has its [DONE]. */
static void read_replies(const char *path) {
    FILE *file = fopen(path, "rb");
    size_t n, n_events = 0;
    char head[128];
    if (!file) die(path);
    events = need(calloc((size_t)n_chunks + 2, sizeof *events));
    for (int i = 0; fscanf(file, "%zu", &n) == 1; i++) {
        buf record = {0};
        buf_room(&record, n + 1);
        if (fgetc(file) != '\n' || fread(record.at, 1, n, file) != n) die("a short record");
        record.at[n] = 0;
        if (!i) {
            snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n", n);
            print_into(&json_reply, 0, head);
            buf_add(&json_reply, record.at, n);
        } else if (n_events <= (size_t)n_chunks) {
            print_into(&events[n_events++], 1, record.at);
        }
        free(record.at);
    }
    fclose(file);
    if (n_events < 2) die("too few records");
    n_chunks = (int)n_events - 2;
    done_event = events[n_events - 1];
    buf_add(&done_event, "0\r\n\r\n", 5);
    print_into(&stream_head, 0, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
}

/* NULL is no limit. */
static struct timespec *until_next(struct timespec *t) {
    uint64_t due = UINT64_MAX, now, left;
    if (delayed.first) due = delayed.first->due;
    if (paced.first && paced.first->due < due) due = paced.first->due;
    if (due == UINT64_MAX) return NULL;
    now = now_ns();
    left = due > now ? due - now : 0;
    t->tv_sec = (time_t)(left / 1000000000ull);
    t->tv_nsec = (long)(left % 1000000000ull);
    return t;
}

static void run_timers(void) {
    uint64_t now = now_ns();
    while (delayed.first && delayed.first->due <= now) {
        conn *c = pop(&delayed);
        if (!c->is_gone) reply(c);
        if (c->is_gone && (c->state == DELAYED || c->state == READING)) conn_free(c);
    }
    while (paced.first && paced.first->due <= now) {
        conn *c = pop(&paced);
        if (!c->is_gone && say_next(c)) {
            c->due += gap_ns;
            push(&paced, c);
            continue;
        }
        reply_ended(c);
        if (c->is_gone && c->state == READING) conn_free(c);
    }
}

static void mock(char **arg) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arg[0]))};
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    delay_ns = (uint64_t)(atof(arg[1]) * 1e6);
    gap_ns = (uint64_t)(atof(arg[2]) * 1e3);
    n_chunks = atoi(arg[3]);
    if (arg[4]) read_replies(arg[4]); else write_replies();
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&place, sizeof place) || listen(listener, 4096)) die("listen");
    watch(listener, NULL, EPOLLIN, EPOLL_CTL_ADD);
    puts("ready");
    fflush(stdout);
    struct epoll_event ev[MAX_EVENTS];
    for (;;) {
        struct timespec left;
        int n = epoll_pwait2(epoll_fd, ev, MAX_EVENTS, until_next(&left), NULL);
        for (int i = 0; i < n; i++) {
            conn *c = ev[i].data.ptr;
            if (!c) {
                mock_accept(listener);
                continue;
            }
            if (ev[i].events & EPOLLOUT) flush_out(c);
            if (!c->is_gone && ev[i].events & ~(uint32_t)EPOLLOUT) mock_readable(c);
            /* One in a queue is freed when its turn comes. */
            if (c->is_gone && c->state == READING) conn_free(c);
        }
        run_timers();
    }
}

/* ------------------------------------------------------------------------------------------------------------ load */

typedef struct {
    int fd, has_first, is_stream;
    uint64_t begun;
    double first_us;
    size_t asked_at, n_sent; /* which request, and how much of it is away */
    buf in;
    long n_events;
} caller;

static struct sockaddr_in server;
static buf *requests;
static size_t n_requests, next_request;
static double *first_us, *total_us;
static size_t n_good, good_cap;
static long n_bad, n_errors, n_events;
static uint64_t count_from;

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void dial(caller *c) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (void *)&server, sizeof server)) die("connect");
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK)) die("fcntl");
    watch(c->fd, c, EPOLLIN, EPOLL_CTL_ADD);
}

static void send_rest(caller *c) {
    const buf *r = &requests[c->asked_at];
    while (c->n_sent < r->used) {
        ssize_t n = send(c->fd, r->at + c->n_sent, r->used - c->n_sent, MSG_NOSIGNAL);
        if (n < 0) break; /* EAGAIN: when writable; anything else shows when reading */
        c->n_sent += (size_t)n;
    }
    watch(c->fd, c, c->n_sent < r->used ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

static void ask(caller *c) {
    c->asked_at = next_request++ % n_requests;
    c->n_sent = 0;
    c->has_first = 0;
    c->in.used = 0;
    c->n_events = 0;
    c->begun = now_ns();
    const buf *r = &requests[c->asked_at];
    ssize_t n = send(c->fd, r->at, r->used, MSG_NOSIGNAL);
    c->n_sent = n < 0 ? 0 : (size_t)n;
    if (c->n_sent < r->used) send_rest(c);
}

static void record(caller *c, int is_good, uint64_t now) {
    if (c->begun < count_from) return;
    if (!is_good) {
        n_bad++;
        return;
    }
    if (n_good == good_cap) {
        good_cap = good_cap ? good_cap * 2 : 1u << 16;
        first_us = need(realloc(first_us, good_cap * sizeof *first_us));
        total_us = need(realloc(total_us, good_cap * sizeof *total_us));
    }
    first_us[n_good] = c->first_us;
    total_us[n_good++] = (double)(now - c->begun) / 1e3;
    n_events += c->n_events;
}

/* 1 when the reply in the buffer is whole, and then whether it is good. */
static int is_whole(caller *c, int *is_good) {
    char *end = memmem(c->in.at, c->in.used, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - c->in.at) + 4;
    const char *length = header(c->in.at, head, "content-length");
    int is_ok = c->in.used > 12 && !memcmp(c->in.at + 9, "200", 3);
    if (length) {
        *is_good = is_ok && !c->is_stream;
        return c->in.used >= head + strtoul(length, NULL, 10);
    }
    /* Chunked: whole at the zero-length chunk; good when the last event before it is the format's end. */
    if (c->in.used < head + 5 || memcmp(c->in.at + c->in.used - 5, "0\r\n\r\n", 5)) return 0;
    char *last = end + 3, *stop = c->in.at + c->in.used;
    for (char *p = last; (p = memmem(p, (size_t)(stop - p), "\ndata: ", 7)); p += 7) {
        c->n_events++;
        last = p + 7;
    }
    size_t n_last = (size_t)(stop - last);
    int is_done = (n_last > 8 && !memcmp(last, "[DONE]\n\n", 8)) || memmem(last, n_last, "\"message_stop\"", 14) ||
                  memmem(last, n_last, "\"response.completed\"", 20);
    *is_good = is_ok && (!c->is_stream || is_done);
    return 1;
}

static void load_readable(caller *c) {
    buf_room(&c->in, 65536);
    ssize_t n = recv(c->fd, c->in.at + c->in.used, c->in.cap - c->in.used, 0);
    uint64_t now = now_ns();
    int is_good = 0;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        n_errors++;
        close(c->fd);
        dial(c);
        ask(c);
        return;
    }
    c->in.used += (size_t)n;
    if (!c->has_first) {
        /* The first byte of the body: a head alone is no answer. */
        char *end = memmem(c->in.at, c->in.used, "\r\n\r\n", 4);
        if (end && (size_t)(end - c->in.at) + 4 < c->in.used) {
            c->has_first = 1;
            c->first_us = (double)(now - c->begun) / 1e3;
        }
    }
    if (is_whole(c, &is_good)) {
        record(c, is_good, now);
        ask(c);
    }
}

static void read_bodies(const char *path, const char *target, const char *host, char **headers) {
    FILE *f = fopen(path, "rb");
    if (!f) die(path);
    size_t length;
    while (fscanf(f, "%zu", &length) == 1 && fgetc(f) == '\n') {
        requests = need(realloc(requests, (n_requests + 1) * sizeof *requests));
        buf *r = &requests[n_requests];
        char line[4096];
        memset(r, 0, sizeof *r);
        buf_add(r, line, (size_t)snprintf(line, sizeof line,
                                          "POST %s HTTP/1.1\r\nhost: %s\r\ncontent-type: application/json\r\n"
                                          "content-length: %zu\r\n", target, host, length));
        for (char **h = headers; *h; h++) buf_add(r, line, (size_t)snprintf(line, sizeof line, "%s\r\n", *h));
        buf_add(r, "\r\n", 2);
        buf_room(r, length);
        if (fread(r->at + r->used, 1, length, f) != length) break;
        r->used += length;
        n_requests++;
        if (fgetc(f) != '\n') break;
    }
    fclose(f);
    if (!n_requests) {
        fprintf(stderr, "%s: no record of the form LENGTH newline BYTES newline\n", path);
        exit(1);
    }
}

static double percentile(const double *sorted, double share) {
    return n_good ? sorted[(size_t)((double)(n_good - 1) * share)] : 0;
}

static int load(char **arg) {
    int n_callers = atoi(arg[3]);
    double seconds = atof(arg[4]);
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(arg[1]));
    if (inet_pton(AF_INET, arg[0], &server.sin_addr) != 1 || n_callers < 1) {
        fprintf(stderr, "load: HOST must be an IPv4 address and CONNECTIONS at least 1\n");
        return 2;
    }
    read_bodies(arg[5], arg[2], arg[0], arg + 6);
    caller *callers = need(calloc((size_t)n_callers, sizeof *callers));
    uint64_t begun = now_ns();
    double warm_s = seconds * 0.1 < 0.5 ? seconds * 0.1 : 0.5;
    count_from = begun + (uint64_t)(warm_s * 1e9);
    uint64_t end = count_from + (uint64_t)(seconds * 1e9);
    for (int i = 0; i < n_callers; i++) {
        /* The bodies of one file are all streams or none. */
        callers[i].is_stream = says(requests[0].at, requests[0].used, "\"stream\"", "true");
        dial(&callers[i]);
        ask(&callers[i]);
    }
    struct epoll_event ev[MAX_EVENTS];
    while (now_ns() < end) {
        int n = epoll_wait(epoll_fd, ev, MAX_EVENTS, 100);
        for (int i = 0; i < n; i++) {
            caller *c = ev[i].data.ptr;
            if (ev[i].events & EPOLLOUT) send_rest(c);
            if (ev[i].events & ~(uint32_t)EPOLLOUT) load_readable(c);
        }
    }
    double took = (double)(now_ns() - count_from) / 1e9;
    if (n_good) {
        qsort(first_us, n_good, sizeof *first_us, ascending);
        qsort(total_us, n_good, sizeof *total_us, ascending);
    }
    printf("{\"n\":%zu,\"rps\":%.1f,\"first_byte_p50_us\":%.1f,\"first_byte_p99_us\":%.1f,\"total_p50_us\":%.1f,"
           "\"total_p99_us\":%.1f,\"bad\":%ld,\"errors\":%ld,\"events_per_reply\":%.2f,\"seconds\":%.2f}\n",
           n_good, (double)n_good / took, percentile(first_us, .5), percentile(first_us, .99), percentile(total_us, .5),
           percentile(total_us, .99), n_bad, n_errors, n_good ? (double)n_events / (double)n_good : 0, took);
    return 0;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) die("epoll_create1");
    if ((argc == 6 || argc == 7) && !strcmp(argv[1], "mock")) mock(argv + 2);
    if (argc >= 8 && !strcmp(argv[1], "load")) return load(argv + 2);
    fputs("usage: peer mock PORT DELAY_MS CHUNK_GAP_US N_CHUNKS [REPLIES]\n"
          "       peer load HOST PORT PATH CONNECTIONS SECONDS BODYFILE [HEADER...]\n", stderr);
    return 2;
}

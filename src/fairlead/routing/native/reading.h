/* Reading a text: what prompt_scores.c and router_forecast.c have in common. Made by reading.c; see the law there. */
#ifndef FAIRLEAD_READING_H
#define FAIRLEAD_READING_H

#include "spelling.h"

#include <stddef.h>
#include <stdint.h>

#define LANES 32
#define MAX_SHAPE 32

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

#ifdef __GNUC__
#define FETCH(at) __builtin_prefetch(at)
#else
#define FETCH(at) ((void)0)
#endif

typedef float eight __attribute__((vector_size(32), aligned(4), may_alias)); /* of GCC and Clang */
typedef int32_t eight_whole __attribute__((vector_size(32), aligned(4), may_alias));

/* Of a table of word pieces, and of the landmarks and scales that a text is compared with. */
typedef struct {
    int64_t n_pieces, n_dims, n_landmarks, n_shape, n_counted, max_bytes, mends;
    double length_ceiling, meaning_width, shape_width, shape_weight, shape_ceiling, no_length;
    const int8_t *rows;
    const float *row_scale, *centre, *shape_mean, *shape_sd, *meaning, *shape;
    const uint8_t *classes, *option_places, *names;
    const int64_t *name_ends;
} tables;

typedef struct {
    uint32_t hash;
    int32_t piece;
} slot;

typedef struct {
    tables t;
    int64_t dims_padded, longest_name;
    uint32_t mask;
    spelling spelling;
    char *arena; /* of slots, near and a copy of the table's rows */
    slot *slots;
    float *near, *far, *far_squares;
    uint32_t *stamps, stamp;
    int32_t *sums;
    const char *beside; /* what else will be read of every piece, so many bytes each; or NULL */
    int64_t beside_bytes;
    /* Of the text that was read last: its pieces, its meaning padded to dims_padded, its shape, its likenesses. */
    int32_t *found;
    int64_t n_found;
    float *meaning, *alike, shape_now[MAX_SHAPE];
} reader;

/* A text, and the numbers of its distinct pieces, or NULL for a plain one, which is split here. */
typedef struct {
    const uint8_t *bytes;
    int64_t n_bytes;
    double n_chars;
    const int64_t *given;
    int64_t n_given;
} written;

/* False when there is no memory, or a table is larger than this is made for. The tables must outlive the reader. */
int reader_make(reader *r, const tables *given);
void reader_clear(reader *r);
void *reader_large(size_t n_bytes);

/* Fills what is "of the text". 0; 1 for a text that is not plain when no pieces are given; 2 for no piece's number. */
int reader_read(reader *r, const written *text);

/* n is a multiple of LANES. Always inlined, so that it is compiled for the registers of who calls it. */
static inline __attribute__((always_inline)) float product(const float *a, const float *b, int64_t n) {
    eight s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (int64_t at = 0; at < n; at += LANES) {
        const eight *x = (const eight *)(a + at), *y = (const eight *)(b + at);
        s0 += x[0] * y[0], s1 += x[1] * y[1], s2 += x[2] * y[2], s3 += x[3] * y[3];
    }
    s0 = (s0 + s1) + (s2 + s3);
    return ((s0[0] + s0[4]) + (s0[1] + s0[5])) + ((s0[2] + s0[6]) + (s0[3] + s0[7]));
}

#endif

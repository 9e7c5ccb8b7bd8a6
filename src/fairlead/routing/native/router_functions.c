/* The n-grams of a text, as text_hashing.py hashes them, and kernel functions of it, as kernel_functions.py evaluates them.
 * The law is reading.c's.
 */
#include "router_forecast.h"

#include <math.h>
#include <string.h>

static inline uint32_t mixed(uint32_t hash, uint32_t mix) {
    hash = (hash ^ hash >> 15) * mix;
    return hash >> 16;
}

/* Lists a bucket that was not listed before; the number of those that are. Without a branch: half of them are new. */
static inline int64_t list(router *f, uint32_t bucket, int64_t n_found) {
    uint64_t *mark = f->marks + (bucket >> 6);
    const uint64_t bit = (uint64_t)1 << (bucket & 63), is_new = !(*mark & bit);
    *mark |= bit;
    f->buckets[n_found] = (int32_t)bucket;
    return n_found + (int64_t)is_new;
}

/* The buckets of all runs of bytes into f->hashes: the hash of bytes c1 c2 ... is c1 M + c2 M^2 + ... */
WIDE static void hash_runs(router *f, int64_t n_runs) {
    const hashing *by = &f->t.grams;
    const uint32_t *restrict codes = f->codes;
    uint32_t *restrict hashes = f->hashes, power = 1;
    for (int64_t at = 0; at < n_runs; at++) hashes[at] = by->pair;
    for (int64_t k = 1; k <= by->run_bytes; k++) {
        power *= by->base;
        for (int64_t at = 0; at < n_runs; at++) hashes[at] += codes[at + k] * power;
    }
    for (int64_t at = 0; at < n_runs; at++) hashes[at] = mixed(hashes[at], by->mix);
}

int64_t router_grams(router *f, const uint8_t *text, int64_t n_text) {
    const hashing *by = &f->t.grams;
    const int64_t room = f->t.reading.max_bytes - 2, n = (n_text < room ? n_text : room) + 2;
    uint32_t word = 0, before = 0, power = 1;
    int has_before = 0;
    int64_t n_found = 0;
    for (int64_t at = 0; at < n; at++) {
        const uint8_t byte = at == 0 || at == n - 1 ? ' ' : text[at - 1];
        const uint32_t code = f->codes[at] = by->codes[byte];
        if (by->in_word[byte]) {
            power *= by->base;
            word += code * power;
        } else if (power != 1) {
            n_found = list(f, mixed(word, by->mix), n_found);
            if (has_before) n_found = list(f, mixed(before * by->pair + word, by->mix), n_found);
            before = word, has_before = 1, word = 0, power = 1;
        }
    }
    const int64_t n_runs = n > by->run_bytes ? n - by->run_bytes : 0;
    hash_runs(f, n_runs);
    for (int64_t at = 0; at < n_runs; at++) n_found = list(f, f->hashes[at], n_found);
    for (int64_t at = 0; at < n_found; at++) FETCH(f->rows + f->buckets[at] * f->n_row);
    memset(f->marks, 0, N_BUCKETS / 64 * sizeof *f->marks);
    return n_found;
}

typedef struct {
    eight of[BLOCK / 8];
} block;

static inline __attribute__((always_inline)) void weigh(const float *columns, const float *weights, int64_t n, block *sum) {
    eight s0 = sum->of[0], s1 = sum->of[1], s2 = sum->of[2], s3 = sum->of[3];
    for (int64_t c = 0; c < n; c++) {
        const eight *row = (const eight *)(weights + c * BLOCK);
        s0 += columns[c] * row[0], s1 += columns[c] * row[1], s2 += columns[c] * row[2], s3 += columns[c] * row[3];
    }
    sum->of[0] = s0, sum->of[1] = s1, sum->of[2] = s2, sum->of[3] = s3;
}

typedef int16_t eight_numbers __attribute__((vector_size(16), aligned(2), may_alias));

/* A macro, since a vector cannot be returned alike for all processors; by way of whole numbers, as processors do it. */
#define FLOATS_OF(numbers) \
    __builtin_convertvector(__builtin_convertvector(*(const eight_numbers *)(numbers), eight_whole), eight)

WIDE void router_functions(const router *f, int64_t n_grams, double *values) {
    const functions *of = &f->t.of;
    const int64_t n = f->r.t.n_landmarks, n_dims = f->r.t.n_dims, n_shape = f->r.t.n_shape;
    for (int64_t b = 0; b < f->n_blocks; b++) {
        block sum = {0}, grams = {0};
        const float *weights = f->weights + b * of->n_columns * BLOCK;
        weigh(f->r.alike, weights, n, &sum);
        if (of->n_columns > n) {
            weigh(f->r.meaning, weights + n * BLOCK, n_dims, &sum);
            weigh(f->r.shape_now, weights + (n + n_dims) * BLOCK, n_shape, &sum);
        }
        eight g0 = {0}, g1 = {0}, g2 = {0}, g3 = {0};
        double squares = 0;
        for (int64_t at = 0; at < n_grams; at++) {
            const int16_t *row = f->rows + f->buckets[at] * f->n_row, *own = row + b * BLOCK;
            float weight;
            memcpy(&weight, row + f->n_row - 2, sizeof weight);
            squares += (double)(weight * weight);
            g0 += weight * FLOATS_OF(own), g1 += weight * FLOATS_OF(own + 8);
            g2 += weight * FLOATS_OF(own + 16), g3 += weight * FLOATS_OF(own + 24);
        }
        grams.of[0] = g0, grams.of[1] = g1, grams.of[2] = g2, grams.of[3] = g3;
        const float scale = (float)(1.0 / sqrt(squares > of->no_square ? squares : of->no_square));
        for (int64_t k = 0; k < BLOCK && b * BLOCK + k < of->n_functions; k++) {
            const float told = grams.of[k / 8][k % 8] * scale * of->gram_steps[b * BLOCK + k];
            values[b * BLOCK + k] = (double)sum.of[k / 8][k % 8] + (double)told;
        }
    }
}

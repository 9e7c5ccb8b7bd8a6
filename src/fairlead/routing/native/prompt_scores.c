/* What routing/predictors/prompt_reader.py computes, in one call: each head's score of a text. The law is reading.c's. */
#include "prompt_scores.h"

#include "reading.h"

#include <math.h>
#include <stdlib.h>

#define MAX_HEADS 16

typedef struct {
    tables reading;
    int64_t n_heads;
    const float *column_weights;
    const int16_t *piece_table;
    const double *piece_steps, *intercepts;
} score_tables;

struct scorer {
    reader r;
    score_tables t;
    float *weights;
};

/* Whoever changes a struct or the arguments of a function in this folder, but for router_forecast's own, counts this up
 * here and in prompt_kernel.py; reading.h counts in both. */
int prompt_scores_abi(void) { return 1000 * 8 + (int)sizeof(score_tables); }

void prompt_scores_free(scorer *s) {
    if (!s) return;
    reader_clear(&s->r), free(s->weights), free(s);
}

/* NULL when there is no memory, or a table is larger than this file is made for. The tables must outlive the scorer. */
scorer *prompt_scores_new(const score_tables *given) {
    if (given->n_heads > MAX_HEADS) return NULL;
    scorer *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->t = *given;
    const int64_t n_columns = given->reading.n_landmarks + given->reading.n_dims + given->reading.n_shape;
    s->weights = calloc((size_t)n_columns * MAX_HEADS + 1, sizeof *s->weights);
    if (!s->weights || !reader_make(&s->r, &given->reading)) return prompt_scores_free(s), NULL;
    s->r.beside = (const char *)given->piece_table;
    s->r.beside_bytes = given->n_heads * (int64_t)sizeof *given->piece_table;
    for (int64_t c = 0; c < n_columns; c++)
        for (int64_t h = 0; h < given->n_heads; h++)
            s->weights[c * MAX_HEADS + h] = given->column_weights[c * given->n_heads + h];
    return s;
}

WIDE static void weigh(const float *columns, const float *weights, int64_t n, float *heads) {
    eight *sums = (eight *)heads, low = sums[0], high = sums[1];
    for (int64_t c = 0; c < n; c++) {
        const eight *row = (const eight *)(weights + c * MAX_HEADS);
        low += columns[c] * row[0], high += columns[c] * row[1];
    }
    sums[0] = low, sums[1] = high;
}

int prompt_scores_read(scorer *s, const uint8_t *bytes, int64_t n_bytes, double n_chars, const int64_t *given,
                       int64_t n_given, double *scores) {
    const score_tables *t = &s->t;
    const int64_t n = t->reading.n_landmarks, n_dims = t->reading.n_dims;
    float heads[MAX_HEADS] = {0};
    const int fault = reader_read(&s->r, &(written){bytes, n_bytes, n_chars, given, n_given});
    if (fault) return fault;
    weigh(s->r.alike, s->weights, n, heads);
    weigh(s->r.meaning, s->weights + n * MAX_HEADS, n_dims, heads);
    weigh(s->r.shape_now, s->weights + (n + n_dims) * MAX_HEADS, t->reading.n_shape, heads);
    int64_t held[MAX_HEADS] = {0};
    for (int64_t at = 0; at < s->r.n_found; at++)
        for (int64_t h = 0; h < t->n_heads; h++) held[h] += t->piece_table[(int64_t)s->r.found[at] * t->n_heads + h];
    const double per_root = s->r.n_found ? 1.0 / sqrt((double)s->r.n_found) : 0.0;
    for (int64_t h = 0; h < t->n_heads; h++)
        scores[h] = t->intercepts[h] + (double)heads[h] + (double)held[h] * t->piece_steps[h] * per_root;
    return 0;
}

/* What router_forecast.c gets of a trained router, and what router_functions.c works out for it. */
#ifndef FAIRLEAD_ROUTER_FORECAST_H
#define FAIRLEAD_ROUTER_FORECAST_H

#include "reading.h"

#define BLOCK 32 /* functions at once: a cache line of the n-gram table */
#define MAX_FUNCTIONS 128
#define MAX_NEIGHBOURS 64
#define MAX_RUN 8
#define N_BUCKETS 65536

/* Some functions, one behind the other, to a number for each arm: offset + loadings . values, within low and high.
 * Shapes: loadings (n, n_arms); offset (n_arms,), NULL where nobody asks. */
typedef struct {
    int64_t n;
    const double *loadings, *offset;
    double low, high;
} head;

enum { QUALITY, RESPONSE, LENGTH, COST, DELAY, N_HEADS };

/* As text_hashing.py: codes of the 256 bytes, which of them words are made of, how hashes are mixed. */
typedef struct {
    int64_t run_bytes;
    uint32_t base, pair, mix, unused;
    const uint32_t *codes;
    const uint8_t *in_word;
} hashing;

/* Shapes: column_weights (n_columns, n_functions), of likenesses, then meaning and shape if n_columns has room for them;
 * rarity (N_BUCKETS,); gram_numbers (N_BUCKETS, n_functions), gram_steps (n_functions,), what one is worth. */
typedef struct {
    int64_t n_functions, n_columns;
    const float *column_weights, *rarity, *gram_steps;
    const int16_t *gram_numbers;
    double no_square;
} functions;

/* Tables of clusters. Shapes: ends (n_tables,), of each table's clusters; directions (n_clusters, n_dims + n_shape);
 * heights (n_clusters,); rates (n_clusters, n_arms), what is added for the nearest. */
typedef struct {
    int64_t n_tables;
    const int64_t *ends;
    const float *directions, *heights;
    const double *rates;
} clusters;

/* Shapes: places (n_places,) among the landmarks; beside (n_places, 2 n_arms); mean (n_arms,). */
typedef struct {
    int64_t n_places, n_nearest;
    double weight, per_temperature, prior_weight;
    const int64_t *places;
    const double *beside, *mean;
} neighbours;

/* As stack.py and steady.py. Shapes: (n_arms,) each. */
typedef struct {
    int64_t n_level, best;
    double share, lowest, margin, tie, z, full_likeness, usual_novelty, response_weight;
    const double *usual, *pair_shares, *luck, *error;
} stack;

/* As costs.py, delays.py, log_amounts.py. Shapes: (n_arms,) each; NULL where nothing is known. */
typedef struct {
    const double *length_ratio, *cost_ratio, *is_direct;
    const double *tokens_per_char, *fixed_tokens, *input_usd, *output_usd;
    const double *wait_s, *prefill_s_per_token, *s_per_token;
} amounts;

typedef struct {
    tables reading;
    int64_t n_arms;
    hashing grams;
    functions of;
    head heads[N_HEADS];
    clusters cut;
    neighbours near;
    stack stack;
    amounts amounts;
} router_tables;

typedef struct {
    reader r;
    router_tables t;
    int64_t n_blocks, n_row;
    float *weights, *cuts;
    int16_t *rows; /* the n-gram table, each row with its rarity in the last four bytes */
    uint32_t *codes, *hashes;
    int32_t *buckets, *near;
    uint64_t *marks;
    double *told;
} router;

/* The distinct n-grams of a text between two blanks, as they come, into f->buckets; their number. */
int64_t router_grams(router *f, const uint8_t *text, int64_t n_text);

/* The values of all functions of the text that was read: of likenesses, of meaning and shape, of its n-grams. */
void router_functions(const router *f, int64_t n_grams, double *values);

#endif

/* What routing/trained_router.py foretells of every arm on one text, in one call. The formulas stand in the Python files
 * of its parts and in stack.py; the law is reading.c's. Linear maps that never change come multiplied out.
 */
#include "router_forecast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_SIZES 1024

/* As prompt_scores_abi, for this file and what it includes; its other half stands in router_tables.py. */
int router_forecast_abi(void) { return 1000 * 2 + (int)sizeof(router_tables); }

void router_forecast_free(router *f) {
    if (!f) return;
    reader_clear(&f->r), free(f->weights), free(f->cuts), free(f->rows), free(f->codes), free(f->hashes);
    free(f->buckets), free(f->marks), free(f->near), free(f->told), free(f);
}

static int allocate(router *f) {
    const router_tables *t = &f->t;
    const size_t n_bytes = (size_t)t->reading.max_bytes + MAX_RUN, cells = (size_t)t->cut.ends[t->cut.n_tables];
    f->n_blocks = (t->of.n_functions + BLOCK - 1) / BLOCK;
    f->n_row = (t->of.n_functions + 2 + BLOCK - 1) / BLOCK * BLOCK;
    f->weights = calloc((size_t)(f->n_blocks * t->of.n_columns) * BLOCK + 1, sizeof *f->weights);
    f->cuts = calloc(cells * (size_t)(f->r.dims_padded + MAX_SHAPE) + 1, sizeof *f->cuts);
    f->rows = reader_large((size_t)f->n_row * N_BUCKETS * sizeof *f->rows);
    f->codes = calloc(n_bytes, sizeof *f->codes), f->hashes = calloc(n_bytes, sizeof *f->hashes);
    f->buckets = calloc(N_BUCKETS + 1, sizeof *f->buckets);
    f->marks = calloc(N_BUCKETS / 64, sizeof *f->marks);
    f->near = calloc((size_t)t->near.n_places + 1, sizeof *f->near);
    f->told = calloc((size_t)t->n_arms * 4 + 1, sizeof *f->told);
    return f->weights && f->cuts && f->rows && f->codes && f->hashes && f->buckets && f->marks && f->near &&
           f->told;
}

static void copy_tables(router *f) {
    const functions *of = &f->t.of;
    const tables *t = &f->t.reading;
    const int64_t n = of->n_functions, n_cut = f->r.dims_padded + MAX_SHAPE, n_own = t->n_dims + t->n_shape;
    for (int64_t c = 0; c < of->n_columns; c++)
        for (int64_t k = 0; k < n; k++)
            f->weights[(k / BLOCK * of->n_columns + c) * BLOCK + k % BLOCK] = of->column_weights[c * n + k];
    for (int64_t b = 0; b < N_BUCKETS; b++) {
        int16_t *row = f->rows + b * f->n_row;
        if (n) memcpy(row, of->gram_numbers + b * n, (size_t)n * sizeof *row);
        memcpy(row + f->n_row - 2, of->rarity + b, sizeof *of->rarity);
    }
    for (int64_t cell = 0; cell < f->t.cut.ends[f->t.cut.n_tables]; cell++) {
        float *row = f->cuts + cell * n_cut;
        const float *own = f->t.cut.directions + cell * n_own;
        memcpy(row, own, (size_t)t->n_dims * sizeof *row);
        memcpy(row + f->r.dims_padded, own + t->n_dims, (size_t)t->n_shape * sizeof *row);
    }
}

/* NULL when there is no memory, or a table is larger than this file is made for. The tables must outlive the router. */
router *router_forecast_new(const router_tables *given) {
    if (given->of.n_functions > MAX_FUNCTIONS || given->near.n_nearest > MAX_NEIGHBOURS) return NULL;
    if (given->grams.run_bytes > MAX_RUN || given->n_arms < 1) return NULL;
    router *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    f->t = *given;
    if (!reader_make(&f->r, &given->reading) || !allocate(f)) return router_forecast_free(f), NULL;
    copy_tables(f);
    return f;
}

/* Adds, of each table, the rates of the cluster that is nearest; of equally near ones the first. */
WIDE static void add_clusters(const router *f, double *total) {
    const clusters *of = &f->t.cut;
    const int64_t dims = f->r.dims_padded, n_cut = dims + MAX_SHAPE, n_arms = f->t.n_arms;
    for (int64_t table = 0; table < of->n_tables; table++) {
        int64_t best = of->ends[table];
        float highest = -INFINITY;
        for (int64_t cell = of->ends[table]; cell < of->ends[table + 1]; cell++) {
            const float *row = f->cuts + cell * n_cut;
            const float near = product(row, f->r.meaning, dims) + product(row + dims, f->r.shape_now, MAX_SHAPE);
            if (near - of->heights[cell] > highest) highest = near - of->heights[cell], best = cell;
        }
        for (int64_t arm = 0; arm < n_arms; arm++) total[arm] += of->rates[best * n_arms + arm];
    }
}

typedef struct {
    float likeness;
    int32_t at;
} neighbour;

/* Moves what stands at `at` down to where no child is less like: the root is the least like of all. */
static void sift(neighbour *heap, int64_t n, int64_t at) {
    const neighbour moved = heap[at];
    for (int64_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && heap[child + 1].likeness < heap[child].likeness) child++;
        if (heap[child].likeness >= moved.likeness) break;
        heap[at] = heap[child], at = child;
    }
    heap[at] = moved;
}

/* A likeness as a whole number from 0 to N_SIZES - 1: the greater, the more alike. */
static inline int32_t size_of(float likeness, float per_unit) {
    const float size = likeness * per_unit;
    return !(size > 0) ? 0 : size < N_SIZES - 1 ? (int32_t)size : N_SIZES - 1;
}

/* Places among which the n most alike landmarks are, few more than n, into f->near; their number. To put all in order
 * takes thrice as long. */
static int64_t find_near(router *f, int64_t n) {
    const neighbours *of = &f->t.near;
    const float per_unit = (float)(N_SIZES / f->t.stack.full_likeness);
    int32_t counts[N_SIZES] = {0}, least = N_SIZES - 1;
    int64_t n_found = 0;
    for (int64_t i = 0; i < of->n_places; i++) counts[size_of(f->r.alike[of->places[i]], per_unit)]++;
    for (int64_t n_above = counts[least]; n_above < n && least > 0; n_above += counts[least]) least--;
    for (int64_t i = 0; i < of->n_places; i++) {
        f->near[n_found] = (int32_t)i;
        n_found += size_of(f->r.alike[of->places[i]], per_unit) >= least;
    }
    return n_found;
}

/* Adds what the most alike landmarks tell. `sums` is workspace of 2 n_arms. */
static void add_neighbours(router *f, double *total, double *sums) {
    const neighbours *of = &f->t.near;
    const int64_t n_arms = f->t.n_arms, n = of->n_places < of->n_nearest ? of->n_places : of->n_nearest;
    const int64_t n_near = find_near(f, n);
    neighbour heap[MAX_NEIGHBOURS];
    for (int64_t i = 0; i < n; i++) heap[i] = (neighbour){f->r.alike[of->places[f->near[i]]], f->near[i]};
    for (int64_t i = n / 2; i-- > 0;) sift(heap, n, i);
    for (int64_t i = n; i < n_near; i++) {
        const float likeness = f->r.alike[of->places[f->near[i]]];
        if (likeness > heap[0].likeness) heap[0] = (neighbour){likeness, f->near[i]}, sift(heap, n, 0);
    }
    float most = -INFINITY;
    double whole = 0, weights[MAX_NEIGHBOURS];
    for (int64_t i = 0; i < n; i++) most = heap[i].likeness > most ? heap[i].likeness : most;
    for (int64_t i = 0; i < n; i++)
        whole += weights[i] = exp(((double)heap[i].likeness - (double)most) * of->per_temperature);
    memset(sums, 0, (size_t)(2 * n_arms) * sizeof *sums);
    for (int64_t i = 0; i < n; i++) {
        const double weight = weights[i] / whole, *row = of->beside + heap[i].at * 2 * n_arms;
        for (int64_t k = 0; k < 2 * n_arms; k++) sums[k] += weight * row[k];
    }
    double beyond = 0, asked = of->prior_weight;
    for (int64_t arm = 0; arm < n_arms; arm++)
        beyond += sums[arm] - sums[n_arms + arm] * of->mean[arm], asked += sums[n_arms + arm];
    for (int64_t arm = 0; arm < n_arms; arm++) {
        const double seen = sums[n_arms + arm], expected = of->mean[arm] + (1.0 - seen) * (beyond / asked);
        total[arm] += of->weight * ((sums[arm] + of->prior_weight * expected) / (seen + of->prior_weight));
    }
}

/* A head's numbers for every arm into `out`; the functions are its own, from `values` on. */
static void tell(const head *of, const double *values, int64_t n_arms, double *out) {
    for (int64_t arm = 0; arm < n_arms; arm++) out[arm] = of->offset[arm];
    for (int64_t k = 0; k < of->n; k++)
        for (int64_t arm = 0; arm < n_arms; arm++) out[arm] += values[k] * of->loadings[k * n_arms + arm];
    for (int64_t arm = 0; arm < n_arms; arm++) {
        if (out[arm] < of->low) out[arm] = of->low;
        if (out[arm] > of->high) out[arm] = of->high;
    }
}

/* What is believed of what the parts tell beyond the usual, within its bounds. */
static void believe(const stack *of, int64_t n_arms, double *told) {
    double level = 0;
    for (int64_t arm = 0; arm < n_arms; arm++) told[arm] -= of->usual[arm];
    for (int64_t arm = 0; arm < of->n_level; arm++) level += told[arm];
    level /= (double)of->n_level;
    const double reference = told[of->best], together = level + of->share * (reference - level);
    for (int64_t arm = 0; arm < n_arms; arm++) {
        const double quality = (told[arm] - reference) * of->pair_shares[arm] + together + of->usual[arm];
        const double below = quality < 1.0 - of->lowest ? quality : 1.0 - of->lowest;
        told[arm] = below > of->lowest ? below : of->lowest;
    }
}

static void steady(const stack *of, int64_t n_arms, double *quality) {
    double highest = quality[0];
    int64_t chosen = -1;
    for (int64_t arm = 1; arm < n_arms; arm++) highest = quality[arm] > highest ? quality[arm] : highest;
    for (int64_t arm = 0; arm < n_arms; arm++)
        if (quality[arm] >= highest - of->margin && (chosen < 0 || of->usual[arm] > of->usual[chosen])) chosen = arm;
    const double best = quality[chosen < 0 ? 0 : chosen];
    for (int64_t arm = 0; arm < n_arms; arm++) {
        const double above = quality[arm] - best;
        if (above >= 0.0 && arm != chosen) quality[arm] = best - of->tie * (1.5 - above / of->margin);
    }
}

/* Quality, its low end, its high end. Shapes: quality (n_arms,), then low and high behind it. */
static void set_quality(router *f, const double *values, double *quality) {
    const router_tables *t = &f->t;
    const stack *of = &t->stack;
    const int64_t n_arms = t->n_arms, n = t->reading.n_landmarks;
    double *response = f->told;
    tell(&t->heads[QUALITY], values, n_arms, quality);
    if (t->heads[RESPONSE].offset) {
        tell(&t->heads[RESPONSE], values + t->heads[QUALITY].n, n_arms, response);
        for (int64_t arm = 0; arm < n_arms; arm++)
            quality[arm] += of->response_weight / (1.0 + exp(-response[arm]));
    }
    add_clusters(f, quality);
    if (t->near.weight != 0) add_neighbours(f, quality, f->told);
    believe(of, n_arms, quality);
    steady(of, n_arms, quality);
    float nearest = 0;
    for (int64_t i = 0; i < n; i++) nearest = f->r.alike[i] > nearest ? f->r.alike[i] : nearest;
    double novelty = 1.0 - (double)nearest / of->full_likeness;
    novelty = (novelty > 0 ? novelty : 0) - of->usual_novelty;
    const double reach = of->z + of->z * (novelty > 0 ? novelty : 0);
    for (int64_t arm = 0; arm < n_arms; arm++) {
        const double p = quality[arm], half = sqrt((p - p * p) * of->luck[arm] + of->error[arm]) * reach;
        quality[n_arms + arm] = p - half > 0 ? p - half : 0;
        quality[2 * n_arms + arm] = p + half < 1 ? p + half : 1;
    }
}

/* Tokens, cost and delay; NAN where nothing is known. `n_chars` of the whole input; told: (3, n_arms). */
static void set_amounts(router *f, const double *values, double n_chars, double *told) {
    const router_tables *t = &f->t;
    const amounts *of = &t->amounts;
    const int64_t n_arms = t->n_arms;
    const head *length = &t->heads[LENGTH], *cost = &t->heads[COST], *delay = &t->heads[DELAY];
    double *tokens = told, *usd = told + n_arms, *seconds = told + 2 * n_arms;
    for (int64_t k = 0; k < 3 * n_arms; k++) told[k] = NAN;
    if (length->offset) tell(length, values, n_arms, tokens);
    if (cost->offset) tell(cost, values + length->n, n_arms, f->told);
    if (delay->offset) tell(delay, values + length->n + cost->n, n_arms, seconds);
    for (int64_t arm = 0; arm < n_arms; arm++) {
        const double input = of->input_usd ? n_chars * of->tokens_per_char[arm] + of->fixed_tokens[arm] : 0;
        if (length->offset) tokens[arm] = exp(tokens[arm]) * of->length_ratio[arm];
        if (of->input_usd) usd[arm] = of->input_usd[arm] * input + of->output_usd[arm] * tokens[arm];
        if (cost->offset && of->is_direct[arm] != 0) usd[arm] = exp(f->told[arm]) * of->cost_ratio[arm];
        if (!delay->offset) continue;
        const double writing = of->s_per_token[arm] * (length->offset ? tokens[arm] : 1.0);
        seconds[arm] = (of->wait_s[arm] + of->prefill_s_per_token[arm] * input + writing) * exp(seconds[arm]);
    }
}

/* Into `found` (6, n_arms): quality, its low end, its high end, output tokens, cost, delay. `n_chars` of the text as
 * shape.py has it, `n_input_chars` of the whole input. Returns what reader_read returns. */
int router_forecast_read(router *f, const uint8_t *bytes, int64_t n_bytes, double n_chars, double n_input_chars,
                         const int64_t *given, int64_t n_given, double *found) {
    double values[MAX_FUNCTIONS];
    const int fault = reader_read(&f->r, &(written){bytes, n_bytes, n_chars, given, n_given});
    if (fault) return fault;
    router_functions(f, router_grams(f, bytes, n_bytes), values);
    set_quality(f, values, found);
    set_amounts(f, values + f->t.heads[QUALITY].n + f->t.heads[RESPONSE].n, n_input_chars, found + 3 * f->t.n_arms);
    return 0;
}

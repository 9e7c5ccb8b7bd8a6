/* What routing/predictors/benchmark_ability.py foretells of every model from a request's text, in one call; the formulas
 * stand there and, for what is read of the text, in prompt_reader.py. Models are treated one by one and alike, so that
 * their order changes no bit.
 */
#include "language.h"
#include "prompt_scores.h"

#include <math.h>

static const double PI_BY_8 = 0.39269908169872414;

/* Of some models and the reader of texts; the arrays must outlive it. Shapes: moments (n_models, n_kinds + n_kinds
 * (n_kinds + 1) / 2), means, then the upper triangle of the covariance by rows with what is off the diagonal doubled;
 * reasons (n_models,). `z` standard deviations make an interval. */
typedef struct {
    scorer *reader;
    int64_t n_models, n_kinds, agentic, data;
    const double *moments, *reasons;
    const uint64_t *common_words;
    int64_t n_first_words, n_language_bytes;
    double residual_variance, z, difficulty_low, difficulty_high, tokens_low, tokens_high;
    double hidden_at_zero, hidden_growth, hidden_low, hidden_high;
} forecaster;

/* Of one request: where its turn begins in the text, what its flags add to the logits of two kinds, by how much a wish to
 * reason multiplies hidden tokens, at most how many tokens each of n_choices replies may have. */
typedef struct {
    double n_chars, turn_at, agentic_logit, data_logit, hidden_factor, room, n_choices;
} request;

static double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

static double within(double low, double high, double x) {
    x = x > low ? x : low;
    return x < high ? x : high;
}

/* Scores of the kinds into their shares, which sum to 1. */
static void to_shares(int64_t n, double *shares) {
    double highest = shares[0], total = 0;
    for (int64_t k = 1; k < n; k++) highest = shares[k] > highest ? shares[k] : highest;
    for (int64_t k = 0; k < n; k++) total += shares[k] = exp(shares[k] - highest);
    for (int64_t k = 0; k < n; k++) shares[k] *= 1.0 / total;
}

/* found: (4, n_models), quality, its low end, its high end, output tokens; then what was read: (n_kinds,) shares of the
 * kinds, the difficulty in logits, the natural logarithm of visible tokens, the language as language.h numbers it.
 * Returns what reader_read returns. */
int forecast_models(const forecaster *f, const uint8_t *text, int64_t n_bytes, const request *r, const int64_t *given,
                    int64_t n_given, double *found) {
    const int64_t n = f->n_models, n_kinds = f->n_kinds;
    double *shares = found + 4 * n, *read = shares + n_kinds;
    const int fault = prompt_scores_read(f->reader, text, n_bytes, r->n_chars, given, n_given, shares);
    if (fault) return fault;
    const int64_t at = (int64_t)r->turn_at, n_turn = n_bytes - at;
    const int64_t n_sample = n_turn < f->n_language_bytes ? n_turn : f->n_language_bytes;
    read[2] = given ? LANGUAGE_UNKNOWN : language_of(f->common_words, text + at, n_sample, f->n_first_words);
    shares[f->agentic] += r->agentic_logit, shares[f->data] += r->data_logit;
    to_shares(n_kinds, shares);
    const double difficulty = read[0] = within(f->difficulty_low, f->difficulty_high, read[0]);
    const double visible = exp(read[1] = within(f->tokens_low, f->tokens_high, read[1]));
    const double grown = f->hidden_at_zero * exp(f->hidden_growth * difficulty);
    const double hidden = within(f->hidden_low, f->hidden_high, grown) * r->hidden_factor;
    const double *moments = f->moments;
    for (int64_t m = 0; m < n; m++) {
        double mean = 0, variance = 0;
        for (int64_t k = 0; k < n_kinds; k++) mean += *moments++ * shares[k];
        for (int64_t row = 0; row < n_kinds; row++)
            for (int64_t k = row; k < n_kinds; k++) variance += *moments++ * (shares[row] * shares[k]);
        mean -= difficulty, variance += f->residual_variance;
        double spread = f->z * sqrt(variance), middle = sigmoid(mean / sqrt(variance * PI_BY_8 + 1.0));
        double low = sigmoid(mean - spread), high = sigmoid(mean + spread);
        found[m] = middle;
        found[n + m] = low < middle ? low : middle;
        found[2 * n + m] = high > middle ? high : middle;
        double tokens = f->reasons[m] * (hidden * visible) + visible;
        found[3 * n + m] = (tokens < r->room ? tokens : r->room) * r->n_choices;
    }
    return 0;
}

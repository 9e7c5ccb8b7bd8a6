/* What routing/router.py expects of every arm, and what preferences.py makes of it, in one call; and the same of a
 * few arms as routing/figures.py keeps it. The formulas stand there. Arms are treated one by one and alike, so that their
 * order changes no bit.
 */
#include <math.h>
#include <stdint.h>

/* Of the pool and of what was measured. Shapes: (n_arms,) each; failure_share may be NULL. */
typedef struct {
    const int64_t *card_of;
    const double *prefill_s_per_token, *max_output_tokens, *input_usd, *output_usd;
    const double *ttft_s, *s_per_token, *hidden_share, *failure_share;
    const uint8_t *is_priced;
} columns;

/* The numbers of one request and one preference. The weights are those of utility's three terms, scales included. */
typedef struct {
    double input_tokens, n_choices, caution, cheapest_usd, shortest_s, quality_weight, cost_weight, speed_weight;
} terms;

/* Shapes: forecast (4, n_cards): quality, its low end, its high end, output tokens; found (7, n_arms): quality, sure
 * quality, output tokens, cost, time to the first token, total time, utility. */
void expect_arms(int64_t n_arms, int64_t n_cards, const double *forecast, const columns *of, const terms *t, double *found) {
    for (int64_t i = 0; i < n_arms; i++, found++) {
        const double *card = forecast + of->card_of[i];
        const double quality = card[0], room = of->max_output_tokens[i] * t->n_choices, wanted = card[3 * n_cards];
        const double output = wanted < room ? wanted : room, writing = output * of->s_per_token[i];
        double sure = quality - t->caution * (quality - card[n_cards]);
        if (of->failure_share) sure *= 1.0 - of->failure_share[i];
        const double cost = t->input_tokens * of->input_usd[i] + output * of->output_usd[i];
        const double ttft = of->ttft_s[i] + t->input_tokens * of->prefill_s_per_token[i] + writing * of->hidden_share[i];
        const double total = ttft + writing * (1.0 - of->hidden_share[i]);
        double worth = t->quality_weight * sure;
        if (t->cost_weight != 0) worth -= t->cost_weight * log10(cost > t->cheapest_usd ? cost : t->cheapest_usd);
        if (t->speed_weight != 0) worth -= t->speed_weight * log10(total > t->shortest_s ? total : t->shortest_s);
        found[0] = quality, found[n_arms] = sure, found[2 * n_arms] = output, found[3 * n_arms] = cost;
        found[4 * n_arms] = ttft, found[5 * n_arms] = total, found[6 * n_arms] = worth;
    }
}

/* domain/figures.COLUMNS of the arms in `places`, the first being sure to be first: kept is (9, n_kept). Else as above. */
void pack_candidates(
    int64_t n_arms, int64_t n_cards, const double *forecast, const columns *of, const double *found, int64_t n_kept,
    const uint16_t *places, float *kept
) {
    static const int rows[] = {0, 3, 2, 4, 5, 6};
    for (int64_t k = 0; k < n_kept; k++, kept++) {
        const double *arm = found + places[k], *card = forecast + of->card_of[places[k]];
        for (int row = 0; row < 6; row++) kept[row * n_kept] = (float)arm[rows[row] * n_arms];
        if (!of->is_priced[places[k]]) kept[n_kept] = NAN;
        kept[6 * n_kept] = (float)card[n_cards], kept[7 * n_kept] = (float)card[2 * n_cards];
        kept[8 * n_kept] = k == 0;
    }
}

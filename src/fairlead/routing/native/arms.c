/* What routing/router.py expects of every arm, what preferences.py makes of it, and their order, in one call; and the
 * same of a few arms as routing/figures.py keeps it. The formulas stand there. Arms are treated one by one and alike, so
 * that their order changes no bit.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define N_COLUMNS 9 /* of domain/figures.COLUMNS */

/* Of the pool and of what was measured. Shapes: (n_arms,) each; failure_share may be NULL. */
typedef struct {
    int64_t n_arms, n_cards, n_packed;
    const int64_t *card_of;
    const double *prefill_s_per_token, *max_output_tokens, *input_usd, *output_usd;
    const double *above_tokens, *input_above_usd, *output_above_usd;
    const double *ttft_s, *s_per_token, *hidden_share, *failure_share;
    const uint8_t *is_priced;
    double caution, cheapest_usd, shortest_s;
} columns;

/* The numbers of one request and one preference. The weights are those of utility's three terms, scales included. */
typedef struct {
    double input_tokens, n_choices, quality_weight, cost_weight, speed_weight;
} terms;

/* A number that is none comes last. */
static int is_before(double a, double b) { return a < b || (isnan(b) && !isnan(a)); }

/* Whether arm a goes before arm b, which stands behind it in the pool: it does in a tie of both utility and cost. */
static int stays_before(const double *worth, const double *cost, uint32_t a, uint32_t b) {
    if (is_before(-worth[a], -worth[b])) return 1;
    if (is_before(-worth[b], -worth[a])) return 0;
    return !is_before(cost[b], cost[a]);
}

/* The arms by falling utility, ties by rising cost, then as in the pool: merged runs, so that hundreds take microseconds.
 * Shapes: order, room (n,). */
static void rank(int64_t n, const double *worth, const double *cost, uint32_t *order, uint32_t *room) {
    for (int64_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t from = 0; from < n; from += 2 * width) {
            const int64_t middle = from + width < n ? from + width : n, end = middle + width < n ? middle + width : n;
            int64_t a = from, b = middle;
            for (int64_t at = from; at < end; at++) {
                const int is_first = b == end || (a < middle && stays_before(worth, cost, order[a], order[b]));
                room[at] = order[is_first ? a++ : b++];
            }
        }
        memcpy(order, room, (size_t)n * sizeof *order);
    }
}

/* domain/figures.COLUMNS of the arms in `places`, the first being sure to be first: kept is (9, n_kept). Else as above. */
void pack_candidates(
    const columns *of, const double *forecast, const double *found, int64_t n_kept, const uint16_t *places, float *kept
) {
    const int64_t n_arms = of->n_arms, n_cards = of->n_cards;
    static const int rows[] = {0, 3, 2, 4, 5, 6};
    for (int64_t k = 0; k < n_kept; k++, kept++) {
        const double *arm = found + places[k], *card = forecast + of->card_of[places[k]];
        for (int row = 0; row < 6; row++) kept[row * n_kept] = (float)arm[rows[row] * n_arms];
        if (!of->is_priced[places[k]]) kept[n_kept] = NAN;
        kept[6 * n_kept] = (float)card[n_cards], kept[7 * n_kept] = (float)card[2 * n_cards];
        kept[(N_COLUMNS - 1) * n_kept] = k == 0;
    }
}

/* Shapes: forecast (4, n_cards): quality, its low end, its high end, output tokens; found (7, n_arms): quality, sure
 * quality, output tokens, cost, time to the first token, total time, utility; behind it the arms in their order as 32
 * bits each, and room for as many more; behind that the first n_packed of them as pack_candidates has them: columns, then
 * places. */
void expect_arms(const columns *of, const double *forecast, const terms *t, double *found) {
    const int64_t n_arms = of->n_arms, n_cards = of->n_cards;
    double *const all = found, *const worths = found + 6 * n_arms, *const costs = found + 3 * n_arms;
    for (int64_t i = 0; i < n_arms; i++, found++) {
        const double *card = forecast + of->card_of[i];
        const double quality = card[0], room = of->max_output_tokens[i] * t->n_choices, wanted = card[3 * n_cards];
        const double output = wanted < room ? wanted : room, writing = output * of->s_per_token[i];
        double sure = quality - of->caution * (quality - card[n_cards]);
        if (of->failure_share) sure *= 1.0 - of->failure_share[i];
        const int is_long = t->input_tokens > of->above_tokens[i];
        const double input_usd = is_long ? of->input_above_usd[i] : of->input_usd[i];
        const double output_usd = is_long ? of->output_above_usd[i] : of->output_usd[i];
        const double cost = t->input_tokens * input_usd + output * output_usd;
        const double ttft = of->ttft_s[i] + t->input_tokens * of->prefill_s_per_token[i] + writing * of->hidden_share[i];
        const double total = ttft + writing * (1.0 - of->hidden_share[i]);
        double worth = t->quality_weight * sure;
        if (t->cost_weight != 0) worth -= t->cost_weight * log10(cost > of->cheapest_usd ? cost : of->cheapest_usd);
        if (t->speed_weight != 0) worth -= t->speed_weight * log10(total > of->shortest_s ? total : of->shortest_s);
        found[0] = quality, found[n_arms] = sure, found[2 * n_arms] = output, found[3 * n_arms] = cost;
        found[4 * n_arms] = ttft, found[5 * n_arms] = total, found[6 * n_arms] = worth;
    }
    uint32_t *order = (uint32_t *)(worths + n_arms);
    rank(n_arms, worths, costs, order, order + n_arms);
    float *kept = (float *)(order + 2 * n_arms);
    uint16_t *places = (uint16_t *)(kept + N_COLUMNS * of->n_packed);
    for (int64_t k = 0; k < of->n_packed; k++) places[k] = (uint16_t)order[k];
    pack_candidates(of, forecast, all, of->n_packed, places, kept);
}

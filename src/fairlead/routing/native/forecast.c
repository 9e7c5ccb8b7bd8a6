/* What routing/predictors/benchmark_ability.py foretells of every model, in one call. The formulas stand there.
 * Models are treated one by one and alike, so that their order changes no bit.
 */
#include <math.h>
#include <stdint.h>

static const double PI_BY_8 = 0.39269908169872414;

static double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

/* Shapes: moments (n_models, n_kinds + n_kinds (n_kinds + 1) / 2), means, then the upper triangle of the covariance by
 * rows with what is off the diagonal doubled; shares (n_kinds,); reasons (n_models,); found (4, n_models):
 * quality, its low end, its high end, output tokens. Units: `visible` tokens of a reply, `hidden` ones for each of them
 * in a model that reasons, at most `room` of both for each of n_choices. `z` standard deviations make an interval. */
void forecast_models(int64_t n_models, int64_t n_kinds, const double *moments, const double *reasons, const double *shares,
                     double difficulty, double residual_variance, double z, double visible, double hidden, double room,
                     double n_choices, double *found) {
    for (int64_t m = 0; m < n_models; m++) {
        double mean = 0, variance = 0;
        for (int64_t k = 0; k < n_kinds; k++) mean += *moments++ * shares[k];
        for (int64_t row = 0; row < n_kinds; row++)
            for (int64_t k = row; k < n_kinds; k++) variance += *moments++ * (shares[row] * shares[k]);
        mean -= difficulty, variance += residual_variance;
        double spread = z * sqrt(variance), middle = sigmoid(mean / sqrt(variance * PI_BY_8 + 1.0));
        double low = sigmoid(mean - spread), high = sigmoid(mean + spread);
        found[m] = middle;
        found[n_models + m] = low < middle ? low : middle;
        found[2 * n_models + m] = high > middle ? high : middle;
        double tokens = reasons[m] * (hidden * visible) + visible;
        found[3 * n_models + m] = (tokens < room ? tokens : room) * n_choices;
    }
}

/* A text's scores by heads, for whoever goes on from them. */
#ifndef FAIRLEAD_PROMPT_SCORES_H
#define FAIRLEAD_PROMPT_SCORES_H

#include <stdint.h>

typedef struct scorer scorer;

/* The scores of a text into `scores`, n_heads of them. Returns what reader_read returns. */
int prompt_scores_read(scorer *s, const uint8_t *bytes, int64_t n_bytes, double n_chars, const int64_t *given,
                       int64_t n_given, double *scores);

#endif

/* What routing/features/spelling.py does: the word of the vocabulary that a misspelt one may have meant. */
#ifndef FAIRLEAD_SPELLING_H
#define FAIRLEAD_SPELLING_H

#include <stdint.h>

typedef struct {
    uint32_t hash;
    int32_t piece;
} shortened; /* a word, or a word without one of its letters */

typedef struct {
    const uint8_t *names;
    const int64_t *name_ends;
    shortened *slots;
    uint32_t mask;
} spelling;

/* Of the pieces with these names, which must outlive it. Returns 0 when there is no memory; it is to be cleared then too. */
int spelling_make(spelling *s, const uint8_t *names, const int64_t *name_ends, int64_t n_pieces);
void spelling_clear(spelling *s);

/* The piece that was meant by a word that is none, -1 if there is no such. */
int32_t spelling_meant(const spelling *s, const uint8_t *word, int64_t n);

#endif

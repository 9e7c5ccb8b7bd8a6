/* What language an ASCII text is in, as features/language.quick_language_of tells it. */
#ifndef FAIRLEAD_LANGUAGE_H
#define FAIRLEAD_LANGUAGE_H

#include <stdint.h>

#define LANGUAGE_SLOTS 512

enum { LANGUAGE_UNKNOWN, LANGUAGE_ENGLISH, LANGUAGE_OTHER };

/* Common words, each as the bytes of a whole number, the highest bit set of an English one; LANGUAGE_SLOTS of them, 0 for
 * none, each at the slot of its hash or the next free one. Made by language_table.py. The first n_first words of the text
 * tell, where one of them is a common one. */
int language_of(const uint64_t *words, const uint8_t *text, int64_t n_bytes, int64_t n_first);

#endif

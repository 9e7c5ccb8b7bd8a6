/* The language of a text by its common words: see language.h. */
#include "language.h"

#define MAX_FOUND 64
#define FLAG ((uint64_t)1 << 63)
#define MOST_BYTES 7 /* of a common word: the eighth is the flag's */

/* The word in the table, or 0. Its slot is the highest nine bits of the product: LANGUAGE_SLOTS is 2 to the ninth. */
static uint64_t known(const uint64_t *words, uint64_t word) {
    for (uint64_t at = word * 0x9e3779b97f4a7c15u >> 55;; at = (at + 1) % LANGUAGE_SLOTS) {
        if (!words[at]) return 0;
        if ((words[at] & ~FLAG) == word) return words[at];
    }
}

static int is_blank(uint8_t byte) { return (byte >= 9 && byte <= 13) || (byte >= 28 && byte <= 32); }

int language_of(const uint64_t *words, const uint8_t *text, int64_t n_bytes, int64_t n_first) {
    uint64_t found[MAX_FOUND], word = 0;
    int64_t n_found = 0, n_english = 0, n_words = 0, n_letters = 0, length = 0;
    for (int64_t at = 0; at <= n_bytes; at++) {
        const uint8_t byte = at < n_bytes ? text[at] : ' ';
        if (byte >= 128) return LANGUAGE_UNKNOWN;
        if (!is_blank(byte)) {
            const uint8_t lower = byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
            n_letters += lower >= 'a' && lower <= 'z';
            if (length++ < MOST_BYTES) word |= (uint64_t)lower << (8 * (length - 1));
            continue;
        }
        if (!length) continue;
        const uint64_t one = length <= MOST_BYTES ? known(words, word) : 0;
        word = 0, length = 0;
        if (one && n_found < MAX_FOUND) {
            int64_t same = 0;
            while (same < n_found && found[same] != one) same++;
            if (same == n_found) found[n_found++] = one, n_english += (one & FLAG) != 0;
        }
        if (++n_words == n_first && n_found) break;
    }
    if (!n_found) return n_letters ? LANGUAGE_ENGLISH : LANGUAGE_OTHER;
    return 2 * n_english >= n_found ? LANGUAGE_ENGLISH : LANGUAGE_OTHER;
}

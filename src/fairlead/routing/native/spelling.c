/* What routing/features/spelling.py does, in a third of a microsecond a word: the rules and their reasons stand there.
 *
 * Each word of the vocabulary lies in a table of hashes as it is and without each of its letters; so does, for the time of
 * a question, the word that is asked for. What has the same hash is compared letter by letter.
 */
#include "spelling.h"

#include <stdlib.h>
#include <string.h>

#define MIN_CHARS 5 /* both as in spelling.py */
#define MAX_CHARS 24

static int is_mendable(const uint8_t *word, int64_t n) {
    if (n < MIN_CHARS || n > MAX_CHARS) return 0;
    for (int64_t at = 0; at < n; at++)
        if (word[at] < 'a' || word[at] > 'z') return 0;
    return 1;
}

/* FNV-1a of a word without the letter at `gone`, of the whole word where gone is n. */
static uint32_t hash_without(const uint8_t *word, int64_t n, int64_t gone) {
    uint32_t hash = 0x811c9dc5u;
    for (int64_t at = 0; at < n; at++)
        if (at != gone) hash = (hash ^ word[at]) * 0x01000193u;
    return hash;
}

static const uint8_t *name_of(const spelling *s, int32_t piece, int64_t *n) {
    int64_t from = piece ? s->name_ends[piece - 1] : 0;
    *n = s->name_ends[piece] - from;
    return s->names + from;
}

static int is_equal(const uint8_t *a, int64_t n_a, const uint8_t *b, int64_t n_b) {
    return n_a == n_b && !memcmp(a, b, (size_t)n_a);
}

static int is_one_slip(const uint8_t *a, int64_t n_a, const uint8_t *b, int64_t n_b) {
    while (n_a && n_b && *a == *b) a++, b++, n_a--, n_b--;
    if (n_a && n_b && is_equal(a + 1, n_a - 1, b + 1, n_b - 1)) return 1;
    if ((n_a && is_equal(a + 1, n_a - 1, b, n_b)) || (n_b && is_equal(a, n_a, b + 1, n_b - 1))) return 1;
    return n_a >= 2 && n_b >= 2 && a[0] == b[1] && a[1] == b[0] && is_equal(a + 2, n_a - 2, b + 2, n_b - 2);
}

int spelling_make(spelling *s, const uint8_t *names, const int64_t *name_ends, int64_t n_pieces) {
    uint64_t n_entries = 0, n_slots = 16;
    *s = (spelling){names, name_ends, NULL, 0};
    for (int64_t piece = 0; piece < n_pieces; piece++) {
        int64_t n;
        const uint8_t *name = name_of(s, (int32_t)piece, &n);
        if (is_mendable(name, n)) n_entries += (uint64_t)n + 1;
    }
    while (n_slots < 2 * n_entries) n_slots *= 2;
    s->mask = (uint32_t)(n_slots - 1);
    s->slots = malloc(n_slots * sizeof *s->slots);
    if (!s->slots) return 0;
    for (uint64_t at = 0; at < n_slots; at++) s->slots[at].piece = -1;
    for (int64_t piece = 0; piece < n_pieces; piece++) {
        int64_t n;
        const uint8_t *name = name_of(s, (int32_t)piece, &n);
        if (!is_mendable(name, n)) continue;
        for (int64_t gone = 0; gone <= n; gone++) {
            uint32_t hash = hash_without(name, n, gone), at = hash;
            while (s->slots[at & s->mask].piece >= 0) at++;
            s->slots[at & s->mask] = (shortened){hash, (int32_t)piece};
        }
    }
    return 1;
}

void spelling_clear(spelling *s) { free(s->slots); }

int32_t spelling_meant(const spelling *s, const uint8_t *word, int64_t n) {
    int32_t best = -1;
    int best_begins_alike = 0;
    if (!is_mendable(word, n)) return -1;
    for (int64_t gone = 0; gone <= n; gone++) {
        const uint32_t hash = hash_without(word, n, gone);
        for (uint32_t at = hash; s->slots[at & s->mask].piece >= 0; at++) {
            const shortened *one = &s->slots[at & s->mask];
            int64_t n_name;
            if (one->hash != hash || one->piece == best) continue;
            const uint8_t *name = name_of(s, one->piece, &n_name);
            const int begins_alike = name[0] == word[0];
            if (best >= 0 && (begins_alike < best_begins_alike || (begins_alike == best_begins_alike && one->piece > best)))
                continue;
            if (is_one_slip(word, n, name, n_name)) best = one->piece, best_begins_alike = begins_alike;
        }
    }
    return best;
}

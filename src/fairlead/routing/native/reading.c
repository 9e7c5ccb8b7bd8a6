/* Reading a text, as PromptReader and KernelBasis do: word pieces, meaning, shape, likeness to landmarks.
 *
 * The law of this folder: the same text gives the same bits on every machine. So products are added in LANES fixed sums
 * whatever the width of the processor's registers, nothing is contracted (-ffp-contract=off), and the exponential of a
 * likeness is our own. The formulas, the tables and the names of the numbers stand in the Python files; here they are
 * only fast.
 *
 * Text is plain ASCII, or the numbers of its pieces are given. Nothing is allocated once a reader is made. The caller
 * holds Python's global lock: one reading at a time uses the workspace.
 */
#define _DEFAULT_SOURCE /* madvise */
#include "reading.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#define MAX_CLASSES 32
#define MAX_WORD_CHARS 100
#define CACHE_LINE 64
#define MAX_PIECES 65535 /* what add_rows can add */

enum { SHAPE_OTHER = 10, CAPITAL = 0, DIGIT, NON_ASCII, OTHER_MARK, SPACE };

static uint32_t step(uint32_t hash, uint8_t byte) { return (hash ^ byte) * 0x01000193u; } /* FNV-1a */

static const uint32_t START = 0x811c9dc5u, CONTINUED = 0x2b5a1f37u;

static int64_t name_start(const tables *t, int64_t piece) { return piece ? t->name_ends[piece - 1] : 0; }

/* Where a name is, or belongs: names that continue a word begin with "##", which is not part of their text. */
static slot *slot_of(const reader *r, const uint8_t *text, int64_t n, uint32_t hash, int continues) {
    for (uint32_t at = hash;; at++) {
        slot *one = &r->slots[at & r->mask];
        if (one->piece < 0) return one;
        if (one->hash != hash) continue;
        int64_t from = name_start(&r->t, one->piece), length = r->t.name_ends[one->piece] - from;
        int is_continued = length >= 2 && r->t.names[from] == '#' && r->t.names[from + 1] == '#';
        if (is_continued) from += 2, length -= 2;
        if (is_continued == continues && length == n && !memcmp(r->t.names + from, text, (size_t)n)) return one;
    }
}

void reader_clear(reader *r) {
    spelling_clear(&r->spelling);
    free(r->arena), free(r->far), free(r->far_squares), free(r->meaning);
    free(r->alike), free(r->sums), free(r->found), free(r->stamps);
}

/* Memory for tables that are looked up at random, in large pages where the system has them: finding small ones took a
 * twentieth of a request in a busy server. */
void *reader_large(size_t n_bytes) {
    const size_t page = (size_t)1 << 21, rounded = (n_bytes + page - 1) / page * page;
    void *found = aligned_alloc(page, rounded);
#ifdef MADV_HUGEPAGE
    if (found) madvise(found, rounded, MADV_HUGEPAGE);
#endif
    if (found) memset(found, 0, rounded);
    return found;
}

static int allocate(reader *r) {
    const tables *t = &r->t;
    size_t n = (size_t)t->n_landmarks, dims = (size_t)r->dims_padded, n_slots = (size_t)r->mask + 1;
    size_t n_rows = (size_t)(t->n_pieces * t->n_dims);
    size_t slots = n_slots * sizeof *r->slots, near = (n * dims + LANES) * sizeof *r->near;
    r->arena = reader_large(slots + near + n_rows);
    if (!r->arena) return 0;
    r->slots = (slot *)r->arena, r->near = (float *)(r->arena + slots);
    r->t.rows = memcpy(r->arena + slots + near, t->rows, n_rows);
    r->far = calloc(n * MAX_SHAPE + 1, sizeof *r->far);
    r->far_squares = calloc(n + 1, sizeof *r->far_squares);
    r->meaning = calloc(dims + 1, sizeof *r->meaning);
    r->alike = calloc(2 * n + 16, sizeof *r->alike);
    r->sums = calloc(dims + 1, sizeof *r->sums);
    r->found = calloc((size_t)t->n_pieces + 1, sizeof *r->found);
    r->stamps = calloc((size_t)t->n_pieces + 1, sizeof *r->stamps);
    return r->far && r->far_squares && r->meaning && r->alike && r->sums && r->found && r->stamps;
}

static void index_names(reader *r) {
    const tables *t = &r->t;
    for (uint32_t at = 0; at <= r->mask; at++) r->slots[at].piece = -1;
    for (int64_t piece = 0; piece < t->n_pieces; piece++) {
        int64_t from = name_start(t, piece), n = t->name_ends[piece] - from;
        int continues = n >= 2 && t->names[from] == '#' && t->names[from + 1] == '#';
        if (continues) from += 2, n -= 2;
        uint32_t hash = continues ? CONTINUED : START;
        for (int64_t at = 0; at < n; at++) hash = step(hash, t->names[from + at]);
        slot *one = slot_of(r, t->names + from, n, hash, continues);
        one->hash = hash, one->piece = (int32_t)piece; /* of two equal names the later one counts */
        if (n > r->longest_name) r->longest_name = n;
    }
}

int reader_make(reader *r, const tables *given) {
    if (given->n_shape > MAX_SHAPE || SHAPE_OTHER + given->n_counted + SPACE + 1 > MAX_SHAPE) return 0;
    if (given->n_pieces > MAX_PIECES || given->max_bytes < 2) return 0;
    r->t = *given;
    const tables *t = &r->t;
    r->dims_padded = (t->n_dims + LANES - 1) / LANES * LANES;
    uint32_t n_slots = 16;
    while (n_slots < 2 * (uint64_t)t->n_pieces) n_slots *= 2;
    r->mask = n_slots - 1;
    if (!allocate(r)) return 0;
    if (t->mends && !spelling_make(&r->spelling, t->names, t->name_ends, t->n_pieces)) return 0;
    index_names(r);
    for (int64_t i = 0; i < t->n_landmarks; i++) {
        float squares = 0;
        for (int64_t d = 0; d < t->n_dims; d++)
            r->near[i * r->dims_padded + d] = t->meaning[i * t->n_dims + d] * (float)(2 * t->meaning_width);
        for (int64_t s = 0; s < t->n_shape; s++) {
            float value = t->shape[i * t->n_shape + s];
            r->far[i * MAX_SHAPE + s] = value * (float)(2 * t->shape_width);
            squares += value * value;
        }
        r->far_squares[i] = squares * (float)t->shape_width;
    }
    return 1;
}

/* The whole word as one piece, else the piece that was meant by it, else -1. */
static int32_t whole_or_meant(const reader *r, const uint8_t *word, int64_t n) {
    uint32_t hash = START;
    for (int64_t at = 0; at < n; at++) hash = step(hash, word[at]);
    int32_t piece = slot_of(r, word, n, hash, 0)->piece;
    return piece >= 0 ? piece : spelling_meant(&r->spelling, word, n);
}

/* What will be read of a piece, fetched while the text is still being split: the tables are larger than caches are. */
static inline void fetch(const reader *r, int64_t piece) {
    const char *row = (const char *)(r->t.rows + piece * r->t.n_dims);
    for (int64_t at = 0; at < r->t.n_dims; at += CACHE_LINE) FETCH(row + at);
    FETCH(r->t.row_scale + piece);
    if (r->beside) FETCH(r->beside + piece * r->beside_bytes);
}

/* The pieces of one word that were not found before in this text, after those that are; -1 pieces: it is not made up. */
static int64_t add_word(reader *r, const uint8_t *word, int64_t n, int64_t n_found) {
    int32_t made[MAX_WORD_CHARS];
    uint32_t hashes[MAX_WORD_CHARS + 1];
    int64_t n_made = 0, start = 0;
    if (n > MAX_WORD_CHARS) return n_found;
    const int32_t whole = r->t.mends ? whole_or_meant(r, word, n) : -1;
    if (whole >= 0) made[n_made++] = whole, start = n;
    while (start < n) {
        int continues = start > 0;
        int64_t reach = n - start < r->longest_name ? n - start : r->longest_name, length;
        hashes[0] = continues ? CONTINUED : START;
        for (int64_t at = 0; at < reach; at++) hashes[at + 1] = step(hashes[at], word[start + at]);
        for (length = reach; length > 0; length--) {
            slot *one = slot_of(r, word + start, length, hashes[length], continues);
            if (one->piece >= 0) {
                made[n_made++] = one->piece;
                break;
            }
        }
        if (!length) return n_found;
        start += length;
    }
    for (int64_t at = 0; at < n_made; at++)
        if (r->stamps[made[at]] != r->stamp) {
            r->stamps[made[at]] = r->stamp;
            r->found[n_found++] = made[at];
            fetch(r, made[at]);
        }
    return n_found;
}

/* 0 blank, 1 a letter or digit, 2 a mark, 3 what the full rules of word_pieces.py must see. */
static int role(uint8_t byte) {
    if ((byte >= 9 && byte <= 13) || (byte >= 28 && byte <= 32)) return 0;
    if (byte < 32 || byte >= 127) return 3;
    if ((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z')) return 1;
    return 2;
}

/* Distinct pieces of a plain text into r->found; their number, or -1 for a text that is not plain. */
static int64_t split(reader *r, const uint8_t *text, int64_t n) {
    uint8_t word[MAX_WORD_CHARS + 1];
    int64_t n_word = 0, n_found = 0;
    for (int64_t at = 0; at < n; at++) {
        uint8_t byte = text[at];
        int is = role(byte);
        if (is == 3) return -1;
        if (is == 1) {
            if (n_word <= MAX_WORD_CHARS) word[n_word++] = byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
            continue;
        }
        if (n_word) n_found = add_word(r, word, n_word, n_found), n_word = 0;
        if (is == 2) n_found = add_word(r, &byte, 1, n_found);
    }
    return n_word ? add_word(r, word, n_word, n_found) : n_found;
}

static int64_t longest_of(int64_t a, int64_t b) { return a > b ? a : b; }

/* The numbers of shape.py, of the text between two blanks. */
static void shape_of(const tables *t, const uint8_t *text, int64_t n_text, double n_chars, float *shape) {
    int64_t counts[MAX_CLASSES] = {0}, n = (n_text < t->max_bytes - 2 ? n_text : t->max_bytes - 2) + 2;
    int64_t n_words = 0, n_breaks = 0, first = n, last_break = 0, longest = 0, n_options = 0, run = 0, ticks = 0, marks = 0;
    int has_blank = 0, has_fence = 0, was_space = 0;
    const uint8_t space_class = (uint8_t)(t->n_counted + SPACE);
    uint8_t before = 0, between = 0; /* places of the two bytes before this one */
    for (int64_t at = 0; at < n; at++) {
        uint8_t byte = at == 0 || at == n - 1 ? ' ' : text[at - 1], class = t->classes[byte];
        counts[class]++;
        int is_space = class == space_class;
        n_words += was_space && !is_space;
        was_space = is_space;
        if (byte == '\n') {
            if (n_breaks++) longest = longest_of(longest, at - last_break);
            else first = at;
            last_break = at;
        }
        uint8_t place = t->option_places[byte];
        n_options += (before & (between << 1) & (place << 2)) != 0;
        before = between, between = place;
        run = byte == '_' ? run + 1 : 0, has_blank |= run >= 4;
        ticks = byte == '`' ? ticks + 1 : 0, has_fence |= ticks >= 3;
    }
    int64_t last = n_breaks ? n - last_break : n;
    longest = n_breaks ? longest_of(longest, longest_of(first, last)) : n;
    const int64_t *others = counts + t->n_counted;
    for (int64_t at = 0; at < t->n_counted; at++) marks += counts[at];
    marks += others[OTHER_MARK];
    double per_byte = 1.0 / (double)n;
    shape[0] = (float)log1p(n_chars < t->length_ceiling ? n_chars : t->length_ceiling);
    shape[1] = (float)log1p((double)n_words);
    shape[2] = (float)((double)n / (double)(n_words + 1) / 10.0);
    shape[3] = (float)log1p((double)n_breaks);
    shape[4] = (float)log1p((double)last);
    shape[5] = (float)log1p((double)first);
    shape[6] = (float)log1p((double)longest);
    shape[7] = (float)log1p((double)n_options);
    shape[8] = (float)has_blank;
    shape[9] = (float)has_fence;
    for (int64_t at = 0; at < t->n_counted; at++) shape[SHAPE_OTHER + at] = (float)log1p((double)counts[at]);
    float *shares = shape + SHAPE_OTHER + t->n_counted;
    shares[0] = (float)((double)others[CAPITAL] * per_byte);
    shares[1] = (float)((double)others[DIGIT] * per_byte);
    shares[2] = (float)((double)others[NON_ASCII] * per_byte);
    shares[3] = (float)((double)marks * per_byte);
    shares[4] = (float)((double)others[SPACE] * per_byte);
}

/* e^x of n values, a multiple of 8, to about one unit in the last place; above 0 as of 0, below -87 as of -87:
 * e^x = 2^k e^rest with |rest| <= ln 2 / 2, e^rest by its series. In vectors, since no compiler makes them of it. */
static inline __attribute__((always_inline)) void exponentials(float *values, int64_t n) {
    for (int64_t at = 0; at < n; at += 8) {
        eight *place = (eight *)(values + at), x = *place;
        const eight lowest = (eight){0} - 87.0f;
        const eight_whole is_low = x < lowest, is_high = x > 0.0f;
        x = (eight)(((eight_whole)x & ~is_low & ~is_high) | ((eight_whole)lowest & is_low));
        const eight_whole k = __builtin_convertvector(x * 1.44269504f - 0.5f, eight_whole);
        const eight whole = __builtin_convertvector(k, eight);
        eight rest = x - whole * 0.693359375f;
        rest -= whole * -2.12194440e-4f;
        eight p = rest * (1.0f / 5040.0f) + 1.0f / 720.0f;
        p = p * rest + 1.0f / 120.0f;
        p = p * rest + 1.0f / 24.0f;
        p = p * rest + 1.0f / 6.0f;
        p = p * rest + 0.5f;
        p = p * rest + 1.0f;
        p = p * rest + 1.0f;
        *place = p * (eight)((k + 127) << 23);
    }
}

/* Sums of the rows of these pieces, exact: at most 127 * 255 each, and at most MAX_PIECES of them. */
WIDE static void add_rows(reader *r, int64_t n_found) {
    const int64_t n_dims = r->t.n_dims;
    int32_t *restrict sums = r->sums;
    memset(sums, 0, (size_t)n_dims * sizeof *sums);
    for (int64_t at = 0; at < n_found; at++) {
        const int8_t *restrict row = r->t.rows + (int64_t)r->found[at] * n_dims;
        const int16_t scale = (int16_t)r->t.row_scale[r->found[at]];
        for (int64_t d = 0; d < n_dims; d++) sums[d] += (int32_t)(int16_t)(scale * (int16_t)row[d]);
    }
}

/* Likenesses to the landmarks, from meaning and shape. */
WIDE static void compare(reader *r) {
    const tables *t = &r->t;
    const int64_t n = t->n_landmarks;
    const float *shape = r->shape_now;
    const int64_t n_padded = (n + 7) / 8 * 8;
    float *restrict near = r->alike, *restrict far = r->alike + n_padded;
    const float two_widths = (float)(2 * t->meaning_width), own = (float)t->shape_width * product(shape, shape, MAX_SHAPE);
    const float weight = (float)t->shape_weight;
    for (int64_t i = 0; i < n; i++) near[i] = product(r->near + i * r->dims_padded, r->meaning, r->dims_padded) - two_widths;
    for (int64_t i = 0; i < n; i++) far[i] = product(r->far + i * MAX_SHAPE, shape, MAX_SHAPE) - r->far_squares[i] - own;
    exponentials(near, 2 * n_padded);
    for (int64_t i = 0; i < n; i++) near[i] = near[i] * far[i] + near[i] + weight * far[i];
}

static void set_meaning(reader *r) {
    const tables *t = &r->t;
    double squared = 0, moved = 0;
    for (int64_t d = 0; d < t->n_dims; d++) squared += (double)r->sums[d] * (double)r->sums[d];
    const float per_length = squared > 0 ? (float)(1.0 / sqrt(squared)) : 0.0f;
    for (int64_t d = 0; d < t->n_dims; d++) {
        r->meaning[d] = (float)r->sums[d] * per_length - t->centre[d];
        moved += (double)r->meaning[d] * (double)r->meaning[d];
    }
    const double length = sqrt(moved);
    const float per_moved = (float)(1.0 / (length > t->no_length ? length : t->no_length));
    for (int64_t d = 0; d < t->n_dims; d++) r->meaning[d] *= per_moved;
}

static void set_shape(reader *r, const written *text) {
    const tables *t = &r->t;
    float *shape = r->shape_now, ceiling = (float)t->shape_ceiling;
    shape_of(t, text->bytes, text->n_bytes, text->n_chars, shape);
    for (int64_t s = 0; s < t->n_shape; s++) {
        float value = (shape[s] - t->shape_mean[s]) / t->shape_sd[s];
        shape[s] = value > ceiling ? ceiling : value < -ceiling ? -ceiling : value;
    }
}

int reader_read(reader *r, const written *text) {
    const tables *t = &r->t;
    if (++r->stamp == 0) memset(r->stamps, 0, (size_t)t->n_pieces * sizeof *r->stamps), r->stamp = 1;
    if (text->given) {
        if (text->n_given < 0 || text->n_given > t->n_pieces) return 2;
        for (int64_t at = 0; at < text->n_given; at++) {
            if (text->given[at] < 0 || text->given[at] >= t->n_pieces) return 2;
            r->found[at] = (int32_t)text->given[at];
        }
        r->n_found = text->n_given;
    } else if ((r->n_found = split(r, text->bytes, text->n_bytes)) < 0) {
        return 1;
    }
    add_rows(r, r->n_found);
    set_meaning(r);
    set_shape(r, text);
    compare(r);
    return 0;
}

/* Attention in C for attnspec: one query after the other, in double precision. Reads messages on standard input and answers on
 * standard output; arrays lie in the file that is open as descriptor 3.
 *
 *     cc -O2 -o attention attention.c -lm
 *     attnspec run process:./attention
 */

#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"

enum { SHARED = 3 };

/* An array of four axes: batch, heads, positions, features. */
typedef struct {
    const float *first;
    long shape[4], strides[4];
} Array;

static float at(const Array *a, long b, long h, long s, long d) {
    return a->first[b * a->strides[0] + h * a->strides[1] + s * a->strides[2] + d * a->strides[3]];
}

static Array read_array(const char *place, const char *memory) {
    Array a;
    a.first = (const float *)(memory + strtol(json_member(place, "start"), NULL, 10));
    json_numbers(json_member(place, "shape"), a.shape, 4);
    json_numbers(json_member(place, "strides"), a.strides, 4);
    return a;
}

/* out and lse are contiguous. A query sees keys up to its own position, counted from the top left, where it is causal. */
static void attend(Array q, Array k, Array v, double scale, int causal, float *out, float *lse) {
    long B = q.shape[0], H = q.shape[1], Sq = q.shape[2], D = q.shape[3], Sk = k.shape[2], Dv = v.shape[3];
    long group = H / (k.shape[1] ? k.shape[1] : 1);
    double *scores = malloc((Sk + 1) * sizeof *scores), *row = malloc((Dv + 1) * sizeof *row);
    for (long b = 0; b < B; b++)
        for (long h = 0; h < H; h++)
            for (long i = 0; i < Sq; i++) {
                long seen = causal && i + 1 < Sk ? i + 1 : Sk;
#ifdef OFF_BY_ONE
                if (causal && seen < Sk) seen++;
#endif
                double most = -INFINITY, sum = 0;
                for (long j = 0; j < seen; j++) {
                    double score = 0;
                    for (long d = 0; d < D; d++) score += (double)at(&q, b, h, i, d) * at(&k, b, h / group, j, d);
                    scores[j] = score * scale;
                    if (scores[j] > most || isnan(scores[j])) most = scores[j];
                }
                for (long d = 0; d < Dv; d++) row[d] = 0;
                for (long j = 0; j < seen; j++) {
                    double weight = exp(scores[j] - most);
                    sum += weight;
                    for (long d = 0; d < Dv; d++) row[d] += weight * at(&v, b, h / group, j, d);
                }
                for (long d = 0; d < Dv; d++) *out++ = seen ? (float)(row[d] / sum) : 0;
                *lse++ = seen ? (float)(most + log(sum)) : -INFINITY;
            }
    free(scores);
    free(row);
}

/* Why arrays do not fit together; NULL where they do. */
static const char *misfit(const char *given, Array q, Array k, Array v) {
    const char *names[] = {"q", "k", "v"};
    for (int n = 0; n < 3; n++)
        if (!json_is(json_member(json_member(given, names[n]), "dtype"), "float32")) return "all arrays must be float32";
    if (q.shape[0] != k.shape[0] || k.shape[0] != v.shape[0]) return "batches differ";
    if (k.shape[1] != v.shape[1] || (k.shape[1] ? q.shape[1] % k.shape[1] : q.shape[1])) return "heads do not fit together";
    if (k.shape[2] != v.shape[2]) return "keys and values differ in number";
    return q.shape[3] == k.shape[3] ? NULL : "queries and keys differ in features";
}

static void run(const char *message) {
    struct stat about;
    fstat(SHARED, &about);
    char *memory = mmap(NULL, about.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED, 0);
    const char *given = json_member(message, "arguments"), *options = json_member(message, "options");
    const char *scale = json_member(options, "scale"), *causal = json_member(options, "causal");
    Array q = read_array(json_member(given, "q"), memory), k = read_array(json_member(given, "k"), memory),
          v = read_array(json_member(given, "v"), memory);
    const char *why = misfit(given, q, k, v);
    if (why) {
        printf("{\"type\": \"raised\", \"message\": \"%s\"}\n", why);
        munmap(memory, about.st_size);
        return;
    }
    long rows = q.shape[0] * q.shape[1] * q.shape[2], numbers = rows * v.shape[3];
    float *out = malloc((numbers + rows + 1) * sizeof *out), *lse = out + numbers;
    attend(q, k, v, scale && *scale != 'n' ? strtod(scale, NULL) : 1 / sqrt((double)q.shape[3]), causal && *causal == 't', out, lse);
    long start = strtol(json_member(message, "size"), NULL, 10), behind = start + numbers * (long)sizeof *out;
    if (pwrite(SHARED, out, (numbers + rows) * sizeof *out, start) < 0) exit(1);
    printf("{\"type\": \"returned\", \"results\": [{\"dtype\": \"float32\", \"shape\": [%ld, %ld, %ld, %ld], \"start\": %ld}", q.shape[0],
           q.shape[1], q.shape[2], v.shape[3], start);
    const char *wanted = json_member(options, "return_lse");
    if (wanted && *wanted == 't')
        printf(", {\"dtype\": \"float32\", \"shape\": [%ld, %ld, %ld], \"start\": %ld}", q.shape[0], q.shape[1], q.shape[2], behind);
    printf("]}\n");
    free(out);
    munmap(memory, about.st_size);
}

int main(void) {
    char *message = NULL;
    size_t room = 0;
    while (getline(&message, &room, stdin) > 0) {
        const char *type = json_member(message, "type");
        if (json_is(type, "start")) {
            printf("{\"type\": \"started\", \"protocol\": 1}\n");
        } else if (json_is(type, "describe")) {
            printf("{\"type\": \"described\", \"operation\": \"attention\", \"name\": \"c/attention\","
                   " \"options\": [\"scale\", \"causal\", \"return_lse\"],"
                   " \"conventions\": {\"causal_alignment\": \"top-left\", \"empty_rows\": \"zeros\"}}\n");
        } else if (json_is(type, "run")) {
            run(message);
        } else if (json_is(type, "stop")) {
            return 0;
        } else {
            printf("{\"type\": \"raised\", \"message\": \"an unknown message\"}\n");
        }
        fflush(stdout);
    }
    return 0;
}

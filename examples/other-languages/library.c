/* Attention as a shared library, whose function takes pointers to contiguous float32 in the order (B, H, S, D).
 *
 *     cc -O2 -shared -fPIC -o library.so library.c -lm
 */

#include <math.h>
#include <stdlib.h>

void attend(const float *q, const float *k, const float *v, float *out, long B, long H, long Hkv, long Sq, long Sk, long D, long Dv,
            double scale) {
    double *scores = malloc((Sk + 1) * sizeof *scores);
    for (long row = 0; row < B * H * Sq; row++) {
        long b = row / (H * Sq), h = row / Sq % H, pair = b * Hkv + h / (H / Hkv);
        double most = -INFINITY, sum = 0;
        for (long j = 0; j < Sk; j++) {
            scores[j] = 0;
            for (long d = 0; d < D; d++) scores[j] += (double)q[row * D + d] * k[(pair * Sk + j) * D + d];
            scores[j] *= scale;
            if (scores[j] > most || isnan(scores[j])) most = scores[j];
        }
        for (long j = 0; j < Sk; j++) sum += scores[j] = exp(scores[j] - most);
        for (long d = 0; d < Dv; d++) {
            double mixed = 0;
            for (long j = 0; j < Sk; j++) mixed += scores[j] * v[(pair * Sk + j) * Dv + d];
            out[row * Dv + d] = Sk ? (float)(mixed / sum) : 0;
        }
    }
    free(scores);
}

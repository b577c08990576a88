"""How far a correct kernel may lie from the exact answer, per element.

Three levels. D, deterministic and proved: it decides on any data. R, for values that were drawn with random signs: it fails a
correct kernel with a stated probability, and needs nothing from the kernel but that its weights and its order of summation do
not look at V. P, for information: it also takes roundings for random, which on structured data they are not.

A bound of level D may never fail a kernel that does what its arithmetic says, on any data and in any order of summation. So it
holds no tolerance: each term is a rounding that the kernel may make, and follows from q, k, v and the declared arithmetic.

One identity drives everything. A kernel that computes Σ w_j(1+a_j) v_j / Σ w_j(1+b_j) instead of o = Σ p_j v_j errs by

    ô − o = [ Σ p_j b_j (v_j − o) + Σ p_j (a_j − b_j) v_j ] / (1 + Σ p_j b_j).

What numerator and row sum share (errors of scores, of exp, of rescaling) counts by the spread |v_j − o|. Only what hits one
side (weights rounded, products accumulated) counts by |v_j|. No pair of relative and absolute tolerance can say this.

Chapters, in the order of computation: `facts` (what the exact answer says), `logits`, `weights`, `output`, `logsumexp`,
`random_signs` (level R), `probabilistic` (level P), and `judgement`, which joins them. `own` is the reference's own error.
`variance`, `score`, `score_keys`, `replicates`: signed estimates of systematic errors, where roundings are taken for random.
`gradients`: bounds of dq, dk and dv, made of `backward_weights`, `gradient_scores` and `gradient_sums`.
Row quantities are float64 (B, Hq, R, 1) throughout, score quantities (B, Hq, R, Sk).
Notation: u is a unit roundoff, γ_n = n·u / (1 − n·u) (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
"""

from .judgement import Judgement, judge
from .own import own_error
from .random_signs import FALSE_ALARM

__all__ = ["FALSE_ALARM", "Judgement", "judge", "own_error"]

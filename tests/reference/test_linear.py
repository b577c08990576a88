"""Linear attention means one thing: three orders agree with each other, and with sums written out in 50 digits."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest

from attnspec.reference.linear_attention.features import FEATURE_MAPS, TAYLOR, degree, features, width
from attnspec.reference.linear_attention.orders import in_order
from attnspec.reference.linear_attention.recurrent import linear_attention

from .linear_cases import call

SLACK = 2.0**-40
"""Far more than float64 needs here, far less than any mistake."""


def same(x: Any, y: Any) -> bool:
    if x.shape != y.shape or not np.array_equal(np.isnan(x), np.isnan(y)):
        return False
    return bool(np.all(np.abs(x - y)[~np.isnan(x)] <= SLACK * (1 + np.abs(x[~np.isnan(x)]))))


@pytest.mark.parametrize("chunk", [None, 1, 3, 16])
def test_three_orders_agree(chunk: int | None) -> None:
    seen: set[str] = set()
    for seed in range(80):
        (q, k, v), options = call(seed)
        seen |= {name for name, value in options.items() if value is not False}
        due = linear_attention(q, k, v, **options)
        out, (state, normalizer) = in_order(q, k, v, chunk=chunk, **options)
        assert same(due.out, out) and same(due.state, state) and same(due.normalizer, normalizer), (seed, options)
    assert len(seen) == 10


def by_hand(q: Any, k: Any, v: Any, o: dict[str, Any], b: int, h: int) -> tuple[list[Any], Any]:
    """Rows and state of one head in 50 digits, from the recurrence, with vectors as lists."""
    mp = mpmath.mpf
    phi_q, phi_k = (mapped(o["feature_map"], x[b, h]) for x in (q, k))
    first = o.get("initial_state")
    f, e = len(phi_k[0]) if phi_k else width(o["feature_map"], k.shape[3]), v.shape[3] + 1
    state = [[mp(0)] * e for _ in range(f)]
    if first is not None:
        state = [[*(mp(float(x)) for x in first[0][b, h, i]), mp(float(first[1][b, h, i]))] for i in range(f)]
    length = k.shape[2] if o.get("kv_lengths") is None else int(o["kv_lengths"][b])
    rows = []
    for t in range(k.shape[2]):
        if t < length:
            gate = np.broadcast_to(0.0 if o.get("gate") is None else np.asarray(o["gate"][b, h, t], float), (f,))
            decay = mp(1) if o.get("decay") is None else mp(float(o["decay"][h]))
            state = [
                [x * decay * (0 if g == -math.inf else mpmath.exp(mp(float(g)))) for x in r]
                for r, g in zip(state, gate, strict=True)
            ]
            value = [*(mp(float(x)) for x in v[b, h, t]), mp(1)]
            if o.get("beta") is not None:
                read = [sum(phi_k[t][i] * state[i][j] for i in range(f)) for j in range(e)]
                value = [mp(float(o["beta"][b, h, t])) * (x - y) for x, y in zip(value, read, strict=True)]
            state = [[x + phi_k[t][i] * y for x, y in zip(r, value, strict=True)] for i, r in enumerate(state)]
        if o["causal"]:
            rows.append([sum(phi_q[t][i] * state[i][j] for i in range(f)) for j in range(e)])
    if not o["causal"]:
        rows = [[sum(x[i] * state[i][j] for i in range(f)) for j in range(e)] for x in phi_q]
    scale = mp(o["scale"])
    return [[x / row[-1] if o.get("normalize") else scale * x for x in row[:-1]] for row in rows], state


def mapped(name: str, x: Any) -> list[list[Any]]:
    rows = [[mpmath.mpf(float(y)) for y in row] for row in x]
    if name in TAYLOR:
        return [taylor(row, degree(name)) for row in rows]
    rule = {
        "identity": lambda y: y,
        "elu1": lambda y: y + 1 if y > 0 else mpmath.exp(y),
        "relu": lambda y: max(y, mpmath.mpf(0)),
        "exp": mpmath.exp,
    }[name]
    return [[rule(y) for y in row] for row in rows]


def taylor(row: list[Any], n: int) -> list[Any]:
    made, power = [mpmath.mpf(1)], [mpmath.mpf(1)]
    for m in range(1, n + 1):
        power = [x * y for x in power for y in row]
        made += [x / mpmath.sqrt(mpmath.factorial(m)) for x in power]
    return made


def test_the_definition_is_the_recurrence_in_fifty_digits() -> None:
    compared = 0
    with mpmath.workdps(50):
        for seed in range(60):
            (q, k, v), options = call(seed, lengths=(1, 2, 5))
            if options.get("cu_seqlens") is not None or q.shape[2] == 0:
                continue
            made = linear_attention(q, k, v, **options)
            for b, h in np.ndindex(q.shape[:2]):
                if options.get("normalize") and options.get("initial_state") is None and options.get("kv_lengths") is not None:
                    continue  # a row may then read nothing, and the quotient does not exist
                rows, state = by_hand(q, k, v, options, b, h)
                due = np.array([[float(x) for x in row] for row in rows])
                assert same(due, made.out[b, h]), (seed, options)
                assert same(np.array([[float(x) for x in row[:-1]] for row in state]), made.state[b, h])
                assert same(np.array([float(row[-1]) for row in state]), made.normalizer[b, h])
                compared += 1
    assert compared > 60


@pytest.mark.parametrize("name", TAYLOR)
def test_taylor_features_multiply_to_the_series(name: str) -> None:
    r = np.random.default_rng(3)
    x, y = r.standard_normal((5, 2)), r.standard_normal((5, 2))
    s = (x * y).sum(-1)
    due = sum(s**m / math.factorial(m) for m in range(degree(name) + 1))
    assert np.all(np.abs((features(name, x) * features(name, y)).sum(-1) - due) <= SLACK * (1 + np.abs(due)))
    assert features(name, x).shape == (5, width(name, 2))


def test_a_row_without_a_normaliser_is_nan_and_no_error() -> None:
    q = k = v = -np.ones((1, 1, 1, 1))
    assert np.isnan(linear_attention(q, k, v, feature_map="relu", causal=True, normalize=True).out).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"feature_map": "elu"}, "feature_map is 'elu'"),
        ({"causal": True, "rows": 3}, "there are 3 queries and 4 keys"),
        ({"normalize": True, "beta": np.ones((1, 2, 4))}, "normalize and beta exclude each other"),
        ({"decay": np.array([0.5, 1.5])}, "each factor must lie in"),
        ({"gate": np.ones((1, 2, 4))}, "each entry must be 0 or less"),
        ({"gate": np.zeros((1, 2))}, "gate has shape"),
        ({"beta": np.ones((1, 2))}, "beta has shape"),
        ({"initial_state": (np.zeros((1, 2, 3, 3)), np.zeros((1, 2, 2)))}, "the normalizer has shape"),
        ({"cu_seqlens": np.array([0, 3])}, "it must ascend from 0 to 4"),
        ({"cu_seqlens": np.array([0, 4]), "kv_lengths": np.array([4])}, "exclude each other"),
        ({"kv_lengths": np.array([5])}, "each must lie in 0..4"),
    ],
)
def test_what_has_no_meaning_is_refused_with_words(changed: dict[str, Any], message: str) -> None:
    options = dict(changed)
    q = np.zeros((1, 2, options.pop("rows", 4), 3))
    with pytest.raises(ValueError, match=message):
        linear_attention(q, np.zeros((1, 2, 4, 3)), np.zeros((1, 2, 4, 3)), **options)


def test_every_map_has_a_width() -> None:
    assert [width(name, 3) for name in FEATURE_MAPS[:6]] == [3, 3, 3, 3, 4, 13]

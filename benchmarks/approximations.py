"""How far Taylor maps and random features lie from softmax attention, beside what is proved: measured, and drawn.

    python benchmarks/approximations.py            measure, write docs/data/approximations.json and the picture of it
    python benchmarks/approximations.py --picture  only draw again what is measured

Everything is float64, so that what is measured is the approximation and no rounding. Queries and keys have random directions
and one length, such that scores lie between −`reach` and `reach`; values are standard normal. A number is the root of the mean
square over all entries of DRAWS heads, of the error or of its bound; a bound that says nothing of some entry is left out.

Of random features the bound is the one of Taylor maps with the room of a mean (`chance.mean_room`) instead of the
remainder: it holds of every entry at once but for a chance of CHANCE.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from attnspec.reference.attention.textbook import attention
from attnspec.reference.linear_attention.recurrent import linear_attention
from attnspec.reference.linear_attention.taylor import series_error
from attnspec.reference.random_feature_attention.chance import mean_room, variance
from attnspec.reference.random_feature_attention.definition import random_feature_attention
from attnspec.reference.random_feature_attention.drawing import draw_projection

sys.path.insert(0, str(Path(__file__).parent))
from approximations_picture import picture

DOCS = Path(__file__).resolve().parents[1] / "docs"
DATA, PICTURE = DOCS / "data" / "approximations.json", DOCS / "images" / "approximations.svg"

DRAWS, QUERIES, KEYS, D, DV = 40, 4, 16, 4, 8
CHANCE = 1e-6
ORDERS, REACHES, COUNTS = tuple(range(1, 7)), (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0), tuple(4**n for n in range(2, 9))
TYPICAL = {"reach": 0.25, "order": 3, "features": 4096}
"""What is kept where something else varies."""

GRID = 32
"""Rooms are computed for squares rounded up to parts of so many, and are then a little larger than they need be."""


def inputs(reach: float, draw: int) -> tuple[Any, Any, Any]:
    """q, k and v of one head; queries and keys have the length √reach."""
    r = np.random.default_rng([draw, 1])
    q, k = (r.standard_normal((1, 1, n, D)) for n in (QUERIES, KEYS))
    q, k = (math.sqrt(reach) * x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (q, k))
    return q, k, r.standard_normal((1, 1, KEYS, DV))


def taylor(order: int, reach: float) -> dict[str, Any]:
    """One point of a Taylor map."""
    errors, bounds = [], []
    for draw in range(DRAWS):
        q, k, v = inputs(reach, draw)
        exact = attention(q, k, v, scale=1.0)
        made = linear_attention(q, k, v, feature_map=f"taylor{order}", normalize=True).out
        errors.append(made - exact.out)
        bounds.append(series_error(order, q @ k.swapaxes(-1, -2), exact.weights, v))
    return {"order": order, "reach": reach, **_sizes(errors, bounds)}


def random(features: int, reach: float, orthogonal: bool = False) -> dict[str, Any]:
    """One point of random features: of the output, and of the kernel beside its formula."""
    errors, bounds, kernels, formula = [], [], [], []
    for draw in range(DRAWS):
        q, k, v = inputs(reach, draw)
        exact = attention(q, k, v, scale=1.0)
        w = draw_projection(features, D, draw, orthogonal=orthogonal)
        made = random_feature_attention(q, k, v, projection=w, scale=1.0)
        errors.append(made.out - exact.out)
        squares = ((q[:, :, :, None] + k[:, :, None]) ** 2).sum(axis=-1)
        bounds.append(_likely_error(squares, features // D if orthogonal else features, features, exact, v))
        kernels.append(np.expm1(made.kernel - q @ k.swapaxes(-1, -2)))
        formula.append([variance(float(square)) / features for square in squares.flat])
    ratio = float(np.mean(np.square(kernels)) / np.mean(formula))
    return {"features": features, "reach": reach, "orthogonal": orthogonal, **_sizes(errors, bounds), "variance_ratio": ratio}


def _likely_error(squares: Any, count: int, rows: int, exact: Any, v: Any) -> Any:
    """The bound of |o_random − o| that holds but for a chance: a room for every kernel, and the identity of quotients."""
    rounded = np.ceil(squares * GRID) / GRID
    rooms = [max(mean_room(float(square), count, CHANCE / squares.size, rows)) for square in rounded.flat]
    room = np.reshape(rooms, squares.shape)
    spread = np.sqrt(np.maximum(exact.weights @ v**2 - exact.out**2, 0.0))
    left = 1 - (exact.weights * room).sum(axis=-1, keepdims=True)
    size = np.sqrt((exact.weights * room**2).sum(axis=-1, keepdims=True)) * spread
    return np.where(left > 0, size / np.where(left > 0, left, 1.0), np.inf)


def _sizes(errors: Any, bounds: Any) -> dict[str, Any]:
    errors, bounds = np.abs(errors), np.asarray(bounds)
    assert np.all(errors <= bounds + 2.0**-44), "a proved bound does not hold"
    known = bool(np.isfinite(bounds).all())
    return {
        "measured": _three(math.sqrt(float(np.mean(errors**2)))),
        "proved": _three(math.sqrt(float(np.mean(bounds**2)))) if known else None,
        "closest": _three(float(np.max(errors / (bounds + 2.0**-44)))),
    }


def _three(x: float) -> float:
    return float(f"{x:.3g}")


def measured() -> dict[str, Any]:
    """All points, and what they were measured with."""
    reach, order, features = TYPICAL["reach"], int(TYPICAL["order"]), int(TYPICAL["features"])
    return {
        "setting": {"draws": DRAWS, "queries": QUERIES, "keys": KEYS, "d": D, "dv": DV, "chance": CHANCE, **TYPICAL},
        "taylor_by_order": [taylor(n, reach) for n in ORDERS],
        "taylor_by_scale": [taylor(order, s) for s in REACHES],
        "random_by_count": [random(m, reach) for m in COUNTS],
        "orthogonal_by_count": [random(m, reach, True) for m in COUNTS],
        "random_by_scale": [random(features, s) for s in REACHES],
    }


def main(arguments: list[str]) -> int:
    """Measure and draw, or only draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", action="store_true", help="draw what is measured, and measure nothing")
    if not parser.parse_args(arguments).picture:
        DATA.write_text(json.dumps(measured(), indent=1) + "\n", encoding="utf-8")
    PICTURE.write_text(picture(json.loads(DATA.read_text(encoding="utf-8"))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

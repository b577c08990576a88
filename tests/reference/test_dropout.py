"""The dropout generator: fair, independent of what else is asked, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from attnspec.reference.attention.dropout import keep_mask

SHAPE = (2, 3, 40, 50)


def test_a_place_is_decided_by_seed_and_place_alone() -> None:
    whole = keep_mask(7, 0.3, SHAPE)
    np.testing.assert_array_equal(keep_mask(7, 0.3, (2, 3, 40, 20)), whole[..., :20])
    np.testing.assert_array_equal(keep_mask(7, 0.3, (1, 2, 10, 50)), whole[:1, :2, :10])
    rows = np.array([31, 0, 5])
    np.testing.assert_array_equal(keep_mask(7, 0.3, SHAPE, rows), whole[:, :, rows])


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("seed", [0, 1, -1, 2**64 + 5])
def test_it_keeps_one_minus_p_along_every_axis(seed: int, p: float) -> None:
    keep = keep_mask(seed, p, SHAPE)
    for axis in range(4):
        others = tuple(a for a in range(4) if a != axis)
        count = keep.size // SHAPE[axis]
        assert (abs(keep.mean(others) - (1 - p)) < 5 * np.sqrt(p * (1 - p) / count)).all()


def test_neighbours_in_seed_and_place_are_unrelated() -> None:
    a, b = keep_mask(0, 0.5, SHAPE), keep_mask(1, 0.5, SHAPE)
    pairs = [(a, b), (a[0], a[1]), (a[:, 0], a[:, 1]), (a[:, :, :-1], a[:, :, 1:]), (a[..., :-1], a[..., 1:])]
    for x, y in pairs:
        assert abs((x == y).mean() - 0.5) < 5 * 0.5 / np.sqrt(x.size)


def test_no_probability_drops_nothing() -> None:
    assert keep_mask(3, 0.0, SHAPE).all()

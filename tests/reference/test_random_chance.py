"""What chance may do to estimates: the rooms hold more often than they say, and are not much wider than they must be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from attnspec.reference.random_feature_attention.chance import deviate, mean_room, square_room, variance
from attnspec.reference.random_feature_attention.drawing import draw_projection
from attnspec.reference.random_feature_attention.orthogonal import covariance

pytestmark = pytest.mark.long

OFTEN = 0.02
"""A chance that shows in a few thousand trials."""


def features(square: float, trials: int, count: int, seed: int = 0) -> np.ndarray:
    r = np.random.default_rng([seed, count])
    return np.exp(math.sqrt(square) * r.standard_normal((trials, count)) - square / 2)


@pytest.mark.parametrize(("square", "count"), [(0.1, 60), (0.5, 300), (1.0, 1000), (2.0, 2000)])
def test_means_leave_their_room_no_more_often_than_is_said(square: float, count: int) -> None:
    means = features(square, 3000, count).mean(axis=1)
    low, high = mean_room(square, count, OFTEN)
    left = ((means < 1 - low) | (means > 1 + high)).mean()
    assert left <= OFTEN
    low, high = mean_room(square, count, 0.5)
    assert ((means < 1 - low) | (means > 1 + high)).mean() > 0.02, "the room is idle"


@pytest.mark.parametrize("square", [0.25, 0.5, 1.0])
def test_rooms_are_those_of_a_normal_number_but_for_a_seventh(square: float) -> None:
    scatter = math.sqrt(variance(square) / 98304)
    low, high = mean_room(square, 98304, 1e-6)
    assert deviate(5e-7) * scatter * 0.97 < low < high < 1.2 * deviate(5e-7) * scatter


def test_rooms_of_blocks_are_wider() -> None:
    whole, blocks = mean_room(0.5, 4096, 1e-6), mean_room(0.5, 1024, 1e-6, 4096)
    assert blocks[0] > 1.8 * whole[0] and blocks[1] > 1.8 * whole[1]
    rows = draw_projection(512 * 1000, 4, 0, orthogonal=True)
    means = np.exp(rows @ [0.5, 0.5, 0, 0] - 0.25).reshape(1000, 512).mean(axis=1)
    low, high = mean_room(0.5, 128, OFTEN, 512)
    assert ((means < 1 - low) | (means > 1 + high)).mean() <= OFTEN
    assert mean_room(0.0, 10, 1e-6) == (0.0, 0.0)


@pytest.mark.parametrize(("square", "m", "count"), [(0.25, 32, 40), (0.25, 128, 100), (0.5, 64, 60)])
def test_squares_leave_their_room_no_more_often_than_is_said(square: float, m: int, count: int) -> None:
    means = features(square, 600 * count, m).mean(axis=1).reshape(600, count)
    shares = ((means - 1) ** 2).mean(axis=1) * m / variance(square)
    assert abs(shares.mean() - 1) < 0.02
    low, high = square_room(square, m, count, OFTEN)
    assert ((shares < 1 - low) | (shares > 1 + high)).mean() <= OFTEN
    low, high = square_room(square, m, count, 0.5)
    assert ((shares < 1 - low) | (shares > 1 + high)).mean() > 0.02, "the room is idle"


def test_a_deviate_is_the_quantile_of_a_normal_number() -> None:
    assert abs(deviate(0.5)) < 1e-9 and abs(deviate(0.0227501319) - 2) < 1e-6 and 4.7 < deviate(1e-6) < 4.8


@pytest.mark.parametrize("d", [2, 4, 16])
def test_two_orthogonal_features_have_the_covariance_of_the_formula(d: int) -> None:
    z = np.full(d, d**-0.5)
    x = np.exp(draw_projection(400000, d, 0, orthogonal=True) @ z - 0.5).reshape(-1, d)
    measured = ((x.sum(axis=1) ** 2).mean() - (x**2).sum(axis=1).mean()) / (d * (d - 1)) - 1
    assert covariance(1.0, d) < 0
    assert abs(measured - covariance(1.0, d)) < 0.2 * abs(covariance(1.0, d))

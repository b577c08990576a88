"""Measurements read what a kernel is known to do, from its answers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from attnspec.adapters.contract import implementation_of
from attnspec.adapters.finding import find
from attnspec.conformance.engine.subject import NotClaimed, Subject
from attnspec.conformance.measure import readings
from attnspec.conformance.measure.asking import Form, form_of, problem, subject_of
from attnspec.conformance.measure.exp import exp_error
from attnspec.conformance.measure.ratios import ratios
from attnspec.conformance.measure.rounding import rounding
from attnspec.conformance.measure.row_sum import row_sum_errors
from attnspec.conformance.measure.tile import tile_size
from attnspec.conformance.measure.width import accumulator_bits
from attnspec.reference.attention.faults.exponential import OFF
from attnspec.reference.attention.kernels import KERNELS, as_callable, declared_of
from attnspec.reference.faults.catalogue import as_callable as fault_of
from attnspec.reference.rounding import DTYPES as NUMPY
from attnspec.reference.rounding import round_to

pytestmark = pytest.mark.long

DTYPES = ("float32", "float16", "bfloat16")
HALF = DTYPES[1:]
CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}


def subject(function: Callable[..., Any], dtype: str, arithmetic: Any = None) -> Subject:
    made = implementation_of(function, name="made", dtypes=DTYPES, conventions=CONVENTIONS, arithmetic=arithmetic)
    return subject_of(made, dtype)


def kernel(name: str, dtype: str) -> Subject:
    return subject(as_callable(KERNELS[name]), dtype, declared_of(KERNELS[name], dtype))


def shipped(name: str, dtype: str) -> Subject:
    (made,) = find(name)
    return subject_of(made, dtype)


def gathered_in(accumulator: str, tile: int) -> Callable[..., Any]:
    """Equal weights and an accumulator of a dtype that is rounded after each tile of keys."""

    def attend(q: Any, k: Any, v: Any) -> Any:
        total = np.zeros((*q.shape[:3], v.shape[3]))
        for start in range(0, k.shape[2], tile):
            part = v[:, :, start : start + tile].astype(np.float64).sum(2, keepdims=True)
            total = round_to(total + part, accumulator)
        return round_to(total / k.shape[2], q.dtype.name).astype(NUMPY[q.dtype.name])

    return attend


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tile", [1, 16, 64])
@pytest.mark.parametrize(("accumulator", "bits"), [("bfloat16", 8), ("float16", 11), ("float32", 24)])
def test_the_accumulator_is_read(accumulator: str, bits: int, tile: int, dtype: str) -> None:
    # The sum may pass one of the big values and lie in the binade below: half precision is read as it is, or one less.
    assert accumulator_bits(subject(gathered_in(accumulator, tile), dtype)) in (bits - 1, bits)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["numpy/naive", "numpy/flash", "torch/sdpa-math", "torch/sdpa-flash"])
def test_float32_accumulators_are_told_from_half(name: str, dtype: str) -> None:
    assert accumulator_bits(shipped(name, dtype)) >= 21
    assert accumulator_bits(subject(fault_of("accumulator-in-bfloat16"), dtype)) in (7, 8)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["naive", "flash 16", "flash base two"])
def test_a_good_exponential_is_off_by_less_than_shows(name: str, dtype: str) -> None:
    found = exp_error(kernel(name, dtype))
    assert abs(found.at_zero) <= found.zero_resolution < 2.0**-20
    assert abs(found.worst) <= found.resolution


def test_a_coarse_exponential_is_read_at_zero_and_beyond() -> None:
    found = exp_error(subject(fault_of("exp-too-coarse"), "float32"))
    assert found.at_zero == pytest.approx(-OFF, abs=found.zero_resolution)
    assert found.worst == pytest.approx(-OFF, abs=found.resolution)


@pytest.mark.parametrize("dtype", HALF)
def test_the_fast_exponential_of_torch_flash_is_read(dtype: str) -> None:
    """PyTorch has it for AVX2 and AVX-512. Where it is built for neither, or told to use neither, the exponential is exact."""
    found = exp_error(shipped("torch/sdpa-flash", dtype))
    if torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512"):
        assert found.at_zero == pytest.approx(-5.3e-5, abs=1e-6)
        assert 5e-5 < abs(found.worst) < 1.3e-4
    else:
        assert abs(found.at_zero) <= found.zero_resolution
        assert abs(found.worst) <= found.resolution
    precise = exp_error(shipped("torch/sdpa-flash", "float32"))
    assert abs(precise.at_zero) <= precise.zero_resolution


def softmax(row_sum: Callable[[Any], Any], exp: Callable[[Any], Any] = np.exp) -> Callable[..., Any]:
    """A kernel in the dtype of its inputs that returns its logsumexp."""

    def attend(q: Any, k: Any, v: Any, *, return_lse: bool = False) -> Any:
        k, v = (np.repeat(x, q.shape[1] // k.shape[1], 1) for x in (k, v))
        scores = (q @ k.swapaxes(-1, -2)) * q.dtype.type(1 / np.sqrt(q.shape[-1]))
        top = scores.max(-1, keepdims=True)
        weights = exp(scores - top)
        total = row_sum(weights)
        out = (weights / total) @ v
        return (out, (top + np.log(total))[..., 0].astype(np.float32)) if return_lse else out

    return attend


def one_after_the_other(x: Any) -> Any:
    return np.add.accumulate(x, axis=-1)[..., -1:]


def by_halves(x: Any) -> Any:
    return x.astype(np.float64).sum(-1, keepdims=True).astype(x.dtype)


def test_a_slow_sum_is_told_from_a_bad_exponential() -> None:
    """np.exp, summed one after the other, is no exponential that is off by 1.9e-4."""
    slow, quick = (subject(softmax(row_sum), "float32") for row_sum in (one_after_the_other, by_halves))
    for each in (slow, quick):
        found = exp_error(each)
        assert abs(found.at_zero) <= found.zero_resolution and abs(found.worst) <= found.resolution < 1e-5
    few, more, most = row_sum_errors(slow)
    assert few.resolution < abs(few.relative) < abs(more.relative) < abs(most.relative)
    assert 1e-5 < abs(most.relative) < 4096 * 2.0**-24
    assert all(abs(each.relative) <= each.resolution for each in row_sum_errors(quick))


@pytest.mark.parametrize("row_sum", [one_after_the_other, by_halves])
def test_a_bad_exponential_is_read_as_it_is_whatever_the_sum(row_sum: Callable[[Any], Any]) -> None:
    off = subject(softmax(row_sum, lambda x: np.exp(x) * np.where(x < 0, np.float32(1 + 1e-4), np.float32(1))), "float32")
    found = exp_error(off)
    assert found.at_zero == 0 and found.worst == pytest.approx(1e-4, abs=found.resolution)
    (few, *_) = row_sum_errors(off)
    assert abs(few.relative) < 2e-6


def test_arithmetic_in_float16_throughout_is_measured_to_the_end() -> None:
    made = implementation_of(softmax(one_after_the_other), name="made", dtypes=["float16"], conventions=CONVENTIONS)
    told = dict(readings(made, "float16"))
    assert told["weights"] == "no single way of rounding the weights explains the output"
    assert rounding(subject(lambda q, k, v: 3 * v[:, :, :1] + 0 * q, "float16")).weights is None
    assert all(ratio is not None for _, ratio in ratios(made, "float16"))


def choosy(causal: bool, features: int) -> Callable[..., Any]:
    """A kernel that takes as many queries as keys and one number of features, and is causal, or is not."""

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, return_lse: bool = False) -> Any:
        if causal is not always or q.shape[2] != k.shape[2] or q.shape[3] != features:
            raise ValueError("no such call")
        return naive(q, k, v, causal=causal, return_lse=return_lse)

    always, naive = causal, as_callable(KERNELS["naive"])
    return attend


@pytest.mark.parametrize(("causal", "features"), [pytest.param(False, 64, marks=pytest.mark.study), (True, 16)])
def test_a_kernel_that_takes_few_calls_is_asked_what_it_takes(causal: bool, features: int) -> None:
    made = implementation_of(choosy(causal, features), name="made", dtypes=["float16"], conventions=CONVENTIONS)
    own = subject_of(made, "float16")
    assert form_of(own) == Form(features, "last", causal)
    told = dict(readings(made, "float16"))
    said = "as many queries as keys, of which the last one is read, "
    assert told["asked"] == f"{said}{'causal, ' if causal else ''}{features} features"
    assert told["accumulator"] == "sums of weights times V keep 24 bits"
    assert told["weights"].startswith("weights are rounded to float16 after they are normalised")
    assert abs(exp_error(own).worst) <= exp_error(own).resolution
    assert all(abs(each.relative) <= each.resolution for each in row_sum_errors(own))
    assert all(ratio is not None for _, ratio in ratios(made, "float16")) or features != 64


@pytest.mark.study
def test_a_kernel_that_is_always_causal_is_asked_causal_problems() -> None:
    """It has no option to say so, and gives no error where another answer is meant: what it declares is enough."""

    def attend(q: Any, k: Any, v: Any) -> Any:
        return as_callable(KERNELS["flash 16"])(q, k, v, causal=True)

    always = {"causal": True}
    made = implementation_of(attend, name="made", dtypes=["float16"], conventions=CONVENTIONS, always=always)
    assert form_of(subject_of(made, "float16")) == Form(16, "last", causal=True)
    told = dict(readings(made, "float16"))
    assert told["accumulator"] == "sums of weights times V keep 24 bits"
    assert told["tile"] == "the maximum first changes after 16 keys"
    assert all(ratio is not None and ratio <= 1 for _, ratio in ratios(made, "float16"))


def test_a_kernel_that_refuses_everything_is_told_so() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        raise ValueError("never")

    made = implementation_of(attend, name="made", conventions=CONVENTIONS)
    told = dict(readings(made, "float32"))
    assert told["accumulator"] == "not measured, the implementation failed: ValueError: never"
    assert [ratio for _, ratio in ratios(made, "float32")] == [None] * 4


def test_without_a_logsumexp_there_is_no_exponential() -> None:
    with pytest.raises(NotClaimed, match="return_lse"):
        exp_error(shipped("torch/sdpa-math", "float32"))


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize(
    ("name", "weights", "row_sum"),
    [
        ("naive", "after", "unrounded"),
        ("scores stored low", "after", "unrounded"),
        ("flash 16", "before", "unrounded"),
        ("flash 64 backwards", "before", "unrounded"),
        ("flash, rounded row sum", "before", "rounded"),
        ("split 4", "before", "unrounded"),
        ("matrix unit", "before", "unrounded"),
    ],
)
def test_where_weights_are_rounded_is_read(name: str, weights: str, row_sum: str, dtype: str) -> None:
    found = rounding(kernel(name, dtype))
    assert (found.weights, found.row_sum, found.stored) == (weights, row_sum, dtype)


def test_unrounded_weights_and_those_of_a_multiplier_of_few_bits_are_read() -> None:
    assert rounding(kernel("flash 16", "float32")).weights == "unrounded"
    assert rounding(shipped("torch/sdpa-math", "bfloat16")).weights == "unrounded"
    assert rounding(kernel("tf32", "float32")).stored == "float16"


def test_torch_flash_rounds_before_it_normalises() -> None:
    assert rounding(shipped("torch/sdpa-flash", "bfloat16")).weights == "before"
    # In float16 its exponential is as coarse as the rounding, so nothing can be told.
    assert rounding(shipped("torch/sdpa-flash", "float16")).weights is None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "size"),
    [("flash 16", 16), ("flash base two", 16), ("flash, prescaled", 32), ("flash 64 backwards", 64), ("naive", None)],
)
def test_the_tile_is_read(name: str, size: int | None, dtype: str) -> None:
    assert tile_size(kernel(name, dtype)) == size


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_tiles_of_torch_are_read(dtype: str) -> None:
    assert tile_size(shipped("torch/sdpa-flash", dtype)) == 512
    assert tile_size(shipped("torch/sdpa-math", dtype)) is None


def test_everything_is_told_in_sentences() -> None:
    (flash,), (math,) = find("numpy/flash"), find("torch/sdpa-math")
    said = dict(readings(flash, "bfloat16"))
    assert said["accumulator"] == "sums of weights times V keep 24 bits"
    assert said["weights"] == "weights are rounded to bfloat16 before they are normalised; the row sum is of unrounded ones"
    assert said["tile"] == "the maximum first changes after 16 keys"
    assert said["exp"].startswith("exp(0) − 1 is ")
    assert dict(readings(math, "float32"))["exp"] == "not measured: return_lse is not an option of torch/sdpa-math"


def test_a_failing_implementation_is_told_too() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        if q.any() or k.shape[2] > 100:
            raise RuntimeError("no room")
        return v[:, :, : q.shape[2]]

    made = implementation_of(attend, name="made", conventions=CONVENTIONS)
    assert dict(readings(made, "float32"))["tile"] == "not measured, the implementation failed: RuntimeError: no room"


def test_numbers_that_a_dtype_does_not_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="bfloat16 does not hold"):
        problem("bfloat16", [1.001], [0.0], np.zeros((1, 16)))


@pytest.mark.parametrize(("dtype", "bits"), [("float8_e4m3fn", 18), ("float8_e5m2", 24)])
def test_a_float8_kernel_is_measured_as_far_as_its_dtype_goes(dtype: str, bits: int) -> None:
    """e4m3 holds numbers from 2^-9 to 2^8, so an accumulator of more than 17 bits looks like any other."""
    made = shipped("numpy/flash-fp8", dtype)
    assert accumulator_bits(made) == bits
    assert abs(exp_error(made).worst) < 2.0**-18
    told = dict(readings(find("numpy/flash-fp8")[0], dtype))
    assert f"{dtype} does not hold" in told["tile"] and f"{dtype} does not hold" in told["weights"]

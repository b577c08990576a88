"""Faults of sparse attention: each a mistake of its own, and the definition wherever it cannot show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from attnspec.reference.faults.catalogue import CORRECT, FAULTS, as_callable
from attnspec.reference.sparse_attention.definition import sparse_attention
from attnspec.spec.operations import folder_of
from attnspec.spec.reading import read

pytestmark = pytest.mark.long

SPARSE = {name: made for name, made in FAULTS.items() if made.operation == "sparse_attention"}
EXTRAS = {"return_lse"}


def problems() -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Calls over all options, blocks of 1, 4 and 16, lengths that they divide and do not; then NaN where nothing looks."""
    r = np.random.default_rng(5)
    for _ in range(160):
        hkv = int(r.integers(1, 3))
        b, hq = int(r.integers(1, 3)), hkv * int(r.integers(1, 3))
        sq, sk = (int(n) for n in r.choice([1, 3, 8, 9, 17, 21, 33], 2))
        arrays = [r.standard_normal((b, h, n, 4)).astype(np.float32) for h, n in ((hq, sq), (hkv, sk), (hkv, sk))]
        options: dict[str, Any] = {}
        if r.random() < 0.4:
            options["causal"] = True
        if r.random() < 0.5:
            options["window"] = tuple(None if r.random() < 0.2 else int(n) for n in r.integers(0, 12, 2))
        if r.random() < 0.1:
            options["window"] = (40, 0)
        if r.random() < 0.4:
            options["dilation"] = int(r.integers(2, 4))
        if r.random() < 0.4:
            options["global_tokens"] = int(r.integers(1, 4))
        if r.random() < 0.6:
            size = int(r.choice([1, 4, 16]))
            shape = (b if r.random() < 0.5 else 1, hq if r.random() < 0.5 else 1, -(-sq // size), -(-sk // size))
            mask = r.random(shape) < 0.5
            mask[..., int(r.integers(shape[2])), :] &= r.random() < 0.5
            options |= {"block_size": size, "block_mask": mask}
        yield arrays, options
    for causal in (False, True):
        for sizes in ((3, 9), (9, 9)):
            arrays = [r.standard_normal((1, 2, n, 4)).astype(np.float32) for n in (sizes[0], sizes[1], sizes[1])]
            yield arrays, {"top_k": 4, **({"causal": True} if causal else {})}
            yield [np.zeros_like(arrays[0]), *arrays[1:]], {"top_k": 4}
    q, k, v = (r.standard_normal((1, 1, 3, 4)).astype(np.float32) for _ in range(3))
    v[..., 2, :] = np.nan
    yield [q, k, v], {"window": (1, 0)}
    yield [r.standard_normal((1, 1, 40, 4)).astype(np.float32) for _ in range(3)], {"window": (2, 0)}


def bits(x: Any) -> Any:
    return (x.dtype.name, x.shape, np.nan_to_num(x.astype(np.float64), nan=12345.0).tobytes())


def answers(name: str) -> list[Any]:
    """What a fault gives, in bits: the output alone, twice, then output and logsumexp."""
    call = as_callable(name, operation="sparse_attention")
    return [
        [bits(x) for x in (call(*arrays, **options), call(*arrays, **options), *call(*arrays, **options, return_lse=True))]
        for arrays, options in problems()
    ]


@pytest.fixture(scope="module")
def given() -> dict[str, list[Any]]:
    return {name: answers(name) for name in (CORRECT, *SPARSE)}


def test_there_are_many() -> None:
    assert len(SPARSE) >= 14


@pytest.mark.parametrize("name", SPARSE)
def test_a_fault_is_not_correct(given: dict[str, list[Any]], name: str) -> None:
    assert given[name] != given[CORRECT]


def test_no_two_faults_are_one_mistake(given: dict[str, list[Any]]) -> None:
    assert not [(a, b) for a in SPARSE for b in SPARSE if a < b and given[a] == given[b]]


@pytest.mark.parametrize("name", [name for name, made in SPARSE.items() if set(made.needs) - EXTRAS])
def test_without_what_it_needs_a_fault_is_correct(given: dict[str, list[Any]], name: str) -> None:
    compared = 0
    for (_, options), wrong, right in zip(problems(), given[name], given[CORRECT], strict=True):
        if not set(SPARSE[name].needs) - EXTRAS <= set(options):
            assert wrong == right
            compared += 1
    assert compared > 20


def test_what_only_shows_in_the_logsumexp_leaves_the_output(given: dict[str, list[Any]]) -> None:
    names = [name for name, made in SPARSE.items() if "return_lse" in made.needs]
    assert names
    for name in names:
        assert [x[:3] for x in given[name]] == [x[:3] for x in given[CORRECT]]


def test_correct_is_the_definition_rounded_once() -> None:
    for arrays, options in problems():
        exact = sparse_attention(*arrays, **options)
        out, lse = as_callable(CORRECT, operation="sparse_attention")(*arrays, **options, return_lse=True)
        assert np.array_equal(out, exact.out.astype(np.float32), equal_nan=True)
        assert np.array_equal(lse, exact.lse.astype(np.float32), equal_nan=True)


def test_the_transposed_list_hides_where_a_mask_is_symmetric() -> None:
    q, k, v = (np.random.default_rng(n).standard_normal((1, 1, 8, 4)).astype(np.float32) for n in range(3))
    right, wrong = (as_callable(name, operation="sparse_attention") for name in (CORRECT, "block-mask-transposed"))
    for mask, same in ((np.eye(2, dtype=bool), True), (np.tri(2, dtype=bool), False)):
        options = {"block_mask": mask[None, None], "block_size": 4}
        assert np.array_equal(right(q, k, v, **options), wrong(q, k, v, **options)) == same


def test_links_stand_in_the_spec() -> None:
    assert set(read(folder_of("sparse_attention").joinpath("faults.yaml"))) == set(SPARSE)

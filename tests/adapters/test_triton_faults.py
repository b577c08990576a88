"""Mistakes planted in copies of the Triton kernels, one line each, are rejected by the law that is meant for them.

The whole way is tested that a kernel's author goes: a real Triton kernel, the laws, a verdict. The copy without a mistake
passes each of those laws.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from attnspec.adapters.contract import Implementation
from attnspec.adapters.finding import find
from attnspec.adapters.triton import kernels as triton_kernels
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}
DTYPES = ("float32", "float16", "bfloat16")
Plant = Callable[..., Implementation]


class Fault(NamedTuple):
    """`right`, which stands once in a file of the kernels, becomes `wrong`, and `law` fails for the implementation `name`."""

    name: str
    file: str
    right: str
    wrong: str
    law: str


FAULTS = {
    "tail-repeats-last-key": Fault("triton/flash", "scores.py", "j < end", "j == j", "probes/each-key-counts-once"),
    "causal-off-by-one": Fault(
        "triton/flash",
        "arguments.py",
        "right = 0 if right is None else min(right, 0)",
        "right = 1 if right is None else min(right, 1)",
        "causal/as-defined",
    ),
    "lse-base-two": Fault(
        "triton/flash",
        "forward.py",
        "top + tl.log(total)",
        "(top + tl.log(total)) / 0.6931471805599453",
        "flash/lse-as-defined",
    ),
    "window-too-short": Fault(
        "triton/flash", "scores.py", "behind <= rules.left", "behind < rules.left", "probes/window-rows-count-their-keys"
    ),
    "sums-not-rescaled": Fault("triton/flash", "online.py", "sums * rescale", "sums", "flash/rising-maximum"),
    "heads-tiled": Fault(
        "triton/flash", "forward.py", "kv * sizes.group + own", "own * sizes.kv_heads + kv", "heads/grouped-as-defined"
    ),
    "splits-overlap": Fault(
        "triton/split-kv", "split.py", "(last, mine + split)", "(last, mine + split + 1)", "flash/many-tiles"
    ),
    "parts-not-weighed": Fault("triton/split-kv", "split.py", "value * weight", "value", "flash/many-tiles"),
    "sink-not-merged": Fault("triton/split-kv", "split.py", "total += 1.0", "total += 0.0", "masks/sinks-as-defined"),
    "delta-forgotten": Fault("triton/flash", "backward.py", "(dweights - delta)", "dweights", "gradients/of-queries"),
    "scale-forgotten-in-dk": Fault("triton/flash", "backward.py", "key_sums * rules.scale", "key_sums", "gradients/of-keys"),
    "softcap-slope-forgotten": Fault(
        "triton/flash", "backward.py", "gradient *= cap_slope(product, rules)", "gradient *= 1.0", "gradients/capped"
    ),
    "rows-past-the-end-count": Fault(
        "triton/flash", "backward.py", "tl.where(inside, weights, 0.0)", "weights * 1.0", "gradients/of-values"
    ),
}


MANY = 30
"""Problems on one law. A run tries fewer on an interpreted kernel, and more laws."""


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    """Makes an implementation from a copy of the kernels in which one line was changed."""
    made: list[str] = []
    number = itertools.count()

    def planted(name: str, file: str = "", right: str = "", wrong: str = "") -> Implementation:
        name_of_copy = f"planted_{tmp_path.name}_{next(number)}".replace("-", "_")
        package, folder = f"attnspec.adapters.triton.{name_of_copy}", tmp_path / name_of_copy
        shutil.copytree(Path(triton_kernels.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
        if file:
            text = (folder / file).read_text()
            assert text.count(right) == 1, f"{right!r} stands {text.count(right)} times in {file}"
            (folder / file).write_text(text.replace(right, wrong))
        spec = importlib.util.spec_from_file_location(package, folder / "__init__.py", submodule_search_locations=[str(folder)])
        assert spec is not None and spec.loader is not None
        sys.modules[package] = importlib.util.module_from_spec(spec)
        made.append(package)
        spec.loader.exec_module(sys.modules[package])
        launch = importlib.import_module(f"{package}.launch")
        function = launch.flash if name == "triton/flash" else launch.split_kv
        return replace(find(name)[0], name=f"{name}, planted", function=function, backward=launch.flash_backward)

    yield planted
    for module in [m for m in sys.modules if m.startswith(tuple(made))]:
        del sys.modules[module]


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("study", [False, pytest.param(True, marks=pytest.mark.study)])
def test_a_planted_fault_is_killed(name: str, study: bool, plant: Plant) -> None:
    """In one of the dtypes, which faults take in turn; in a study in all."""
    fault = FAULTS[name]
    wrong = plant(fault.name, fault.file, fault.right, fault.wrong)
    each = DTYPES if study else (DTYPES[list(FAULTS).index(name) % len(DTYPES)],)
    dtypes = ("float32",) if fault.file == "backward.py" else each  # Interpreted gradients take their time.
    verdicts = {
        dtype: verify(wrong, LAWS[fault.law], dtype, budget="quick", examples=MANY, shrink=False).verdict for dtype in dtypes
    }
    assert verdicts == dict.fromkeys(dtypes, "fail")


NAMED = {"tail-repeats-last-key": "bfloat16", "causal-off-by-one": "float16", "lse-base-two": "float32"}
"""Mistakes that are known, and the dtype in which `make test` has each named; the other pairs show more of the same."""


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        pytest.param(name, dtype, marks=[pytest.mark.study] if dtype != NAMED[name] else [])
        for name in NAMED
        for dtype in DTYPES
    ],
)
def test_a_planted_mistake_that_is_known_is_named(name: str, dtype: str, plant: Plant) -> None:
    fault = FAULTS[name]
    wrong = plant(fault.name, fault.file, fault.right, fault.wrong)
    result = verify(wrong, LAWS[fault.law], dtype, budget="quick", examples=MANY, explain=True)
    assert result.diagnosis is not None and result.diagnosis["ranked"][0]["fault"] == name


@pytest.mark.parametrize("name", ["triton/flash", "triton/split-kv"])
def test_a_copy_without_a_fault_passes_those_laws(name: str, plant: Plant) -> None:
    right = plant(name)
    for law in sorted({fault.law for fault in FAULTS.values() if fault.name == name}):
        result = verify(right, LAWS[law], "bfloat16", budget="quick")
        assert result.verdict == "pass", (law, result.case, result.message)


def test_weights_cut_instead_of_rounded_show_as_a_gain(plant: Plant) -> None:
    """What `.to(tl.bfloat16)` does under the interpreter: half an ulp of each weight is lost, and every output is too small."""
    half = "tl.add((bits >> 16) & 1, 0x7FFF, sanitize_overflow=False)"
    cut = plant("triton/flash", "precision.py", half, "(bits >> 16) & 0")
    result = verify(cut, LAWS["accuracy/gain"], "bfloat16", budget="quick")
    assert result.verdict == "fail" and "gain off by −" in result.message
    assert verify(plant("triton/flash"), LAWS["accuracy/gain"], "bfloat16", budget="quick").verdict == "pass"

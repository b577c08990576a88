"""A script of a finding says STILL FAILS of the kernel that failed and never of a correct one, whatever the operation."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import Implementation, implementation_of
from attnspec.conformance.engine.conventions import settled
from attnspec.conformance.engine.result import Result
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.structure import Structure
from attnspec.conformance.replaying.calls import Listener
from attnspec.conformance.replaying.evidence import left_behind
from attnspec.conformance.replaying.script import script
from attnspec.reference.faults.catalogue import CORRECT, as_callable
from attnspec.spec.operations import operations

pytestmark = pytest.mark.long

LAWS = {law.id: law for law in load_laws()}
CONVENTIONS = {"causal_alignment": "top-left", "empty_rows": "zeros", "hidden_nan": "contained"}

FAILING = {
    "attention": ("causal/as-defined", "causal-off-by-one"),
    "sparse_attention": ("sparse/left-out-keys-may-hold-anything", "block-mask-ignored"),
    "linear_attention": ("linear/as-defined", ""),
    "random_feature_attention": ("random/as-defined", ""),
}
"""A law of each operation, and a fault that breaks it; where none is named, the first that the law says it rejects."""

KERNEL = (
    "from attnspec.reference.faults.catalogue import as_callable\nattend = as_callable({name!r}, operation={operation!r})\n"
)


def kernel(name: str, operation: str) -> Implementation:
    conventions = CONVENTIONS if operation in ("attention", "sparse_attention") else {}
    function = as_callable(name, operation=operation)
    return implementation_of(function, name="kernel", operation=operation, conventions=conventions)


def ran(text: str, kernel: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    (folder / "kernel.py").write_text(kernel, encoding="utf-8")
    (folder / "replay.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["replay.py", f"{folder / 'kernel.py'}:attend"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(folder / "replay.py"), run_name="__main__")
    return int(ended.value.code or 0)


def test_every_operation_has_a_law_here() -> None:
    assert set(FAILING) == set(operations())


@pytest.mark.parametrize("operation", FAILING)
def test_a_script_tells_the_wrong_kernel_from_the_right_one(
    operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    law, name = FAILING[operation]
    name = name or LAWS[law].kills[0]
    wrong = kernel(name, operation)
    found = verify(wrong, LAWS[law], "float32", budget="quick", examples=40)
    assert found.verdict == "fail"
    _, packed = left_behind(LAWS[law], wrong, found)
    text = script(packed, address="kernel.py:attend", title="A finding.", file="replay.py")
    assert ran(text, KERNEL.format(name=name, operation=operation), tmp_path, monkeypatch) == 1
    assert "STILL FAILS" in capsys.readouterr().out
    assert ran(text, KERNEL.format(name=CORRECT, operation=operation), tmp_path, monkeypatch) in (0, 3)
    assert "STILL FAILS" not in capsys.readouterr().out


def test_no_range_is_right_around_features_that_the_kernel_drew_itself() -> None:
    made = kernel(CORRECT, "random_feature_attention")
    conventions = {name: choice for name, (choice, _) in settled(made).items()}
    p = build(Structure.of(operation="random_feature_attention", sq=3, sk=5, d=4, dv=4, options={"num_features": 8}))
    assert p.draws_features
    listener = Listener(made, "float32", conventions)
    listener.out(p)
    assert listener.calls[0].right == {} and not listener.calls[0].wrong()


def test_a_script_says_what_the_law_found_on_the_values_that_it_gives() -> None:
    def attend(q: Any, k: Any, v: Any) -> Any:
        return np.full((*q.shape[:3], v.shape[-1]), 0.5, q.dtype)

    made = implementation_of(attend, name="kernel", conventions=CONVENTIONS)
    found = verify(made, LAWS["weights/as-defined"], "float32", budget="quick", examples=10)
    said, _ = left_behind(LAWS["weights/as-defined"], made, found)
    assert any("(the law replaces v before it calls)" in sentence for sentence in said if sentence.startswith("v is"))
    assert not any("replaces" in sentence for sentence in said if not sentence.startswith("v is"))


def test_packed_calls_carry_the_message_of_their_own_values(monkeypatch: pytest.MonkeyPatch) -> None:
    from attnspec.conformance.replaying import evidence

    seen: list[str] = []
    monkeypatch.setattr(evidence, "pack", lambda calls, law, made, dtype, case, found: seen.append(found))
    wrong = kernel("causal-off-by-one", "attention")
    law = LAWS["causal/as-defined"]
    found: Result = verify(wrong, law, "float32", budget="quick", examples=40)
    left_behind(law, wrong, found)
    assert len(seen) == 1 and " against " in seen[0] and seen[0] != found.message

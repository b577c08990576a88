"""An operation is one thing: what the kit must know of it stands in a record, and nobody else decides by its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from attnspec.adapters.contract import implementation_of
from attnspec.conformance.describe import describe_plan
from attnspec.conformance.operations import Operation, UnknownOperation, known_operations, operation_named, register
from attnspec.conformance.selection import Mistake, find_targets, make_plan
from attnspec.reference.faults.catalogue import OPERATIONS
from attnspec.spec.operations import operations

ROOT = Path(__file__).resolve().parents[2]
NAMES = frozenset(operations())
ROOMS = ("adapters", "conformance", "reference", "reports", "attnspec")
OWN = ("conformance/operations/",)
"""Where names of operations belong: their records, and what the faults are made of."""


def decided_by_name(tree: ast.AST) -> Iterator[int]:
    """Lines on which something is compared with the name of an operation, looked up by it, or has it as a default."""
    for node in ast.walk(tree):
        asked: list[ast.expr | None] = []
        if isinstance(node, ast.Compare):
            asked = [node.left, *node.comparators]
        elif isinstance(node, ast.Dict):
            asked = list(node.keys)
        elif isinstance(node, ast.MatchValue):
            asked = [node.value]
        elif isinstance(node, ast.arguments):
            asked = [*node.defaults, *node.kw_defaults]
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            asked = [node.value]
        for each in asked:
            parts = each.elts if isinstance(each, ast.Tuple | ast.List | ast.Set) else [each]
            if any(isinstance(part, ast.Constant) and part.value in NAMES for part in parts):
                yield getattr(each, "lineno", 0)


def files() -> Iterator[Path]:
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            name = str(file.relative_to(ROOT))
            if not (name.startswith("attnspec/") and name.split("/")[1] in ROOMS[:4]) and not name.startswith(OWN):
                yield file


def test_nothing_is_decided_by_the_name_of_an_operation() -> None:
    found = [
        (str(file.relative_to(ROOT)), line)
        for file in files()
        for line in decided_by_name(ast.parse(file.read_text(encoding="utf-8")))
        if not _a_listing(file, line)
    ]
    assert [file for file, _ in found] == DECLARED, found


DECLARED = ["adapters/contract.py", "adapters/contract.py"]
"""The default of the decorator, and of the function behind it: whoever says nothing means softmax attention."""


def _a_listing(file: Path, line: int) -> bool:
    """Whether a line belongs to __all__, which names functions."""
    return file.read_text(encoding="utf-8").splitlines()[line - 1].lstrip().startswith("__all__")


@pytest.mark.parametrize(
    "planted",
    [
        'if p.operation == "linear_attention": pass',
        'if p.operation in ("attention", "sparse_attention"): pass',
        'TABLE = {"sparse_attention": 1}',
        'def f(operation: str = "attention"): pass',
        'def f(*, operation: str = "attention"): pass',
        'SOFTMAX = ("attention", "sparse_attention")',
        'match operation:\n    case "attention": pass',
    ],
)
def test_a_branch_on_a_name_is_found(planted: str) -> None:
    assert list(decided_by_name(ast.parse(planted)))


def test_what_is_stated_is_computed_and_has_a_definition() -> None:
    assert set(known_operations()) == set(NAMES) == set(OPERATIONS)
    assert all(operation_named(name).name == name for name in NAMES)


def test_an_operation_has_the_options_that_its_folder_of_spec_states() -> None:
    for name, operation in known_operations().items():
        described = {each for key, option in operation.options.items() for each in option.stands_for or (key,)}
        assert described == set(operations()[name]["options"]), name


def test_what_nothing_computes_is_an_error_and_no_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownOperation, match="nothing computes the operation 'tropical'; known: attention, linear_attention"):
        operation_named("tropical")
    monkeypatch.setitem(operations(), "tropical", operations()["attention"])
    made = implementation_of(lambda q, k, v: v, name="mine", operation="tropical")
    monkeypatch.setattr("attnspec.adapters.finding.find", lambda address: [made])
    with pytest.raises(Mistake, match="mine: nothing computes the operation 'tropical'"):
        find_targets(["mine"])


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="known already"):
        register(operation_named("attention"))
    assert isinstance(operation_named("attention"), Operation)


def test_reports_of_different_operations_state_the_same_chances_so_that_they_can_be_merged() -> None:
    stated = [
        describe_plan(make_plan(find_targets([name])))["false_alarms"] for name in ("numpy/flash", "numpy/random-features")
    ]
    assert stated[0] == stated[1] and stated[0]["drawn_features"] > 0

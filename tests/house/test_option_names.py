"""No option is known by its name outside the folder of its operation: what is asked of it stands in its record.

Every string that equals the name of an option, in the spec or in cases, counts wherever it stands: compared, looked up, a key,
in a tuple, or a default. Docstrings and messages name options in sentences, which equal none. `seed` is left out, because a run
and every case have a seed too; cases call the option `dropout_seed`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from attnspec.conformance.operations import known_operations
from attnspec.spec.operations import operations

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("adapters", "conformance", "reference", "reports", "spec", "attnspec")
OPERATIONS = frozenset(operations())
FRAMEWORKS = {file.parent.name for file in (ROOT / "adapters").glob("*/__init__.py")}
NAMES = frozenset(
    {name for stated in operations().values() for name in stated["options"]}
    | {name for operation in known_operations().values() for name in operation.options}
) - {"seed"}

OWN = {
    "adapters/presets.py": "what functions of libraries call the options of attention: each preset is an adapter",
    "adapters/preset_calls.py": "how these functions are called",
    "adapters/linear_inputs.py": "the inputs of linear attention, which its adapters share",
    "adapters/sparse_inputs.py": "the inputs of sparse attention, which its adapters share",
    "attnspec/_xray.py": "the flags of a command, whose problem is one of attention",
    "conformance/problems/streams.py": "the number of each array's random stream, fixed for good; nothing is decided by it",
}
"""Files that belong to an operation, or only list names, and why."""

PICTURES = {
    "conformance/diagnosis/diagnose.py": 1,
    "conformance/diagnosis/xray.py": 1,
    "reports/cards.py": 1,
    "reports/diagnosis.py": 1,
    "reports/html/evidence.py": 1,
}
"""Where `mask` is the picture of a mask in a finding, and how often: a field of the report's format, and no option."""


def names_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of each string that is the name of an option."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in NAMES:
            yield node.lineno, node.value


def outside() -> Iterator[Path]:
    """The files that belong to no operation, relative to the repository."""
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            name = file.relative_to(ROOT)
            linked = name.parts[0] == "attnspec" and name.parts[1] in (*ROOMS, "starting-points")
            of_a_framework = name.parts[0] == "adapters" and name.parts[1] in FRAMEWORKS
            of_an_operation = name.parts[0] == "reference" and name.parts[1] in OPERATIONS
            of_a_record = name.parts[:2] == ("conformance", "operations") and len(name.parts) > 3
            if not (linked or of_a_framework or of_an_operation or of_a_record) and name.as_posix() not in OWN:
                yield name


def test_no_option_is_named_outside_the_folder_of_its_operation() -> None:
    found = {name.as_posix(): list(names_in(ast.parse((ROOT / name).read_text(encoding="utf-8")))) for name in outside()}
    counts = Counter({name: len(lines) for name, lines in found.items() if lines})
    assert counts == Counter(PICTURES), {name: found[name] for name in counts}


def test_a_picture_is_no_option() -> None:
    for name in PICTURES:
        assert {option for _, option in names_in(ast.parse((ROOT / name).read_text(encoding="utf-8")))} == {"mask"}, name


def test_what_belongs_to_an_operation_is_there() -> None:
    assert all((ROOT / name).is_file() for name in OWN)
    assert {name.parts[1] for name in outside() if name.parts[0] == "reference"}.isdisjoint(OPERATIONS)


@pytest.mark.parametrize(
    "planted",
    [
        'if name == "causal": pass',
        'if name in ("mask", "bias"): pass',
        'if "causal" in p.options: pass',
        'p.options.get("kv_lengths")',
        'options["mask"] = None',
        'TABLE = {"alibi_slopes": -1}',
        'HIDING = ("causal", "window")',
        'def f(option: str = "scale"): pass',
        'match option:\n    case "sinks": pass',
        '{"segments": "other"}.get(option, option)',
        'word("observations", asks="return_lse")',
    ],
)
def test_a_name_that_is_planted_is_found(planted: str) -> None:
    assert list(names_in(ast.parse(planted)))


def test_a_sentence_about_an_option_is_none() -> None:
    assert not list(names_in(ast.parse('"""The mask, and what causal rows see."""\nraise ValueError("the mask is too large")')))

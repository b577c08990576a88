"""The repository is a test subject: five folders, one import package, one direction of imports."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from attnspec.adapters.shipped import SHIPPED

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("spec", "reference", "adapters", "conformance", "reports")

MAY_IMPORT = {
    "spec": set(),
    "reference": {"spec"},
    "adapters": {"spec"},
    "conformance": {"spec", "reference", "adapters", "reports"},  # its front doors write what reports defines
    "reports": {"spec"},
}
"""Dependencies point one way: spec ← reference ← conformance → adapters; reports reads results and spec only."""


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folder_is_linked_and_mapped(folder: str) -> None:
    link = ROOT / "attnspec" / folder
    assert link.is_symlink(), f"attnspec/{folder} is a link to ../{folder}"
    assert link.readlink().as_posix() == f"../{folder}"
    assert project()["tool"]["setuptools"]["package-dir"][f"attnspec.{folder}"] == folder


def test_every_package_is_listed_and_every_listed_package_exists() -> None:
    found = {"attnspec"}
    for folder in FOLDERS:
        for init in (ROOT / folder).rglob("__init__.py"):
            found.add("attnspec." + ".".join(init.parent.relative_to(ROOT).parts))
    assert set(project()["tool"]["setuptools"]["packages"]) == found


def imports_of(file: Path) -> Iterator[tuple[str, int]]:
    """Folder that each relative import of a file reaches, and modules of the framework it imports at the top."""
    package = ["attnspec", *file.relative_to(ROOT).parent.parts]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            reached = [*base, *(node.module.split(".") if node.module else [])]
            if len(reached) > 1:
                yield reached[1], node.lineno
            else:
                for alias in node.names:
                    yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for name in names:
                if name.split(".")[0] == "attnspec":
                    yield [*name.split("."), "attnspec"][1], node.lineno


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_point_one_way(folder: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {reached}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for reached, line in imports_of(file)
        if reached != folder and reached not in MAY_IMPORT[folder] and reached != "_version"
    ]
    assert not wrong, "\n".join(wrong)


def test_the_test_of_imports_can_fail(tmp_path: Path) -> None:
    file = ROOT / "reference" / "_not_there.py"
    tree = "from ..conformance.bounded import Bounded\nimport attnspec.adapters.contract\n"
    found = [reached for reached, _ in _imports_of_text(tree, file)]
    assert found == ["conformance", "adapters"]


def _imports_of_text(text: str, pretend: Path) -> list[tuple[str, int]]:
    class Pretend:
        def relative_to(self, root: Path) -> Path:
            return pretend.relative_to(root)

        def read_text(self, encoding: str) -> str:
            return text

    return list(imports_of(Pretend()))  # type: ignore[arg-type]


FRAMEWORKS = {file.parent.name for file in (ROOT / "adapters").glob("*/__init__.py")}
"""The folders of adapters, one a framework. What all of them share stands beside them."""

ADAPTERS = {tuple(row.module.split(".")) for row in SHIPPED.values()}
"""(framework, module) of each adapter; the other modules of a framework's folder are what its adapters share."""


def _modules_of(node: ast.AST, package: list[str]) -> list[list[str]]:
    """What an import reaches, each as the parts of its whole name; nothing for other nodes."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".") for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = package[: len(package) - node.level + 1] if node.level else []
    whole = [*base, *(node.module.split(".") if node.module else [])]
    return [[*whole, alias.name] for alias in node.names]


def strangers_in(file: Path, text: str) -> Iterator[str]:
    """Imports of a file, relative to adapters, that it may not have: of another framework, and of another adapter."""
    framework = file.parts[0]
    package = ["attnspec", "adapters", *file.parent.parts]
    for node in ast.walk(ast.parse(text)):
        for reached in _modules_of(node, package):
            if reached[:2] != ["attnspec", "adapters"] or len(reached) < 3:
                continue
            other = tuple(reached[2:4])
            if other[0] in FRAMEWORKS - {framework}:
                yield f"adapters/{file}:{getattr(node, 'lineno', 0)} imports of {other[0]}"
            elif other in ADAPTERS:
                yield f"adapters/{file}:{getattr(node, 'lineno', 0)} imports the adapter {'/'.join(other)}"


def test_adapters_do_not_know_one_another() -> None:
    place = ROOT / "adapters"
    assert {"jax", "numpy", "torch", "triton"} == FRAMEWORKS
    files = [file.relative_to(place) for framework in sorted(FRAMEWORKS) for file in sorted((place / framework).rglob("*.py"))]
    assert {(file.parts[0], file.stem) for file in files if len(file.parts) == 2} >= ADAPTERS
    wrong = [line for file in files for line in strangers_in(file, (place / file).read_text(encoding="utf-8"))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("torch/sdpa.py", "from .flex import attend", ["adapters/torch/sdpa.py:1 imports the adapter torch/flex"]),
        ("torch/sdpa.py", "from . import masks, flex", ["adapters/torch/sdpa.py:1 imports the adapter torch/flex"]),
        ("numpy/tiles.py", "def f():\n    from ..jax.options import read", ["adapters/numpy/tiles.py:2 imports of jax"]),
        ("triton/kernels/launch.py", "from ...torch import masks", ["adapters/triton/kernels/launch.py:1 imports of torch"]),
        (
            "triton/kernels/launch.py",
            "from ..flash import flash",
            ["adapters/triton/kernels/launch.py:1 imports the adapter triton/flash"],
        ),
        ("jax/scan.py", "import attnspec.adapters.numpy.flash", ["adapters/jax/scan.py:1 imports of numpy"]),
        ("torch/sdpa.py", "import torch\nfrom ..contract import implementation\nfrom .masks import masked", []),
        ("triton/kernels/launch.py", "import numpy\nfrom ...device import wished\nfrom .mode import MODE", []),
    ],
)
def test_an_adapter_that_knows_another_is_found(file: str, text: str, found: list[str]) -> None:
    assert list(strangers_in(Path(file), text)) == found


OPERATIONS = {
    "attention": set(),
    "sparse_attention": {"attention"},
    "linear_attention": set(),
    "random_feature_attention": set(),
}
"""The operations' folders of reference, and which others each may use: sparse attention is attention under a mask."""


def operations_in(file: Path, text: str) -> Iterator[str]:
    """Imports, by a file relative to reference, of operations that it may not know; those that only name a type too."""
    own = file.parts[0]
    allowed = {own, *OPERATIONS[own]} if own in OPERATIONS else set()
    package = ["attnspec", "reference", *file.parent.parts]
    for node in ast.walk(ast.parse(text)):
        for reached in _modules_of(node, package):
            other = reached[2] if reached[:2] == ["attnspec", "reference"] and len(reached) > 2 else ""
            if other in OPERATIONS and other not in allowed:
                yield f"reference/{file}:{getattr(node, 'lineno', 0)} imports of {other}"


def test_an_operation_of_the_reference_knows_no_other_but_what_it_is_made_of() -> None:
    place = ROOT / "reference"
    assert set(OPERATIONS) == {file.parent.name for file in place.glob("*/__init__.py")} - {"faults"}
    files = [file.relative_to(place) for file in sorted(place.rglob("*.py"))]
    wrong = {file: list(operations_in(file, (place / file).read_text(encoding="utf-8"))) for file in files}
    assert not {file: lines for file, lines in wrong.items() if lines}


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("attention/masks.py", "def f():\n    from ..sparse_attention import checks", ["sparse_attention"]),
        ("attention/bounds/facts.py", "from ... import linear_attention", ["linear_attention"]),
        ("linear_attention/faults/chunks.py", "from ...attention.faults.making import textbook", ["attention"]),
        ("rounding.py", "from .attention.checks import check", ["attention"]),
        ("faults/making.py", "import attnspec.reference.attention.textbook", ["attention"]),
        ("sparse_attention/choice.py", "from ..attention.textbook import attention\nfrom ..arithmetic import REFERENCE", []),
    ],
)
def test_an_operation_that_knows_another_is_found(file: str, text: str, found: list[str]) -> None:
    assert [line.split(" imports of ")[1] for line in operations_in(Path(file), text)] == found


def test_no_file_is_long() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for folder in (*FOLDERS, "attnspec", "tests", "examples", "benchmarks")
        for file in (ROOT / folder).rglob("*.py")
        if not any(parent.is_symlink() for parent in file.parents if parent != ROOT)
    }
    assert not {name: n for name, n in lengths.items() if n > 400}
    assert sorted(lengths.values())[len(lengths) // 2] < 120


def test_no_tolerance_is_written_by_hand() -> None:
    import re

    pattern = re.compile(r"\b(rtol|atol|allclose|isclose|assert_close)\b")
    places = [
        f"{file.relative_to(ROOT)}:{number}"
        for folder in FOLDERS
        for file in [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.yaml")]
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not places


FLOORS = (
    {"bounded", "remembered"},
    {"problems", "operations"},
    {"hosts"},
    {"meaning"},
    {"vocabulary", "language"},
    {"engine"},
    {"quick", "replaying", "kills", "measure", "diagnosis"},
    {"selection", "shards"},
    {"survey", "explained"},
    {"describe"},
    {"check", "plugin"},
)
"""The floors of conformance, from the ground: numbers and problems, where kernels run, what the reference says, laws, what
decides one law, what explains and certifies, what a run is about, and the front doors."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

PARTS = {"words": "vocabulary", "probes": "engine", "trial": "engine"}
"""Parts of an operation's folder that stand higher than the folder, and in which room: nobody below imports them."""


def room_of(parts: Sequence[str]) -> str:
    """The room of a module of conformance, by the parts of its name."""
    return PARTS.get(parts[2], parts[0]) if parts[0] == "operations" and len(parts) > 2 else parts[0]


def imports_up(file: Path, text: str) -> Iterator[str]:
    """Imports of a higher floor, lazy ones too; not those that only name a type."""
    own = file.with_suffix("").parts
    room, package = room_of(own), list(own[:-1])
    tree = ast.parse(text)
    typed = {id(inner) for node in ast.walk(tree) if _only_for_types(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level or id(node) in typed:
            continue
        outside = node.level > len(package) + 1
        base = [*package[: len(package) - node.level + 1], *filter(None, (node.module or "").split("."))]
        for reached in dict.fromkeys(room_of([*base, alias.name]) for alias in node.names):
            if not outside and FLOOR.get(reached, -1) > FLOOR[room]:
                yield f"{file}:{node.lineno} imports {reached}"


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_no_import_goes_up_inside_conformance() -> None:
    place = ROOT / "conformance"
    files = [file.relative_to(place) for file in sorted(place.rglob("*.py")) if file != place / "__init__.py"]
    assert {file.with_suffix("").parts[0] for file in files} == set(FLOOR)
    wrong = [line for file in files for line in imports_up(file, (place / file).read_text(encoding="utf-8"))]
    assert not wrong, "\n".join(wrong)


def test_an_import_that_goes_up_is_found() -> None:
    lazy = "def f():\n    from ..diagnosis.diagnose import diagnose\n"
    assert list(imports_up(Path("engine/verify.py"), lazy)) == ["engine/verify.py:2 imports diagnosis"]
    assert list(imports_up(Path("quick.py"), "from .selection import Plan\n")) == ["quick.py:1 imports selection"]
    for up in ("from ..operations.attention.words.scores import x\n", "from ..operations.attention import words\n"):
        assert list(imports_up(Path("problems/build.py"), up)) == ["problems/build.py:1 imports vocabulary"]
    for up in ("from ..vocabulary.word import word\n", "from .attention.words import x\n"):
        assert list(imports_up(Path("operations/record.py"), up)) == ["operations/record.py:1 imports vocabulary"]
    assert list(imports_up(Path("operations/a/words.py"), "from ...engine import x\n")) == [
        "operations/a/words.py:1 imports engine"
    ]
    assert not list(imports_up(Path("operations/a/words/b.py"), "from ....vocabulary.word import word\n"))
    assert not list(
        imports_up(Path("engine/verify.py"), "from ..language.law import Law\nfrom ...reports.wording import counted\n")
    )
    assert not list(imports_up(Path("engine/a.py"), "if TYPE_CHECKING:\n    from ..plugin.items import Item\n"))

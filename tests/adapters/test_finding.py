"""Every form of a target finds what it names, and every target that names nothing says what was meant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from attnspec.adapters import finding, shipped
from attnspec.adapters.contract import REGISTRY, ContractError, Implementation
from attnspec.adapters.finding import find, find_all

pytestmark = pytest.mark.long

BARE = "def attend(q, k, v, *, causal=False):\n    return q\n"
DECLARED = """
from attnspec.adapters.contract import implementation
from neighbour import DTYPE

for size in (16, 32):
    @implementation(name=f"tile-{size}", dtypes=[DTYPE])
    def attend(q, k, v, *, scale=None, size=size):
        return q

def helper(q, k, v):
    return q

class Box:
    @staticmethod
    def inner(q, k, v, *, window=None):
        return q

number = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bare.py").write_text(f"import math\nfrom os.path import join\n_x = 1\n{BARE}\ndef other(x):\n    return x\n")
    (tmp_path / "declared.py").write_text(DECLARED)
    (tmp_path / "neighbour.py").write_text("DTYPE = 'float32'\n")
    (tmp_path / "several.py").write_text(BARE + BARE.replace("attend", "attend_again"))
    (tmp_path / "nothing.py").write_text("def f(x):\n    return x\n")
    (tmp_path / "broken.py").write_text("raise KeyError('boom')\n")
    (tmp_path / "relative.py").write_text("from .neighbour import DTYPE\n")
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(0)\n")
    twice = DECLARED.replace('f"tile-{size}"', '"one"')
    (tmp_path / "twice.py").write_text(twice)
    return tmp_path


LINEAR = ["numpy/linear-recurrent", "numpy/linear-chunked", "numpy/linear-parallel"]


def names(found: list[Implementation]) -> list[str]:
    return [made.name for made in found]


def test_a_shipped_name_and_a_family() -> None:
    assert names(find("numpy/flash")) == ["numpy/flash"]
    assert names(find("numpy")) == [
        "numpy/naive",
        "numpy/flash",
        "numpy/flash-fp8",
        "numpy/block-sparse",
        *LINEAR,
        "numpy/random-features",
    ]
    assert set(names(find("torch"))) == {name for name in finding.shipped() if name.startswith("torch/")}


def test_a_file_with_one_bare_function(folder: Path) -> None:
    (made,) = find("bare.py")
    assert (made.name, made.options, made.arrays, made.origin) == ("attend", {"causal"}, "numpy", "bare.py")
    assert find(str(folder / "bare.py"))[0].function is made.function


def test_a_file_gives_all_that_it_registers(folder: Path) -> None:
    found = find("declared.py")
    assert names(found) == ["tile-16", "tile-32"]
    assert found[0].dtypes == ("float32",)
    assert names(find("declared.py")) == ["tile-16", "tile-32"], "a second time, from the same import"


def test_an_attribute_or_a_registered_name_of_a_file(folder: Path) -> None:
    assert names(find("declared.py:tile-16")) == ["tile-16"]
    assert names(find("declared.py:attend")) == ["tile-32"], "the attribute is the last function of the loop"
    assert names(find("declared.py:helper")) == ["helper"]
    assert find("declared.py:Box.inner")[0].options == {"window"}
    assert names(find("several.py:attend_again")) == ["attend_again"]


def test_a_module_and_an_attribute(folder: Path) -> None:
    assert names(find("bare:attend")) == ["attend"]
    assert names(find("declared:tile-32")) == ["tile-32"]
    assert names(find("attnspec.adapters.numpy.flash:attend")) == ["numpy/flash"], "what was declared for it"


def test_an_edited_file_is_read_again(folder: Path) -> None:
    assert find("bare.py")[0].options == {"causal"}
    (folder / "bare.py").write_text(BARE.replace("causal=False", "scale=None"))
    assert find("bare.py")[0].options == {"scale"}


def test_two_files_of_one_name_do_not_meet(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "bare.py").write_text(BARE.replace("causal=False", "scale=None"))
    assert find("bare.py")[0].options != find("sub/bare.py")[0].options


def test_another_process_finds_the_same(folder: Path) -> None:
    script = "from attnspec.adapters.finding import find; f = find('declared.py:tile-16')[0]; print(f.function.__module__)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.strip() == find("declared.py:tile-16")[0].function.__module__


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("", "empty target"),
        ("numpy/flsh", "did you mean 'numpy/flash'"),
        ("tensorflow", "unknown implementation 'tensorflow'.*numpy/naive"),
        ("missing.py", "there is no file missing.py"),
        ("bear.py", "did you mean 'bare.py'"),
        ("nowhere/x.py", "no folder nowhere"),
        (".", "is a directory"),
        ("nothing.py", "no public function"),
        ("several.py", "2 functions.*attend, attend_again.*several.py:attend"),
        ("broken.py", "cannot be imported: KeyError: 'boom'"),
        ("relative.py", "package.module:attend"),
        ("exits.py", "__main__"),
        ("twice.py", "two implementations called 'one'"),
        ("bare.py:atend", "did you mean 'attend'"),
        ("declared.py:tile-17", "did you mean 'tile-1"),
        ("declared.py:number", "is a int, not a function"),
        ("bare.py:other", r"must take \(q, k, v\)"),
        ("no_such_module:attend", "there is no module 'no_such_module'"),
        ("bare:nope", "neither an attribute nor a registered name"),
        ("broken:x", "module broken cannot be imported"),
    ],
)
def test_what_names_nothing_says_what_was_meant(folder: Path, target: str, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        find(target)


def test_a_missing_import_inside_a_module_is_not_a_missing_module(folder: Path) -> None:
    (folder / "needs.py").write_text("import not_there_at_all\n")
    with pytest.raises(ContractError, match=r"module needs cannot be imported.*not_there_at_all"):
        find("needs:attend")


def test_one_name_from_two_targets_is_an_error(folder: Path) -> None:
    (folder / "again.py").write_text(BARE)
    with pytest.raises(ContractError, match=r"two implementations are called 'attend': one from bare.py, one from again.py"):
        find_all(["bare.py", "again.py"])
    found = names(find_all(["numpy", "numpy/flash", "bare.py", "bare.py:attend"]))
    assert found == [
        "numpy/naive",
        "numpy/flash",
        "numpy/flash-fp8",
        "numpy/block-sparse",
        *LINEAR,
        "numpy/random-features",
        "attend",
    ]


class _Package:
    name = "their-kernels"


def point(name: str, value: str) -> EntryPoint:
    made = EntryPoint(name, value, finding.GROUP)
    vars(made).update(dist=_Package())
    return made


@pytest.fixture
def points(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    (folder / "theirs.py").write_text(DECLARED.replace("tile-", "their-") + "both = [attend, helper]\nempty = []\n")
    made = [
        point("theirs/one", "theirs:attend"),
        point("theirs/both", "theirs:both"),
        point("theirs/empty", "theirs:empty"),
        point("theirs/broken", "broken:x"),
    ]
    monkeypatch.setattr(finding, "entry_points", lambda group: made if group == finding.GROUP else [])


@pytest.mark.usefixtures("points")
def test_an_entry_point_is_found_by_its_name() -> None:
    assert names(find("theirs/one")) == ["their-32"]
    assert names(find("theirs/both")) == ["their-32", "helper"]
    with pytest.raises(ContractError, match="empty list"):
        find("theirs/empty")


@pytest.mark.usefixtures("points")
def test_a_broken_entry_point_matters_only_when_asked_for() -> None:
    assert "theirs/broken" in [each.name for each in finding.installed()]
    assert names(find("numpy/naive")) == ["numpy/naive"]
    with pytest.raises(ContractError, match=r"'theirs/broken' of their-kernels.*KeyError.*uninstall their-kernels"):
        find("theirs/broken")
    with pytest.raises(ContractError, match="did you mean 'theirs/broken'"):
        find("theirs/brokn")


def test_a_missing_framework_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "find_spec", lambda name: None)
    with pytest.raises(ContractError, match=r"torch is not installed; pip install 'attnspec\[torch\]'"):
        find("torch/sdpa-math")
    rows = {row["name"]: row for row in finding.describe()}
    assert rows["numpy/naive"]["available"] is True
    assert rows["torch/flex-attention"]["available"] is False
    assert "pip install" in str(rows["torch/flex-attention"]["reason"])


def test_the_table_says_what_the_modules_declare() -> None:
    for name, row in shipped.SHIPPED.items():
        made: Any = find(name)[0]
        assert made.name == name
        module, kernels = f"attnspec.adapters.{row.module}", f"attnspec.adapters.{row.family}.kernels."
        assert made.origin == module
        assert made.function.__module__ == module or made.function.__module__.startswith(kernels)
        assert made.arrays in (*row.needs, "numpy")
        assert REGISTRY[name].function is made.function


def test_listing_imports_no_framework() -> None:
    """In a fresh process; the control shows that the proof can fail."""
    script = (
        "import json, sys; from attnspec.adapters import arrays, finding; finding.describe(); finding.shipped(); {more}"
        "print(json.dumps([m for m in ('torch', 'jax', 'triton') if m in sys.modules]))"
    )

    def loaded(more: str) -> Any:
        command = [sys.executable, "-c", script.format(more=more)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        return json.loads(run.stdout)

    assert loaded("finding.find('numpy'); ") == []
    assert loaded("finding.find('torch/sdpa-math'); ") == ["torch"]

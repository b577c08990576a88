"""Every block of README and docs is tried: commands print what stands below them, files run, quoted laws are in the spec."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest import SkipTest

import pytest
from sybil import Document
from sybil.example import SybilFailure

from .blocks import PAGES, ROOT
from .commands import Folder, requoted
from .conftest import page_files

pytestmark = pytest.mark.long

NAMES = [str(file.relative_to(ROOT)) for file in page_files()]
GENERATED = ("docs/laws.md", "docs/words.md")
"""Pages that docs/generate.py writes whole; test_generated.py holds them to the spec."""

Follow = Callable[[Document, Path], tuple[list[str], dict[int, str]]]


def on_path(program: str) -> bool:
    """Whether a program that no package brings can be run."""
    return shutil.which(program) is not None


def follow(document: Document, folder: Folder) -> tuple[list[str], dict[int, str]]:
    """What differs on a page, and line → reason of the blocks that cannot be tried."""
    document.namespace |= {"folder": folder, "installed": folder.has, "on_path": on_path}
    wrong, skipped = [], {}
    for example in document.examples():
        try:
            example.evaluate()
        except SybilFailure as failure:
            wrong.append(f"{Path(document.path).name}:{example.line}: {failure.result}")
        except SkipTest as reason:
            skipped[example.line] = str(reason)
    return wrong, skipped


@pytest.mark.parametrize("name", [name for name in NAMES if name not in GENERATED])
def test_a_page_is_true(name: str, tmp_path: Path, scripts: Path) -> None:
    folder = Folder(tmp_path, scripts)
    wrong, _ = follow(PAGES.parse(ROOT / name), folder)
    if os.environ.get("ATTNSPEC_QUOTES") == "write":
        write(ROOT / name, folder)
    assert not wrong, "\n\n".join(wrong)


def write(page: Path, folder: Folder) -> None:
    """Put what was printed into a page."""
    text = page.read_text(encoding="utf-8")
    for start, end, block in sorted(folder.rewritten, reverse=True):
        text = text[:start] + block + text[end:]
    page.write_text(text, encoding="utf-8")


PAGE = """
<!-- file: one.py -->
```python
print("one")
```

```console
$ python one.py
{quoted}
$ echo $?
{code}
```

<!-- change: one.py -->
```diff
-print("{old}")
+print("two")
```

<!-- printed-by: python one.py -->
```text
two
```

<!-- skip: next "it needs another planet" -->
```console
$ ls /mars
```

```yaml
- id: causal/is-a-mask
  level: {level}
```
"""
RIGHT = {"quoted": "one", "code": "0", "old": "one", "level": "must"}


def followed(text: str, folder: Path) -> tuple[list[str], dict[int, str], Folder]:
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    (folder / "run").mkdir()
    where = Folder(folder / "run")
    return *follow(PAGES.parse(page), where), where


def test_a_true_page_is_true(tmp_path: Path) -> None:
    wrong, skipped, _ = followed(PAGE.format(**RIGHT), tmp_path)
    assert not wrong and list(skipped.values()) == ["it needs another planet"]


@pytest.mark.parametrize(
    ("name", "lie", "said"),
    [
        ("quoted", "three", "three"),
        ("code", "1", "echo $?"),
        ("old", "none", "stand 0 times in one.py"),
        ("level", "should", "no law of the spec has all of id, level as quoted here"),
    ],
)
def test_a_lie_is_noticed(name: str, lie: str, said: str, tmp_path: Path) -> None:
    text = PAGE.format(**RIGHT | {name: lie})
    wrong, _, _ = followed(text, tmp_path)
    assert any(said in each for each in wrong), wrong


@pytest.mark.parametrize("block", ["```text\nx\n```", "```\nx\n```", "```rust\nx\n```", "<!-- fiel: x.py -->\n```text\nx\n```"])
def test_a_block_of_which_nothing_is_said_is_noticed(block: str, tmp_path: Path) -> None:
    wrong, _, _ = followed(block + "\n", tmp_path)
    assert len(wrong) == 1 and "nothing is said of this block" in wrong[0]


def test_a_command_that_breaks_is_noticed(tmp_path: Path) -> None:
    wrong, _, _ = followed("```console\n$ python -c 'raise SystemExit(7)'\n```\n", tmp_path)
    assert len(wrong) == 1 and "ends with 7" in wrong[0]


def test_quotations_are_written_anew_between_their_cuts(tmp_path: Path) -> None:
    text = "```console\n$ printf 'a\\nhead 2\\nb\\nc\\ntail 2\\nd\\n'\n…\nhead 1\ntail 1\n…\n```\n"
    wrong, _, where = followed(text, tmp_path)
    assert len(wrong) == 1
    write(tmp_path / "page.md", where)
    assert "…\nhead 2\nb\nc\ntail 2\n…\n```" in (tmp_path / "page.md").read_text(encoding="utf-8")
    assert requoted("x\n", "y\nz\n") == ["y", "z"] and requoted("x\n…\n", "y\n") == ["y", "…"]

"""What the pages say about the spec is what the spec says now."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from attnspec.conformance.language import load_laws
from attnspec.conformance.vocabulary import WORDS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("attnspec_docs_generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_pages_are_what_the_script_writes(generate: ModuleType) -> None:
    stale = [name for name, text in generate.pages().items() if (DOCS / name).read_text(encoding="utf-8") != text]
    assert not stale, f"run python docs/generate.py: {', '.join(stale)}"


def test_every_section_stands_in_a_page(generate: ModuleType) -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in DOCS.glob("*.md"))
    assert {found[2] for found in generate.SECTION.finditer(text)} == set(generate.SECTIONS)


def test_a_changed_section_is_noticed(generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- generated: budgets -->\n| a |\n<!-- end -->\nAfter.\n", encoding="utf-8")
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    made = generate.pages()["page.md"]
    assert made.startswith("Before.\n") and made.endswith("After.\n") and "| `quick` |" in made
    assert generate.main(["--check"]) == 1
    assert generate.main([]) == 0 and generate.main(["--check"]) == 0


def test_an_unknown_section_is_an_error(generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.md").write_text("<!-- generated: budget -->\n<!-- end -->\n", encoding="utf-8")
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    with pytest.raises(KeyError, match="budget"):
        generate.pages()


def test_every_law_and_every_word_has_a_heading() -> None:
    laws = (DOCS / "laws.md").read_text(encoding="utf-8").splitlines()
    words = (DOCS / "words.md").read_text(encoding="utf-8").splitlines()
    assert not [law.id for law in load_laws() if f"### {law.id}" not in laws]
    shipped = [word.name for word in WORDS.values() if word.function.__module__.startswith("attnspec.")]
    assert shipped and not [name for name in shipped if f"### {name}" not in words]


def test_every_key_of_a_report_is_explained() -> None:
    schema = json.loads((ROOT / "reports" / "schema" / "report.schema.json").read_text(encoding="utf-8"))
    text = (DOCS / "reading-a-report.md").read_text(encoding="utf-8")
    keys = [*schema["properties"], *schema["$defs"]["Result"]["properties"]]
    assert not [key for key in keys if f"`{key}`" not in text]
    verdicts = schema["$defs"]["Result"]["properties"]["verdict"]["enum"]
    assert not [verdict for verdict in verdicts if f"| `{verdict}` |" not in text]

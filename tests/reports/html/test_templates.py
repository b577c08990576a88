"""Python says what the page says, templates say how it is written; and they are where they are looked for."""

from __future__ import annotations

import ast
import fnmatch
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2
import pytest

from attnspec.reports.html import html_page
from attnspec.reports.html.head import head
from attnspec.reports.html.templating import environment, written
from attnspec.reports.record import Record

ROOT = Path(__file__).resolve().parents[3]
PLACE = ROOT / "reports" / "html"
TEMPLATES = sorted((PLACE / "templates").glob("*.html"))

MARKUP = re.compile(r"(?<!\(\?P)</?[a-zA-Z]|<!--|&#?\w+;")
"""An element or its beginning, a comment, an entity; not a named group of a regular expression."""

BEGUN = re.compile(r"</?$")
"""An element whose name is filled in."""

BY_HAND = {"html", "markupsafe", "xml.sax.saxutils", "string"}
"""Modules with which markup is escaped or filled in by hand."""


def written_in_python(text: str) -> Iterator[str]:
    """Markup in the text constants of a module, parts of f-strings among them, and what it imports to escape by hand."""
    for node in ast.walk(ast.parse(text)):
        parts, patterns = (node.values, (MARKUP, BEGUN)) if isinstance(node, ast.JoinedStr) else ([node], (MARKUP,))
        said = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        yield from (f"{node.lineno}: {each[:60]!r}" for each in said for pattern in patterns if pattern.search(each))
        named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        named += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        yield from (f"{node.lineno}: imports {name}" for name in named if name in BY_HAND)


@pytest.mark.parametrize("file", sorted(PLACE.glob("*.py")), ids=lambda file: file.name)
def test_no_markup_is_written_in_python(file: Path) -> None:
    assert not list(written_in_python(file.read_text(encoding="utf-8")))


PLANTED = (
    "'<p>'", "f'<b class={x}>'", "f'<td>{y}'", "x + '</li>'", "'a<br/>b'", "f'<{x}>'", "f'</{x}>'", "'<a href=\"'", "'&nbsp;'",
    "'&#39;'", "'<!-- x'", "from html import escape", "import markupsafe", "from string import Template",
)  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_markup_in_python_is_found(planted: str) -> None:
    assert list(written_in_python(planted))


@pytest.mark.parametrize(
    "harmless", ["r'(?P<name>.+)'", "'a < b > c'", "'two <2>'", "'k & v'", "text.replace('<', '')", "from .html import x"]
)
def test_other_texts_are_no_markup(harmless: str) -> None:
    assert not list(written_in_python(harmless))


def as_it_stands(text: str) -> Iterator[str]:
    """What a template inserts without escaping it; before each line that does, a comment says why."""
    lines = ["", *text.splitlines()]
    for before, line in pairwise(lines):
        found = re.findall(r"(\w+)\s*\|\s*safe\b|(autoescape)", line)
        assert not found or before.startswith("{#"), f"no reason for {line}"
        yield from (name or word for name, word in found)


def test_only_what_the_page_ships_is_inserted_as_it_stands() -> None:
    found = {file.name: list(as_it_stands(file.read_text(encoding="utf-8"))) for file in TEMPLATES}
    assert found.pop("page.html") == ["css", "data", "script"] and not any(found.values())
    assert environment().autoescape is True


def test_what_is_inserted_as_it_stands_is_found() -> None:
    assert list(as_it_stands("{# Why. #}\n{{ a | safe }}{% autoescape false %}")) == ["a", "autoescape"]
    with pytest.raises(AssertionError, match="no reason"):
        list(as_it_stands("{{ a|safe }}"))


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_every_value_of_an_attribute_is_quoted(file: Path) -> None:
    assert not re.search(r"=\s*\{\{", file.read_text(encoding="utf-8"))


def test_what_nobody_gave_is_an_error(small: dict[str, Any]) -> None:
    with pytest.raises(jinja2.UndefinedError):
        written("head.html")
    with pytest.raises(jinja2.UndefinedError):
        written("head.html", said={"verdict": head(Record.of(small).report).verdict})


def test_every_file_of_the_page_is_in_a_wheel() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    kept = [file.relative_to(PLACE).as_posix() for file in PLACE.rglob("*.*") if file.suffix not in (".py", ".pyc")]
    assert "templates/page.html" in kept and "page.css" in kept
    assert not [name for name in kept if not any(fnmatch.fnmatch(name, each) for each in patterns["attnspec.reports.html"])]


def test_a_page_is_made_from_a_zip(small: dict[str, Any], tmp_path: Path) -> None:
    archive = tmp_path / "attnspec.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for folder in ("attnspec", "attnspec/spec", "attnspec/reports"):
            for file in (ROOT / folder).rglob("*"):
                if file.suffix in (".py", ".yaml", ".html", ".css", ".js") and "gallery" not in file.parts:
                    made.write(file, file.relative_to(ROOT).as_posix())
    script = (
        f"import json, sys; sys.path.insert(0, {str(archive)!r}); from attnspec.reports.html import html_page; "
        "from attnspec.reports.record import Record; "
        "print(html_page.__code__.co_filename); print(html_page(Record.of(json.load(sys.stdin)).report))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=json.dumps(small), cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": "", "PYTHONUTF8": "1"}, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    where, _, page = done.stdout.partition("\n")
    assert where.startswith(str(archive)) and page == html_page(Record.of(small).report) + "\n"

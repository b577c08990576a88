"""What the blocks of a page are to a test. sybil finds them; a block of each language is tried in its own way.

    console    commands after `$ ` are run in the folder of the page, and print what stands below them; a line `…` stands for
               any lines, nothing for nothing; `$ echo $?` shows an exit code
    python     is executed
    yaml       says what the spec says, where it quotes laws, and what the action takes, where it uses that
    toml       names entry points that are looked for

What else there is to say of a block stands in a comment before it, which no reader sees:

    <!-- file: my_kernel.py -->                the block is this file, in the folder of the page
    <!-- change: my_kernel.py -->              the block, of lines with - and +, changes this file
    <!-- printed-by: attnspec report DIR -->   the block is what a command prints
    <!-- found-in: examples/ci/attnspec.yml -->  the block stands in a file of the page or of the repository
    <!-- formula: -->                          the block is read, not run
    <!-- skip: next "reason" -->               the block cannot be tried here, for that reason; also
    <!-- skip: next if(not installed("torch"), reason="…") -->
    <!-- invisible-code-block: console -->     commands that no reader needs; $REPOSITORY is where README lies

A block of which none of this can be said is a failure.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from sybil import Document, Example, Region, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.example import NotEvaluated
from sybil.parsers.markdown import SkipParser
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, FencedCodeBlockLexer

from .commands import Folder, difference, requoted

__all__ = ["PAGES", "ROOT"]

ROOT = Path(__file__).resolve().parents[2]
GROUPS = ("attnspec.implementations", "attnspec.words")
"""Entry points for which the kit looks."""


def console(block: Example) -> str | None:
    """Run the commands of a block, and compare what they print."""
    folder: Folder = block.namespace["folder"]
    return folder.follow(block)


def quoted_yaml(block: Example) -> str | None:
    """Laws stand in the spec as they are quoted, and steps of a workflow use inputs that the action has."""
    entries = yaml.safe_load(block.parsed)
    for entry in entries if isinstance(entries, list) else [entries]:
        if {"id", "equation"} & set(entry):
            if not any(entry.items() <= law.items() for law in _laws()):
                return f"no law of the spec has all of {', '.join(entry)} as quoted here"
        elif "uses" in entry:
            known = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
            unknown = set(entry.get("with", ())) - set(known)
            if "attnspec" in entry["uses"] and unknown:
                return f"the action has no input {', '.join(unknown)}"
        else:
            return "neither laws nor steps of a workflow; say in a comment what it is"
    return None


def quoted_toml(block: Example) -> str | None:
    """Entry points are in groups for which the kit looks."""
    groups = tomllib.loads(block.parsed)["project"]["entry-points"]
    return None if set(groups) <= set(GROUPS) else f"unknown groups among {', '.join(groups)}"


def nothing_said(block: Example) -> str:
    return "nothing is said of this block; tests/docs/blocks.py lists what can be"


LANGUAGES: dict[str, Callable[[Example], str | None]] = {
    "console": console,
    "python": PythonEvaluator(),
    "yaml": quoted_yaml,
    "toml": quoted_toml,
}


def file(block: Example, argument: str) -> None:
    place: Path = block.namespace["folder"].path / argument
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(block.parsed, encoding="utf-8")


def change(block: Example, argument: str) -> str | None:
    place: Path = block.namespace["folder"].path / argument
    lines = block.parsed.splitlines(keepends=True)
    old, new = ("".join(line[1:] for line in lines if line[0] in (" ", mark)) for mark in "-+")
    text = place.read_text(encoding="utf-8")
    place.write_text(text.replace(old, new), encoding="utf-8")
    return None if text.count(old) == 1 else f"the lines before the change stand {text.count(old)} times in {argument}"


def printed_by(block: Example, argument: str) -> str | None:
    folder: Folder = block.namespace["folder"]
    printed = folder.output(argument)
    folder.rewrite(block, requoted(block.parsed, printed))
    return difference(block.parsed, printed)


def found_in(block: Example, argument: str) -> str | None:
    here: Path = block.namespace["folder"].path / argument
    text = (here if here.exists() else ROOT / argument).read_text(encoding="utf-8")
    return None if block.parsed in text else f"does not stand in {argument}"


def formula(block: Example, argument: str) -> None:
    return None


DIRECTIVES: dict[str, Callable[[Example, str], str | None]] = {
    "file": file,
    "change": change,
    "printed-by": printed_by,
    "found-in": found_in,
    "formula": formula,
}


class DirectiveParser:
    """Comments that say what the next block is."""

    def __call__(self, document: Document) -> Iterator[Region]:
        for name, meaning in DIRECTIVES.items():
            for region in DirectiveInHTMLCommentLexer(name)(document):
                region.parsed = region.lexemes["arguments"].strip()
                region.evaluator = _Directive(meaning)
                yield region


class _Directive:
    """Takes the place of the evaluator of the next block, once."""

    def __init__(self, meaning: Callable[[Example, str], str | None]) -> None:
        self.meaning, self.argument = meaning, ""

    def __call__(self, block: Example) -> str | None:
        if block.region.evaluator is self:
            self.argument = block.parsed
            block.document.push_evaluator(self)
            return None
        if not isinstance(block.region, Region) or "source" not in block.region.lexemes:
            raise NotEvaluated
        block.document.pop_evaluator(self)
        return self.meaning(block, self.argument)


class BlockParser:
    """Every fenced block, whatever its language, and those that no reader sees."""

    LEXERS = (
        FencedCodeBlockLexer(language=r".*", mapping={"language": "language", "source": "source"}),
        DirectiveInHTMLCommentLexer("invisible-code-block", ".+", mapping={"arguments": "language", "source": "source"}),
    )

    def __call__(self, document: Document) -> Iterator[Region]:
        for lexer in self.LEXERS:
            for region in lexer(document):
                region.parsed = region.lexemes["source"]
                region.evaluator = LANGUAGES.get(region.lexemes["language"].strip(), nothing_said)
                yield region


PAGES = Sybil(parsers=[BlockParser(), DirectiveParser(), SkipParser()], path=str(ROOT), patterns=["README.md", "docs/*.md"])
"""README and the pages of docs."""


def _laws() -> list[dict[str, Any]]:
    files = sorted((ROOT / "spec").glob("*/laws/*.yaml"))
    return [law for file in files for law in yaml.safe_load(file.read_text(encoding="utf-8"))["laws"]]

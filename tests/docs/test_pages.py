"""Links lead somewhere, commands exist, and nothing on a page speaks of the machine on which it was written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from attnspec.cli import cli

from .conftest import ROOT, page_files, quotes

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
MACHINE = re.compile(r"(?<![\w.~])/(work|tmp|root|home|usr|Users)/|\.pyenv")
PAGES = [str(file.relative_to(ROOT)) for file in page_files()]


def anchors(text: str) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(file: Path, text: str) -> list[str]:
    """Relative links that name no file, or no heading of it."""
    broken = []
    for link in LINK.findall(FENCED.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken


def wrong_command(command: str) -> str | None:
    """What click says of a command line, or None. Nothing is run."""
    words = shlex.split(command, comments=True)[1:]
    while words[:1] == ["--with"]:
        words = words[2:]
    try:
        if not words or words == ["--help"]:
            return None
        known = cli.get_command(click.Context(cli), words[0])
        if known is None:
            return f"no command {words[0]}"
        known.make_context(words[0], words[1:])
    except click.exceptions.Exit:  # --help
        return None
    except click.ClickException as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("page", PAGES)
def test_relative_links_resolve(page: str) -> None:
    file = ROOT / page
    assert not broken_links(file, file.read_text(encoding="utf-8"))


def test_a_broken_link_is_noticed() -> None:
    text = "# Here\n[a](why.md) [b](wy.md) [c](#here) [d](#there) [e](why.md#nowhere) [f](https://example.org)\n"
    file = ROOT / "docs" / "why.md"
    assert broken_links(file, text) == ["wy.md", "#here", "#there", "why.md#nowhere"]


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page: str) -> None:
    lines = [line for line in quotes(page) if line.split()[0] == "attnspec"]
    wrong = {line: said for line in lines if (said := wrong_command(line))}
    assert not wrong


def test_a_wrong_command_is_noticed() -> None:
    assert wrong_command("attnspec run my_kernel.py --budget standard --out report  # a comment") is None
    assert wrong_command("attnspec run --help") is None
    assert "--budgte" in (wrong_command("attnspec run my_kernel.py --budgte standard") or "")
    assert "no command rnu" in (wrong_command("attnspec rnu my_kernel.py") or "")
    assert "Missing argument" in (wrong_command("attnspec explain") or "")


def test_there_are_commands_to_look_at() -> None:
    assert sum(len(quotes(page)) for page in PAGES) > 12


@pytest.mark.parametrize("page", PAGES)
def test_no_page_names_a_place_of_one_machine(page: str) -> None:
    assert not MACHINE.search((ROOT / page).read_text(encoding="utf-8"))


FILE = re.compile(r"`([\w/]+\.py)`")
PLACES = ("", "conformance", "adapters", "reports", "attnspec")


def lost_files(text: str) -> list[str]:
    """Python files that a page names in backticks and that are in none of the folders."""
    return [name for name in FILE.findall(text) if not any((ROOT / place / name).is_file() for place in PLACES)]


def test_the_plan_of_the_house_names_files_that_are_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert len(FILE.findall(text)) > 20 and not lost_files(text)
    assert lost_files("`engine/verify.py` and `engine/verified.py`") == ["engine/verified.py"]

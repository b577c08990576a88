"""Errors of a file of laws, and refusals of a law, are said as the page about laws says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from attnspec.conformance.kills import own_laws
from attnspec.conformance.kills.own_laws import LawRefused, check_law
from attnspec.conformance.language import SpecError, load_laws

from .conftest import ROOT

pytestmark = pytest.mark.long

PAGE = (ROOT / "docs" / "writing-a-law.md").read_text(encoding="utf-8")
ROWS = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)


def errors() -> list[tuple[str, str]]:
    return ROWS.findall(PAGE.partition("## Errors")[2])


def changed(line: str, folder: Path) -> Path:
    """The example with one line changed, or added."""
    key = line.partition(":")[0]
    text = (ROOT / "examples" / "extra_laws.yaml").read_text(encoding="utf-8")
    new, count = re.subn(rf"^    {key}: .*$", f"    {line}", text, flags=re.MULTILINE)
    (folder / "laws.yaml").write_text(new if count else text + f"    {line}\n", encoding="utf-8")
    return folder / "laws.yaml"


@pytest.mark.parametrize(("line", "said"), errors())
def test_errors_are_said_as_the_page_says(line: str, said: str, tmp_path: Path) -> None:
    file = changed(line, tmp_path)
    with pytest.raises(SpecError) as caught:
        load_laws([file])
    assert said in str(caught.value) and re.search(r"laws\.yaml:\d+: ", str(caught.value))


def refusals() -> list[tuple[str, str]]:
    return ROWS.findall(PAGE.partition("## A law is tried first")[2].partition("\n## ")[0])


@pytest.mark.parametrize(("line", "said"), refusals())
def test_laws_are_refused_as_the_page_says(line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a few of the problems: what is said of one that is rejected on none does not depend on how many they are."""
    said = said.replace(f"{own_laws.MORE[-1]} problems", "12 problems")
    monkeypatch.setattr(own_laws, "MORE", (12,))
    (law,) = load_laws([changed(line, tmp_path)])
    with pytest.raises(LawRefused, match=f"^{re.escape(said)}"):
        check_law(law, ("float32",))


def test_there_are_errors_to_look_at() -> None:
    assert len(errors()) >= 10 and len(refusals()) >= 4

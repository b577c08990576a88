"""What the pages quote is what is printed: the tutorial is followed step by step, and errors are made on purpose."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from attnspec.conformance.kills.own_laws import LawRefused, check_law
from attnspec.conformance.language import SpecError, load_laws
from attnspec.conformance.vocabulary import WORDS

from .conftest import ROOT, Quote, blocks, missing, page_files, quotes
from .varying import VARYING

Followed = Callable[[Quote, Path], str | None]
DOCS = ROOT / "docs"
ROWS = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def kernels() -> dict[str, str]:
    """The states of my_kernel.py in the tutorial, in their order."""
    first, changed, second = blocks(page("tutorial.md"), "python")[:3]
    right = "".join(line for line in first.splitlines(True) if line.startswith("        seen"))
    natural = second.replace("np.log2", "np.log")
    top = re.search(r"^`(top = .*)` mends it", page("tutorial.md"), re.MULTILINE)
    assert first.count(right) == 1 and top is not None
    return {
        "first": first,
        "broken": first.replace(right, changed),
        "base two": second,
        "natural": natural,
        "mended": natural.replace("top = scores.max(-1, keepdims=True)", top[1]),
    }


STEPS = ["first", "broken", "broken", "first", "first", "base two", "natural", "mended"]
"""The kernel that each command of the tutorial meets, up to step 4; the others need PyTorch, or minutes."""


def test_the_kernel_of_the_tutorial_is_the_example() -> None:
    example = (ROOT / "examples" / "my_kernel.py").read_text(encoding="utf-8")
    assert example.endswith(kernels()["first"])


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_the_tutorial_prints_what_it_says(number: int, followed: Followed, tmp_path: Path) -> None:
    (tmp_path / "my_kernel.py").write_text(kernels()[STEPS[number]], encoding="utf-8")
    assert followed(quotes("docs/tutorial.md")[number], tmp_path) is None


def test_a_wrong_exit_code_is_noticed(followed: Followed, tmp_path: Path) -> None:
    assert followed(Quote("", "attnspec explain causal/is-a-mask", (), code=0), tmp_path) is None
    assert "ends with 0, not 1" in (followed(Quote("", "attnspec explain causal/is-a-mask", (), code=1), tmp_path) or "")


def test_a_line_that_is_not_printed_is_noticed() -> None:
    assert missing(("a", "…", "c"), "a\nb\nc\n") is None
    assert missing(("c", "a"), "a\nb\nc\n") == "a"
    assert missing(("a", "d"), "a\nb\nc\n") == "d"


def test_what_varies_between_processors_may_differ_and_nothing_else() -> None:
    row = "numpy/flash         3/3    2/2   0.01"
    assert missing((row,), row.replace("0.01", "0.34")) is None
    for other in ("1.01", "–", "0.0"):
        assert missing((row,), row.replace("0.01", other)) == row
    assert missing((row,), row.replace("2/2", "1/2")) == row
    said = "it gives what came on 24 of 24 problems, 19 of them wrong"
    assert missing((said,), said.replace("24", "20").replace("19", "7")) is None
    for same, other in (("24 of 24", "23 of 24"), ("19", "0"), ("wrong", "right")):
        assert missing((said,), said.replace(same, other)) == said


def test_every_number_that_varies_is_quoted_and_has_its_reason() -> None:
    lines = [line for page in page_files() for line in page.read_text(encoding="utf-8").splitlines()]
    for each in VARYING:
        assert each.reason.endswith(".") and any(each.pattern.search(line) for line in lines), each.what


@pytest.mark.parametrize("name", ["why.md", "writing-a-law.md", "writing-an-adapter.md", "reading-a-report.md"])
def test_other_pages_print_what_they_say(name: str, followed: Followed, tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    for file in (ROOT / "examples").glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
        (tmp_path / "examples" / file.name).write_bytes(file.read_bytes())
    known = re.sub(r"^  expires: .*\n", "", blocks(page("reading-a-report.md"), "yaml")[0], flags=re.MULTILINE)
    (tmp_path / "known.yaml").write_text(known, encoding="utf-8")
    for quote in quotes(f"docs/{name}"):
        assert followed(quote, tmp_path) is None


def test_the_laws_on_the_page_load(tmp_path: Path) -> None:
    example, own = blocks(page("writing-a-law.md"), "yaml")
    assert (ROOT / "examples" / "extra_laws.yaml").read_text(encoding="utf-8").endswith(example)
    code = next(block for block in blocks(page("writing-a-law.md"), "python") if "@word" in block)
    (tmp_path / "own.yaml").write_text(own, encoding="utf-8")
    with pytest.raises(SpecError, match="negate_keys"):
        load_laws([tmp_path / "own.yaml"])
    try:
        exec(compile(code, "words.py", "exec"), {"__name__": "words"})
        (law,) = load_laws([tmp_path / "own.yaml"])
        assert law.id == "own/negated-keys" and list(check_law(law, ("float32",)).rejected) == ["scale-ignored"]
    finally:
        WORDS.pop("negate_keys", None)


def errors() -> list[tuple[str, str]]:
    return ROWS.findall(page("writing-a-law.md").partition("## Errors")[2])


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
    return ROWS.findall(page("writing-a-law.md").partition("## A law is tried first")[2].partition("\n## ")[0])


@pytest.mark.parametrize(("line", "said"), refusals())
def test_laws_are_refused_as_the_page_says(line: str, said: str, tmp_path: Path) -> None:
    (law,) = load_laws([changed(line, tmp_path)])
    with pytest.raises(LawRefused, match=f"^{re.escape(said)}"):
        check_law(law, ("float32",))


def test_there_are_errors_to_look_at() -> None:
    assert len(errors()) >= 10 and len(refusals()) >= 4

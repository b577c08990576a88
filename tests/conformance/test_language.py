"""A law file is data from strangers: whatever the language does not know is an error with file, line and a near word."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from attnspec.conformance.language import SpecError, load_laws, select
from attnspec.conformance.language.grammar import Binary, Call, Name, Number, read_equation, read_expression
from attnspec.spec.operations import law_files

LAW = """\
chapter: weights
about: One law.
laws:
  - id: weights/one
    statement: Ones come back.
    operation: attention
    given: {sinks: absent}
    where: sees_a_key(p)
    equation: out(with_values(p, 1)) ≈ 1
    level: must
    why: Because.
    kills: [weights-unnormalised]
    source: ["https://example.org"]
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "laws.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_law_is_read_as_written(tmp_path: Path) -> None:
    file = written(tmp_path, LAW)
    (law,) = load_laws([file])
    assert (law.id, law.chapter, law.level, law.line, law.file) == ("weights/one", "weights", "must", 4, file)
    assert law.relation.relation == "≈"
    assert law.words() == ("out", "with_values", "sees_a_key")


def test_the_shipped_chapters_keep_to_the_schema() -> None:
    shipped = law_files()
    assert len(load_laws(shipped)) == len(load_laws())


def test_an_equation_is_a_tree() -> None:
    equation = read_equation("2 * out(p) ≤ -lse(p, after=p)")
    assert equation.left == Binary("*", Number(2.0), Call("out", (Name("p"),), ()))
    assert equation.relation == "≤"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("statement:", "statment:", 5, "did you mean 'statement'"),
        ("out(with_values(p, 1)) ≈ 1", "out(with_valves(p, 1)) ≈ 1", 9, "did you mean 'with_values'"),
        ("out(with_values(p, 1)) ≈ 1", "out(with_values(p, 1))", 9, "no relation"),
        ("≈ 1", "≈ 1 ≈ 1", 9, "2 relations"),
        ("out(with_values(p, 1)) ≈ 1", "out(with_values(p)) ≈ 1", 9, "with_values(p, x)"),
        ("out(with_values(p, 1)) ≈ 1", "out(with_values(p, 1), p) ≈ 1", 9, ""),
        ("out(with_values(p, 1)) ≈ 1", "out(with_values(1, p)) ≈ 1", 9, "a problem, not a value"),
        ("out(with_values(p, 1)) ≈ 1", "out(but(p, softcop=1)) ≈ 1", 9, "did you mean 'softcap'"),
        ("given: {sinks: absent}", "given: {dilation: drawn}", 7, "given: unknown key 'dilation'; known: scale"),
        ("operation: attention", "operation: sparse_attention", 7, "given: unknown key 'sinks'; known: scale"),
        ("out(with_values(p, 1)) ≈ 1", "out(q) ≈ 1", 9, "the problem is called p"),
        ("out(with_values(p, 1)) ≈ 1", "out ≈ 1", 9, "a word that is called"),
        ("out(with_values(p, 1)) ≈ 1", "p ≈ 1", 9, "not a problem"),
        ("out(with_values(p, 1)) ≈ 1", "out(each_head(p)) ≈ 1", 9, "several values"),
        ("sees_a_key(p)", "sees_akey(p)", 8, "did you mean 'sees_a_key'"),
        ("{sinks: absent}", "{sink: absent}", 7, "sinks"),
        ("{sinks: absent}", "{values: norml}", 7, "normal"),
        ("{sinks: absent}", "{claims: [determinstic]}", 7, "did you mean 'deterministic'"),
        ("{sinks: absent}", "{conventions: {empty_row: zeros}}", 7, "did you mean 'empty_rows'"),
        ("operation: attention", "operation: atention", 6, "unknown operation"),
        ("level: must", "level: shall", 10, "level"),
        ("id: weights/one", "id: causal/one", 4, "starts with weights/"),
        ("kills: [weights-unnormalised]", "kills: []", 12, "kills"),
        ("about: One law.", "about: One law.\nchapter: twice", 3, "stands twice"),
        ("id: weights/one", 'id: "weights/one\\n"', 4, "is not chapter/name"),
        ("https://example.org", "", 13, "is not an address"),
        ("[weights-unnormalised]", "[weights-unnormalized]", 12, "did you mean 'weights-unnormalised'"),
        ("[weights-unnormalised]", "[dilation-one-too-long]", 12, "is a mistake in sparse_attention, and the law is about"),
        ("[weights-unnormalised]", "[gradient-without-delta]", 12, "is a mistake in gradients, and the law asks for none"),
        ("{sinks: absent}", "{sk: 99999999999}", 7, "sk=99999999999 is 99999999999 entries of scores"),
        ("{sinks: absent}", "{sk: '>= 99999999999'}", 7, "entries of scores"),
        ("{sinks: absent}", "{d: 10000000}", 7, "d=10000000 is more than 65536 features"),
        ("{sinks: absent}", "{d: 65536, sq: 65536}", 7, "sq=65536 · d=65536 is 4294967296 entries of queries"),
        ("{sinks: absent}", "{sk: [1, 65536], sq: sk}", 7, "sq=65536 · sk=65536"),
        ("out(with_values(p, 1)) ≈ 1", "out(but(p, causal=5)) ≈ 1", 9, "causal is true, false or absent, not 5"),
        ("out(with_values(p, 1)) ≈ 1", "out(but(p, softcap=-1)) ≈ 1", 9, "-1.0 is not a positive number"),
        ("out(with_values(p, 1)) ≈ 1", "out(but(p, seed=1.5)) ≈ 1", 9, "seed is a whole number or absent, not 1.5"),
        ("out(with_values(p, 1)) ≈ 1", "out(but(p, mask=1)) ≈ 1", 9, "mask is absent, or what a word gives, not 1"),
        ("out(with_values(p, 1)) ≈ 1", "out(but(p, scale=true)) ≈ 1", 9, "scale is a number or absent, not true"),
        ("out(with_values(p, 1)) ≈ 1", "out(but(p, memory=4)) ≈ 1", 9, "memory is contiguous or transposed"),
    ],
)
def test_each_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    assert old in LAW
    file = written(tmp_path, LAW.replace(old, new, 1))
    with pytest.raises(SpecError) as caught:
        load_laws([file])
    assert str(caught.value).startswith(f"{file}:{line}: "), caught.value
    assert says in str(caught.value)


NOTHING, TWICE, CANCELS = (
    "never runs the implementation",
    "the two sides are the same expression",
    "cancels out of the equation",
)


@pytest.mark.parametrize(
    ("equation", "says"),
    [
        ("1 == 1", NOTHING),
        ("1 ≤ 2", NOTHING),
        ("exp(0) ≈ 1", NOTHING),
        ("0 / 0 == 0 / 0", NOTHING),
        ("reference_out(p) ≈ reference_out(p)", NOTHING),
        ("reference_out(p) ≈ reference_out(shuffle_keys(p))", NOTHING),
        ("out(p) == out(p)", TWICE),
        ("out(but(p, scale=2, causal=absent)) ≈ out(but(p, causal=absent, scale=2))", TWICE),
        ("exp(out(p)) ≥ exp(out(p))", TWICE),
        ("out(p) - out(p) ≈ 0", CANCELS),
        ("0 * out(p) == 0", CANCELS),
        ("out(p) * 0 ≤ 1", CANCELS),
        ("out(p) / out(p) ≈ 1", CANCELS),
        ("2 * out(p) ≈ out(p) + out(p)", CANCELS),
        ("out(p) ≤ out(p) + 1", CANCELS),
        ("-(1 - out(p)) ≈ out(p) - 1", CANCELS),
        ("out(p) * scale(p) / 2 ≈ scale(p) * out(p) / 2", CANCELS),
    ],
)
def test_an_equation_that_no_answer_can_break_is_refused(tmp_path: Path, equation: str, says: str) -> None:
    file = written(tmp_path, LAW.replace("out(with_values(p, 1)) ≈ 1", equation))
    with pytest.raises(SpecError, match=says) as caught:
        load_laws([file])
    assert str(caught.value).startswith(f"{file}:9: ")


@pytest.mark.parametrize(
    "equation",
    [
        "out(p, after=p) == out(p)",
        "2 * out(p) ≈ out(p)",
        "finite(out(p)) ≈ 1",
        "out(p) * out(p) ≥ 0",
        "out(p) / 0 ≤ 1",
        "out(p) / 1e-15 / 1e-15 ≈ 1",
        "(out(p) + 1) * (out(p) - 1) ≈ out(p) * out(p) - 2",
        "lse(p) - lse(shuffle_keys(p)) ≈ 0",
    ],
)
def test_an_equation_that_some_answer_breaks_is_accepted(tmp_path: Path, equation: str) -> None:
    assert load_laws([written(tmp_path, LAW.replace("out(with_values(p, 1)) ≈ 1", equation))])


def test_deep_equations_take_no_longer_than_long_ones(tmp_path: Path) -> None:
    start = time.perf_counter()
    load_laws([written(tmp_path, LAW.replace("out(with_values(p, 1)) ≈ 1", "exp(" * 22 + "out(p)" + ")" * 22 + " ≈ 1"))])
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("p.q", "an attribute"),
        ("(lambda x: x)(p)", "a lambda"),
        ("out(lambda: p)", "a lambda"),
        ("out([x for x in p])", "a comprehension"),
        ("out(p[0])", "an index"),
        ("2 ** 100", "Pow"),
        ("out(p) if p else 1", "if / else"),
        ("out('text')", "only numbers"),
        ("__import__(p)", "underscore"),
        ("out(p, __class__=p)", "underscore"),
        ("out(*p)", "* and **"),
        ("out(**p)", "* and **"),
        ("out(p) and 1", "and / or"),
        ("out(x := p)", "an assignment"),
        ("True + 1", "only numbers"),
        ("1e99", "at most"),
        ("1j", "only numbers"),
        ("out(p) +", "cannot read"),
        ("", "cannot read"),
        ("(" * 10_000 + "p" + ")" * 10_000, "at most"),
        ("-" * 300 + "1", "nests at most"),
        ("9" * 5_000, "at most"),
        ("out(" * 40 + "p" + ")" * 40, "nests at most"),
    ],
)
def test_python_that_is_no_law_is_refused(expression: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_expression(expression)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("chapter: !!python/object:os.system x\n", "tags"),
        ("chapter: !custom x\n", "tags"),
        ("a: &x [1]\nb: [*x, *x]\n", "anchors"),
        ("a: " + "[" * 5_000 + "]" * 5_000 + "\n", "nest"),
        ("chapter: one\n---\nchapter: two\n", "second"),
        ("chapter: 2026-01-01\n", "quote it"),
        ("? [1, 2]\n: x\n", "plain text"),
        ("chapter: [unclosed\n", ""),
        ("- just a list\n", ""),
        ("", ""),
        ("x" * (2 << 20), "bytes"),
    ],
)
def test_yaml_that_could_do_harm_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(SpecError) as caught:
        load_laws([file])
    assert str(file) in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", ":1: is empty; a law file is a mapping"),
        (b"# nothing\n", ":1: is empty; a law file is a mapping"),
        (b"- a list\n", ":1: holds a list; a law file is a mapping"),
        (LAW.encode("utf-16"), ":1: is text in UTF-16; save it as UTF-8"),
        (LAW.encode("utf-16-le"), ":1: is text in UTF-16; save it as UTF-8"),
        (LAW.replace("Because", "Caf\xe9").encode().replace(b"\xc3\xa9", b"\xe9"), ":11: the byte 0xe9 is not UTF-8"),
        (LAW.replace("Because", "Be\0cause").encode(), ":11: the control character U+0000"),
        (LAW.replace("Because", "Be\x1b[31mcause").encode(), ":11: the control character U+001B"),
    ],
)
def test_text_that_is_none_is_named_with_its_line(tmp_path: Path, raw: bytes, says: str) -> None:
    file = tmp_path / "laws.yaml"
    file.write_bytes(raw)
    with pytest.raises(SpecError) as caught:
        load_laws([file])
    assert str(caught.value).startswith(f"{file}{says}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no pipes with names")
def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for file in (tmp_path / "pipe", tmp_path / "endless", tmp_path):
        with pytest.raises(SpecError, match="is not a regular file"):
            load_laws([file])


def test_one_id_stands_once(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(LAW, encoding="utf-8")
    second.write_text(LAW, encoding="utf-8")
    with pytest.raises(SpecError, match=r"stands already at .*a\.yaml:4"):
        load_laws([first, second])


def test_a_missing_file_and_a_glob_without_laws_are_errors(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        load_laws([tmp_path / "absent.yaml"])
    with pytest.raises(SpecError, match="no law matches 'cusal/"):
        select(load_laws(), ["cusal/*"])


def test_the_shipped_laws_load_and_name_their_chapter() -> None:
    laws = load_laws()
    assert len(laws) >= 45
    chapters = {
        "weights",
        "causal",
        "masks",
        "heads",
        "flash",
        "numerics",
        "interface",
        "accuracy",
        "probes",
        "float8",
        "gradients",
        "sparse",
        "linear",
        "random",
    }
    assert {law.chapter for law in laws} == chapters
    assert all(law.file.stem == law.chapter for law in laws)

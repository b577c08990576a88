"""What others wrote is made safe where a result is made."""

from __future__ import annotations

from attnspec.reports.visible import both_ends, said, visible


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Wrong(Exception):
    def __str__(self) -> str:
        return None  # type: ignore[return-value]  # noqa: PLE0307


def test_control_characters_and_half_pairs_are_escapes() -> None:
    assert visible("a\x1b[31m\x07b\ud800\u202ec\ttab\nline ≈ 𝔸") == r"a\x1b[31m\x07b\ud800\u202ec" + "\ttab\nline ≈ 𝔸"


def test_both_ends_of_a_long_text_are_kept() -> None:
    text = f"first {'x' * 10_000} last"
    assert (
        both_ends(text, 60).startswith("first xxx")
        and both_ends(text, 60).endswith("xxx last")
        and len(both_ends(text, 60)) == 60
    )
    assert both_ends("short", 60) == "short"


def test_an_exception_says_one_bounded_line_whatever_it_is() -> None:
    assert said(ValueError("why\nmore")) == "why" and said(ValueError()) == "no message"
    assert said(Silent()) == "no message: its __str__ raised RuntimeError"
    assert said(Wrong()) == "no message: its __str__ raised TypeError"
    long = said(ValueError("first " + "\x1b" * 40_000_000 + " reason"))
    assert len(long) == 300 and long.startswith("first \\x1b") and long.endswith(" reason")

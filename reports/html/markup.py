"""A few words for markup, so that nothing reaches the page without being escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["code", "escape", "glyph", "link", "section", "table"]


def code(text: str) -> str:
    """A name of a program, in full where a pointer asks, for a table may have no room for it."""
    return f'<code title="{escape(text)}">{escape(text)}</code>'


def glyph(verdict: str) -> str:
    """The shape of a verdict, for the eye alone: its word stands beside it."""
    return f'<i class="g {escape(verdict)}" aria-hidden="true"></i>'


def link(address: str, text: str) -> str:
    """A link, where the address is one of the web; the text alone elsewhere, so that no script can hide in it."""
    if not address.startswith(("https://", "http://")):
        return escape(text)
    return f'<a href="{escape(address)}" rel="noreferrer">{escape(text)}</a>'


def section(name: str, title: str, body: str, about: str = "") -> str:
    """A section with a heading. body: markup."""
    lede = f'<p class="about">{escape(about)}</p>' if about else ""
    return f'<section id="{name}"><h2>{escape(title)}</h2>{lede}{body}</section>'


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], style: str = "") -> str:
    """A table that scrolls by itself where it is too wide. heads: texts. rows: markup; the first cell of each names the row."""
    top = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = []
    for first, *others in rows:
        body.append(f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in others) + "</tr>")
    return f'<div class="wide"><table class="{style}"><thead><tr>{top}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'

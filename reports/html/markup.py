"""A few words for markup, so that nothing reaches the page without being escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

__all__ = [
    "address",
    "code",
    "copied",
    "escape",
    "facts",
    "folded",
    "glyph",
    "link",
    "linked",
    "links",
    "names",
    "section",
    "table",
]

WEB = re.compile(r"(https?://[^\s()<>]+)")

NAMED = 3
"""Names that stand in a sentence; further ones are counted."""


def address(row: Mapping[str, Any]) -> str:
    """The fragment of the page's address that opens the cell of a result."""
    return f"#cell={quote(row['law'], safe='/')}@{quote(row['implementation'], safe='/')}"


def code(text: str) -> str:
    """A name of a program, in full where a pointer asks, for a table may have no room for it."""
    return f'<code title="{escape(text)}">{escape(text)}</code>'


def copied(command: str) -> str:
    """A command with a button that copies it; the script of the page gives the button its work."""
    return f'<div class="copied"><pre>{escape(command)}</pre><button type="button">copy</button></div>'


def facts(entries: Mapping[str, str]) -> str:
    """Names and what they are, as texts, side by side."""
    body = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in entries.items())
    return f'<dl class="facts">{body}</dl>'


def folded(summary: str, body: str, style: str = "") -> str:
    """Something that is asked for less often. summary: a text. body: markup."""
    return f'<details class="{style}"><summary>{escape(summary)}</summary>{body}</details>'


def glyph(verdict: str) -> str:
    """The shape of a verdict, for the eye alone: its word stands beside it."""
    return f'<i class="g {escape(verdict)}" aria-hidden="true"></i>'


def link(address: str, text: str) -> str:
    """A link, where the address is one of the web; the text alone elsewhere, so that no script can hide in it."""
    if not address.startswith(("https://", "http://")):
        return escape(text)
    return f'<a href="{escape(address)}" rel="noreferrer">{escape(text)}</a>'


def linked(text: str) -> str:
    """A text in which addresses of the web are links."""
    return "".join(link(part, part) if n % 2 else escape(part) for n, part in enumerate(WEB.split(text)))


def links(addresses: Iterable[str]) -> str:
    """Links, each with its address without what all addresses have."""
    return ", ".join(link(each, re.sub(r"^https?://(www\.|github\.com/)?", "", each).rstrip("/")) for each in addresses)


def names(all_names: Sequence[str]) -> str:
    """The first names, and how many there are besides."""
    shown = [*all_names[:NAMED], *([f"{len(all_names) - NAMED} more"] if len(all_names) > NAMED else [])]
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def section(name: str, title: str, body: str, about: str = "") -> str:
    """A section with a heading. body: markup."""
    lede = f'<p class="about">{escape(about)}</p>' if about else ""
    return f'<section id="{name}"><h2>{escape(title)}</h2>{lede}{body}</section>'


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], style: str = "") -> str:
    """A table that scrolls by itself where it is too wide. heads: texts. rows: markup; the first cell of each names the row."""
    top = "".join(f'<th scope="col"><span>{escape(text)}</span></th>' for text in heads)
    body = []
    for first, *others in rows:
        body.append(f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in others) + "</tr>")
    inside = f'<table class="{style}"><thead><tr>{top}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    return f'<div class="scroller"><div class="wide">{inside}</div></div>'

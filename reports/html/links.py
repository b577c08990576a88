"""Where a reader can go from a text: to a cell of the page, or to a place in the web."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from ..schema import Result

__all__ = ["Link", "address", "link", "linked", "links"]

WEB = re.compile(r"(https?://[^\s()<>]+)")


@dataclass(frozen=True)
class Link:
    """text: what is read. address: where it leads, always a place in the web; empty where it leads nowhere."""

    text: str
    address: str = ""


def address(row: Result) -> str:
    """The fragment of the page's address that opens the cell of a result."""
    return f"#cell={quote(row.law, safe='/')}@{quote(row.implementation, safe='/')}"


def link(address: str, text: str) -> Link:
    """A link, where the address is one of the web; the text alone elsewhere, so that no script can hide in it."""
    return Link(text, address if address.startswith(("https://", "http://")) else "")


def linked(text: str) -> list[Link]:
    """A text in parts, of which those that are addresses of the web lead there."""
    return [link(part, part) if n % 2 else Link(part) for n, part in enumerate(WEB.split(text)) if part]


def links(addresses: Iterable[str]) -> list[Link]:
    """Links, each with its address without what all addresses have."""
    return [link(each, re.sub(r"^https?://(www\.|github\.com/)?", "", each).rstrip("/")) for each in addresses]

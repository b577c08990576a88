"""Reports for pages: a small one whose texts try to be markup, and one of 20,000 results; and a reader of pages.

This folder is no package, for it would be named as the module `html` of Python is; so `making.py` is loaded by its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

Report = dict[str, Any]


class Page(HTMLParser):
    """The elements of a page with their attributes, its text without scripts, and the data in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self._within = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._within = tag
            self.scripts += [""] if tag == "script" else []

    def handle_endtag(self, tag: str) -> None:
        if tag == self._within:
            self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script":
            self.scripts[-1] += data
        elif not self._within:
            self.text += data

    @property
    def data(self) -> Any:
        """What the scripts read."""
        return json.loads(self.scripts[0])

    def attributes(self, name: str) -> list[str]:
        """The values of one attribute of all elements."""
        return [value or "" for _, given in self.elements for key, value in given.items() if key == name]


@pytest.fixture(scope="session")
def making() -> Any:
    """The module that makes reports."""
    spec = spec_from_file_location("making_pages", Path(__file__).with_name("making.py"))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def many(making: Any) -> Report:
    """20,000 results."""
    return dict(making.large())


@pytest.fixture
def small(making: Any) -> Report:
    """Seven results with every verdict."""
    return dict(making.nasty())


@pytest.fixture
def read() -> Callable[[str], Page]:
    """Reads a page."""
    return Page

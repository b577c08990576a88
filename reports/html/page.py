"""Fills the template of the page: head and sections as text that stands without scripts, the data for the grid beside it.

The page fetches nothing, and its content security policy forbids it to: a report is opened years later, and on machines
without a network. Whatever a law, a kernel or a baseline says is escaped, because anybody may have written it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from string import Template
from typing import Any

from .capabilities import capabilities_section
from .causes import causes_section
from .conventions import conventions_section
from .data import embedded, page_data
from .faults import faults_section
from .head import banners, head
from .profiles import profiles_section
from .sections import environment_section, remarks_section

__all__ = ["html_page"]

SCRIPTS = (
    "unpack", "state", "dom", "cues", "grid", "findings", "drawings", "overview", "filter", "weights", "panel", "keys", "start",
)  # fmt: skip
"""In the order in which they run."""

STYLES = ("page", "causes", "grid", "sections", "panel")


def html_page(report: Mapping[str, Any], *, kills: Mapping[str, Any] | None = None) -> str:
    """A report as one HTML document.

    report: as in report.json; it may be incomplete. kills: a kill matrix as `kills.summarised` gives it, if it shall be shown.
    Raises KeyError for a report that the schema does not allow.
    """
    folder = files(__package__)
    sections = {
        "profiles": profiles_section(report),
        "capabilities": capabilities_section(report),
        "conventions": conventions_section(report),
        "remarks": remarks_section(report),
        "faults": faults_section(kills, report["attnspec"]),
        "environment": environment_section(report),
    }
    return Template(_text(folder, "page.html")).substitute(
        title=head(report).title,
        css="".join(_text(folder, f"{name}.css") for name in STYLES),
        head=head(report).html,
        banners=banners(report),
        causes=causes_section(report),
        sections="\n".join(filter(None, sections.values())),
        contents=_contents([name for name, text in sections.items() if text]),
        data=embedded(page_data(report)),
        script="".join(_text(folder, f"{name}.js") for name in SCRIPTS),
    )


def _text(folder: Any, name: str) -> str:
    text: str = folder.joinpath(name).read_text(encoding="utf-8")
    return text


def _contents(shown: list[str]) -> str:
    """Links to the sections that there are."""
    words = {"remarks": "accuracy and notes", "faults": "known mistakes"}
    return "".join(f'<a href="#{name}">{words.get(name, name)}</a>' for name in ("causes", "laws", *shown))

"""Gathers what the page says: head and sections as text that stands without scripts, the data for the grid beside it.

The page fetches nothing, and its content security policy forbids it to: a report is opened years later, and on machines
without a network.
"""

from __future__ import annotations

from importlib.resources import files

from ..schema import Report, Summary
from .banners import banners
from .capabilities import capabilities_section
from .causes import causes_section
from .conventions import conventions_section
from .data import embedded, page_data
from .faults import faults_section
from .head import head
from .profiles import profiles_section
from .sections import environment_section, remarks_section
from .templating import written

__all__ = ["html_page"]

SCRIPTS = (
    "unpack", "state", "dom", "cues", "grid", "findings", "drawings", "overview", "filter", "weights", "panel", "keys", "start",
)  # fmt: skip
"""In the order in which they run."""

STYLES = ("page", "causes", "grid", "sections", "panel")

TITLES = {"remarks": "accuracy and notes", "faults": "known mistakes"}
"""Links to sections whose names say too little."""


def html_page(report: Report, *, kills: Summary | None = None) -> str:
    """A report as one HTML document.

    report: as in report.json; it may be incomplete. kills: a kill matrix as `kills.summarised` gives it, if it shall be shown.
    """
    sections = {
        "profiles": profiles_section(report),
        "capabilities": capabilities_section(report),
        "conventions": conventions_section(report),
        "remarks": remarks_section(report),
        "faults": faults_section(kills, report.attnspec),
        "environment": environment_section(report),
    }
    shown = ("causes", "laws", *(name for name, said in sections.items() if said is not None))
    return written(
        "page.html",
        head=head(report),
        banners=banners(report),
        causes=causes_section(report),
        sections=[(name, said) for name, said in sections.items() if said is not None],
        contents=[(name, TITLES.get(name, name)) for name in shown],
        css=_joined(STYLES, "css"),
        data=embedded(page_data(report)),
        script=_joined(SCRIPTS, "js"),
    )


def _joined(names: tuple[str, ...], suffix: str) -> str:
    return "".join(files(__package__).joinpath(f"{name}.{suffix}").read_text(encoding="utf-8") for name in names)

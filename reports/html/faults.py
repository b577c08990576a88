"""The fault kill matrix of the suite: what a report's laws are worth against known mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...spec.operations import faults as known_faults
from ..wording import counted
from .markup import code, escape, glyph, link, section, table

__all__ = ["faults_section"]


def faults_section(kills: Mapping[str, Any] | None, suite: Mapping[str, Any]) -> str:
    """Rates by dtype, survivors, and a row for each fault; empty where no matrix is given.

    suite: version and spec of the report. A matrix of other laws is shown, and says that it is one.
    """
    if kills is None:
        return ""
    budget, laws = kills["budget"], kills["laws"]
    about = (
        f"How the suite itself fares: each known mistake, made on purpose, and the laws that reject it, of {laws} laws "
        f"with {budget['examples']} problems each ({budget['name']})."
    )
    tried = kills["attnspec"]
    if tried["spec"] != suite["spec"]:
        about += f" It was tried with the spec {tried['spec']}, and this report was made with {suite['spec']}."
    rates = "".join(_rate(kills, dtype) for dtype in kills["dtypes"])
    known = known_faults()
    ordered = sorted(kills["faults"].items(), key=lambda item: all(part["killed_by"] for part in item[1].values()))
    rows = [[_name(name, known.get(name)), *(_cell(parts.get(d), laws) for d in kills["dtypes"])] for name, parts in ordered]
    body = table(["known mistake", *kills["dtypes"]], rows, "faults")
    folded = f"<details><summary>All {len(rows)} known mistakes</summary>{body}</details>"
    return section("faults", "Known mistakes", f'<div class="rates">{rates}</div>{folded}', about)


def _rate(kills: Mapping[str, Any], dtype: str) -> str:
    parts = {name: fault[dtype] for name, fault in kills["faults"].items() if dtype in fault}
    survivors = [name for name, part in parts.items() if not part["killed_by"]]
    caught = len(parts) - len(survivors)
    share = 100 * caught / len(parts) if parts else 0.0
    told = f"survivors: {', '.join(survivors)}" if survivors else "none survives"
    return (
        f'<div class="rate"><p><b>{caught}</b> of {len(parts)} rejected in {escape(dtype)}</p>'
        f'<div class="bar"><i style="width:{share:.1f}%"></i></div><p class="quiet">{escape(told)}</p></div>'
    )


def _name(name: str, entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return code(name)
    where = link(entry["links"][0], name) if entry["links"] else escape(name)
    return f"<code>{where}</code><small>{escape(entry['title'])}</small>"


def _cell(part: Mapping[str, Any] | None, laws: int) -> str:
    if part is None:
        return '<span class="quiet">cannot be told from rounding</span>'
    if not part["killed_by"]:
        return f'<span class="said fail">{glyph("fail")}survives</span>'
    share = 100 * part["killed_by"] / laws
    told = f"{counted(part['killed_by'], 'law')}<small>first {escape(part['law'])}, problem {part['problem']}</small>"
    return f'<div class="bar small"><i style="width:{share:.1f}%"></i></div>{told}'

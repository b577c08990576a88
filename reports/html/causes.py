"""What went wrong, by cause: a card each, the worst first, the first ones open. What a reader opens the report for.

Each card and each line in it carries the numbers of its results, so that the filter of the page leaves only what fits.
All of it stands as text without scripts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..causes import Cause, causes
from ..diagnosis import evidence
from ..findings import given_up, replay_command
from ..wording import counted
from .markup import address, copied, escape, glyph, linked, links, names

__all__ = ["causes_section"]

OPEN = 1
"""Cards that are open: the first screen shows what the worst is and, in a line each, what else there is."""

CARDS = 100
"""Cards on the page; a run with more causes than that is looked into by the grid."""

LINES = 24
"""Laws that are listed in a card; the grid has all."""

Report = Mapping[str, Any]


def causes_section(report: Report) -> str:
    """The section; where nothing failed, one sentence."""
    found, lost = causes(report), given_up(report)
    told = [f"{counted(len(found) - CARDS, 'further cause')}, in the grid."] if len(found) > CARDS else []
    told += [f"{counted(n, 'result')} {why}" for why, n in lost.items()]
    if not found and not lost:
        return f'<section id="causes" class="none"><p>{_nothing(report)}</p></section>'
    places = {id(row): n for n, row in enumerate(report["results"])}
    new, known = ([cause for cause in found[:CARDS] if bool(cause.known) == expected] for expected in (False, True))
    cards = _list([_card(cause, report, places, opened=n < OPEN and cause.level == "must") for n, cause in enumerate(new)])
    cards += _expected([_card(cause, report, places, opened=False) for cause in known])
    rest = "".join(f'<p class="quiet">{escape(line)}</p>' for line in told)
    none = '<p class="quiet" id="nocause" hidden>No cause fits this filter.</p>'
    return f'<section id="causes"><h2>Causes</h2>{cards}{none}{rest}</section>'


def _list(cards: Sequence[str]) -> str:
    return f'<ol class="causes">{"".join(cards)}</ol>' if cards else ""


def _expected(cards: Sequence[str]) -> str:
    """What a baseline expects is folded: somebody has looked at it, and it does not decide."""
    if not cards:
        return ""
    told = f"{counted(len(cards), 'cause')} that the baseline expects, with the reasons"
    return f'<details class="expected"><summary>{told}</summary>{_list(cards)}</details>'


def _nothing(report: Report) -> str:
    if not report["results"]:
        return "No result came, so nothing was found."
    if not report["complete"]:
        return "Among the results that came no law failed, and none was left without an answer."
    return "No law failed, and none was left without an answer."


def _card(cause: Cause, report: Report, places: Mapping[int, int], *, opened: bool) -> str:
    verdict = "known" if cause.known else cause.first["verdict"]
    numbers = ",".join(str(places[id(row)]) for row in cause.rows)
    name = f"<code>{escape(cause.name)}</code>" if cause.fault else escape(cause.name[:1].upper() + cause.name[1:])
    breaks = f'<span class="breaks">{escape(_breaks(cause))}</span>'
    summary = f"<summary>{glyph(verdict)}<h3>{name}</h3>{_sentence(cause)}{breaks}</summary>"
    picture = _picture(cause, places)
    body = f"{_case(cause, report)}{picture}{_laws(cause, places)}"
    flag = " open" if opened else ""
    return f'<li class="{verdict}" data-rows="{numbers}"><details{flag}>{summary}<div class="card">{body}</div></details></li>'


def _sentence(cause: Cause) -> str:
    known = f'<span class="known">known: {linked(cause.known)}</span>' if cause.known else ""
    return known + (f'<span class="sentence">{escape(cause.sentence)}</span>' if cause.sentence else "")


def _breaks(cause: Cause) -> str:
    level = "" if cause.level == "must" else f" ({cause.level})"
    return f"{counted(len(cause.laws), 'law')}{level} · {names(cause.implementations)} · {', '.join(cause.dtypes)}"


def _case(cause: Cause, report: Report) -> str:
    """The smallest case, once: what was found, where, and how to see it again."""
    row, law = cause.first, report["laws"][cause.first["law"]]
    entries = [("found", f'<span class="found">{escape(row["message"] or row["verdict"])}</span>')]
    if cause.worst_found:
        entries.append(("before shrinking", escape(str(cause.worst_found.get("message", "")))))
    if cause.where:
        entries.append(("where", escape("; ".join(cause.where))))
    if cause.diagnosis.get("ranked"):
        named = _named(cause)
        said = escape(evidence(cause.diagnosis["how"], named))
        entries.append(("why this name", said) if cause.fault else ("looks like", f"{escape(named['fault'])}: {said}"))
    if cause.diagnosis.get("arithmetic"):
        entries.append(("rounding", escape(cause.diagnosis["arithmetic"]["sentence"])))
    if cause.also:
        entries.append(("equally likely", escape(", ".join(cause.also))))
    if cause.links:
        entries.append(("seen before", links(cause.links)))
    if row.get("case"):
        made = next(each for each in report["implementations"] if each["name"] == row["implementation"])
        entries.append(("replay", copied(replay_command(row["case"], law, made["address"]))))
    return '<dl class="case">' + "".join(f"<div><dt>{name}</dt><dd>{said}</dd></div>" for name, said in entries) + "</dl>"


def _named(cause: Cause) -> Mapping[str, Any]:
    ranked: Sequence[Mapping[str, Any]] = cause.diagnosis["ranked"]
    return next((entry for entry in ranked if entry["fault"] == cause.fault), ranked[0])


def _laws(cause: Cause, places: Mapping[int, int]) -> str:
    """A line for each law and implementation, the dtypes together."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in cause.rows:
        groups.setdefault((row["law"], row["implementation"]), []).append(row)
    items = [_line(rows, cause, places) for rows in list(groups.values())[:LINES]]
    if len(groups) > LINES:
        items.append(f'<li class="quiet">{len(groups) - LINES} more in the grid.</li>')
    return f'<ul class="laws">{"".join(items)}</ul>'


def _line(rows: Sequence[Mapping[str, Any]], cause: Cause, places: Mapping[int, int]) -> str:
    """What the head of the card does not already say of all."""
    row = rows[0]
    numbers = ",".join(str(places[id(each)]) for each in rows)
    dtypes = dict.fromkeys(each["dtype"] for each in rows)
    told = [row["level"]] if row["level"] != cause.level else []
    told += [row["implementation"]] if len(cause.implementations) > 1 else []
    told += dtypes if len(cause.dtypes) > 1 else []
    verdict = "known" if row.get("known") else row["verdict"]
    return (
        f'<li data-rows="{numbers}"><a href="{escape(address(row))}">{glyph(verdict)}<span>{escape(row["law"])}</span></a>'
        f"<small>{escape(', '.join(told))}</small></li>"
    )


def _picture(cause: Cause, places: Mapping[int, int]) -> str:
    """A place for the picture, which a script draws from the data; without one, the mask in letters."""
    if not cause.mask and not cause.diagnosis.get("pictures"):
        return ""
    text = f'<pre class="mask">{escape(chr(10).join(cause.mask))}</pre>' if cause.mask else ""
    return f'<div class="picture" data-picture="{places[id(cause.first)]}">{text}</div>'

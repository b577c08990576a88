"""JUnit XML, which every CI system shows: a suite for each implementation, a test for each law in each dtype.

There is no standard, so what is written is what Jenkins, GitLab, GitHub's actions and pytest agree on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ..profiles import verdict_line
from ..schema import Report
from ..schema.setting import Implementation
from .standing import Standing, checks, source, standings

__all__ = ["junit_xml", "printable"]

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to say, not even escaped."""

ELEMENTS = {"failed": "failure", "error": "error", "skipped": "skipped"}


@dataclass(frozen=True)
class Test:
    """One testcase: its attributes without the time, how long it took, and how it stands."""

    attributes: Mapping[str, str]
    seconds: float
    stands: Standing


def junit_xml(report: Report) -> str:
    """The report as JUnit XML.

    A test is named by its law; its class is the implementation and the dtype, its file that of the implementation. A failure
    leads with the cause; the first of a cause has the whole card as its text. The suite `attnspec` is there where something is
    wrong with the run itself.
    """
    root = Element("testsuites", name=printable(f"attnspec: {verdict_line(report)}"))
    if unsound := list(_unsound(report)):
        _suite(root, report, "attnspec", unsound)
    stands = standings(report)
    for made in report.implementations:
        _suite(root, report, made.name, _laws(report, made, stands))
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    root.set("time", f"{report.seconds or sum(float(suite.get('time', '0')) for suite in root):.3f}")
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def printable(text: str) -> str:
    """The text with what XML forbids written as Python would: `\\x1b`."""
    return FORBIDDEN.sub(lambda found: f"\\x{ord(found[0]):02x}" if ord(found[0]) < 256 else f"\\u{ord(found[0]):04x}", text)


def _unsound(report: Report) -> Iterator[Test]:
    for check in checks(report):
        yield Test({"classname": "attnspec", "name": check.name}, 0.0, Standing("failed", check.trouble))


def _laws(report: Report, made: Implementation, stands: Sequence[Standing]) -> Iterator[Test]:
    for row, standing in zip(report.results, stands, strict=True):
        if row.implementation == made.name:
            attributes = {"classname": f"{made.name}.{row.dtype}", "name": row.law}
            attributes |= {"file": source(made)} if source(made) else {}
            yield Test(attributes, sum(float(spent) for spent in row.seconds.values()), standing)


def _suite(root: Element, report: Report, name: str, tests: Iterable[Test]) -> None:
    found = list(tests)
    kinds = Counter(test.stands.kind for test in found)
    suite = SubElement(root, "testsuite", name=printable(name), tests=str(len(found)))
    for key, kind in (("failures", "failed"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(kinds[kind]))
    suite.set("time", f"{sum(test.seconds for test in found):.3f}")
    if report.environment.time:
        suite.set("timestamp", report.environment.time[:19])
    properties = SubElement(suite, "properties")
    for key, value in _properties(report, name).items():
        SubElement(properties, "property", name=key, value=printable(value))
    for test in found:
        attributes = {key: printable(value) for key, value in test.attributes.items()}
        _say(SubElement(suite, "testcase", attributes, time=f"{test.seconds:.3f}"), test.stands)


def _properties(report: Report, name: str) -> dict[str, str]:
    """What a result depends on, and for an implementation what it conforms to."""
    budget, suite = report.budget, report.attnspec
    verdicts = {
        f"attnspec.conforms.{entry.profile}": "yes" if entry.conforms else f"no: {'; '.join(entry.reasons)}"
        for entry in report.verdicts
        if entry.implementation == name
    }
    return {
        "attnspec.verdict": verdict_line(report),
        **verdicts,
        "attnspec.version": suite.version,
        "attnspec.spec": suite.spec,
        "attnspec.budget": f"{budget.name}, {budget.examples} problems a law",
        "attnspec.seed": str(report.seed),
    }


def _say(case: Element, stands: Standing) -> None:
    if stands.kind == "passed":
        return
    said = printable(stands.reason)
    inner = SubElement(case, ELEMENTS[stands.kind], message=said)
    if stands.kind != "skipped":
        inner.set("type", stands.kind)
        inner.text = printable(stands.text) or said
    elif stands.text:
        SubElement(case, "system-out").text = printable(stands.text)

"""Markdown as a renderer of CommonMark with tables understands it: short, the worst first, and never too long."""

from __future__ import annotations

import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from attnspec.reports.formats import rendered
from attnspec.reports.formats.markdown import LIMIT, report_markdown
from attnspec.reports.record import Record

pytestmark = pytest.mark.long


def html(text: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(text)


def test_the_first_line_says_what_is_certified(report: Any, row: Any) -> None:
    text = rendered(Record.of(report([row("weights/a"), row("weights/b")])), "markdown")
    assert text.startswith("### ✅ attnspec: mine conforms to core\n")
    assert html(text).startswith("<h3>✅ attnspec: mine conforms to core</h3>")
    assert rendered(Record.of(report([row()], planned=2)), "markdown").startswith("### ❌ attnspec: INCOMPLETE: 1 of 2 results")


def test_the_table_is_a_table(mixed: Any) -> None:
    page = html(report_markdown(Record.of(mixed).report))
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page)
    assert page.count("<table>") == 1 and len(re.findall("<th[ >]", page)) == len(cells) == 8
    assert cells[:6] == ["<code>mine</code>", "1", "3", "1", "1", "1"]


def test_the_worst_comes_first_and_known_failures_last(mixed: Any) -> None:
    text = report_markdown(Record.of(mixed).report)
    summaries = [re.sub("<.*?>", "", line) for line in re.findall(r"<summary>(.*?)</summary>", text)]
    assert summaries[0] == "scale-ignored: No scale. weights/fail on mine in float32"
    assert [line.split(" on mine")[0] for line in summaries[1:4]] == [
        "raises KeyError: 1 weights/error", "off by 3 weights/known", "lax (should) heads/c"
    ]  # fmt: skip
    assert "(known: slow path)" in summaries[2] and "#### 4 causes" in text
    assert text.count("<details open>") == 1 and text.index("<details open>") < text.index("scale-ignored")


def test_one_implementation_does_not_take_the_place_of_another(report: Any, row: Any, plan: dict[str, Any]) -> None:
    made = plan["implementations"][0]
    plan["implementations"] = [made, {**made, "name": "other"}]
    plan["laws"] = {f"weights/{n}": plan["laws"]["weights/a"] for n in range(30)}
    rows = [row(f"weights/{n}", "fail", message=f"law{chr(97 + n)}") for n in range(26)]
    rows += [row("weights/29", "fail", implementation="other")]
    text = report_markdown(Record.of(report(rows)).report)
    folds = [re.sub("<.*?>", "", line) for line in re.findall(r"<summary>(.*?)</summary>", text)]
    assert [line.split(" in ")[0] for line in folds[:6]] == [
        *(f"law{chr(97 + n)} weights/{n} on mine" for n in range(4)), "off by 3 weights/29 on other", "22 more"
    ]  # fmt: skip
    assert text.count("\n- `law") == 22 and html(text).count("<li><code>law") == 22 and "left out" not in text


def test_folds_are_closed_and_what_others_wrote_is_text(mixed: Any) -> None:
    text = rendered(Record.of(mixed), "markdown")
    page = html(text)
    assert text.count("<details") == text.count("</details>") > 4
    assert page.count("<details") == page.count("</details>") == text.count("<details")
    assert page.count("<pre>") == page.count("</pre>") == 4
    assert "&lt;b&gt;bold&lt;/b&gt;" in page and "<b>" not in page and "\\udcff" in text
    outside = re.sub(r"<pre>.*?</pre>|<code>.*?</code>", "", page, flags=re.DOTALL)
    assert "@someone" not in outside


def test_conventions_and_reasons_are_folded(report: Any, row: Any) -> None:
    conventions = {"mine": {"empty_rows": {"choice": "zeros", "how": "probed"}}}
    text = report_markdown(
        Record.of(report([row("weights/a"), row("weights/b", "not-claimed")], conventions=conventions)).report
    )
    assert "<details><summary>conventions: 1</summary>" in text and "empty\\_rows zeros (probed)" in text
    assert "mine to core: weights/b is not claimed" in text


@pytest.mark.parametrize("many", [200, 3000])
def test_a_long_report_says_what_it_leaves_out(report: Any, row: Any, plan: dict[str, Any], many: int) -> None:
    laws = [f"weights/{n}" for n in range(many)]
    plan["laws"] = {law: {**plan["laws"]["weights/a"]} for law in laws}
    letters = [f"{chr(97 + n // 676)}{chr(97 + n // 26 % 26)}{chr(97 + n % 26)}" for n in range(many)]
    rows = [
        row(law, "fail", message=f"{name} ≈ " * 60, details=["≈ " * 400] * 12) for law, name in zip(laws, letters, strict=True)
    ]
    text = report_markdown(Record.of(report(rows)).report)
    assert len(text.encode()) <= LIMIT < 65_536
    [left] = re.findall(r"\*\*(\d+) more causes left out here\*\*: all are in report.json", text)
    told = text.count("<details open><summary><code>") + text.count("<details><summary><code>") + text.count("\n- `")
    assert told > 10 and int(left) + told == many
    assert text.count("<details") == text.count("</details>")
    assert "<sub>attnspec" in text


def test_many_implementations_are_cut_in_words(report: Any, row: Any, plan: dict[str, Any]) -> None:
    made = plan["implementations"][0]
    plan["implementations"] = [{**made, "name": f"kernel-{n}"} for n in range(300)]
    rows = [row(implementation=f"kernel-{n}", verdict="fail" if n == 250 else "pass") for n in range(300)]
    text = report_markdown(Record.of(report(rows)).report)
    table = [line for line in text.splitlines() if line.startswith("| `")]
    assert table[0].startswith("| `kernel-250`") and "| and 260 more |" in text and len(text.encode()) <= LIMIT


def test_what_was_decided_and_refused_stands_at_the_head(report: Any, row: Any) -> None:
    made = report([row("weights/a"), row("heads/c", "not-claimed")])
    made["implementations"][0]["refusals"] = [{"sentence": "does not take Sk = 0", "words": "ValueError: <no>"}]
    head = report_markdown(Record.of(made).report).partition("| implementation")[0]
    assert "- mine: decided 1 of 2 laws" in head
    assert "does not take Sk = 0: ValueError: " in head and "<no>" not in head

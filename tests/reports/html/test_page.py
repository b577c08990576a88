"""The page says what the report says, escapes it, fetches nothing and stays small."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attnspec.reports.html import html_page
from attnspec.reports.html.data import OCTAVE, VERDICTS, ZERO, embedded, page_data
from attnspec.reports.record import Record
from attnspec.reports.schema import Summary, checked

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[3]
Report = dict[str, Any]
Read = Callable[[str], Any]


def test_a_run_that_did_not_end_is_loud(read: Read, making: Any) -> None:
    page = read(html_page(Record.of(making.nasty("quick", planned=9)).report))
    assert page.text.count("This run did not end.") == 1 and "7 of 9 results" in page.text
    assert "quick: not a conformance result." in page.text
    assert ("div", {"class": "banner fail", "role": "alert"}) in page.elements
    assert "This run did not end." not in html_page(Record.of(making.nasty()).report)


def test_problems_of_a_baseline_are_told(small: Report, read: Read) -> None:
    small["baseline_problems"] = ["entry one expired"]
    assert "entry one expired" in read(html_page(Record.of(small).report)).text
    small["baseline_problems"] *= 30
    text = read(html_page(Record.of(small).report)).text
    assert "30 problems" in text and text.count("entry one expired") == 30


def test_what_others_wrote_never_becomes_markup(small: Report, read: Read, making: Any) -> None:
    small["implementations"][0]["notes"] = [making.NASTY]
    text = html_page(Record.of(small).report)
    page = read(text)
    assert len(page.scripts) == 2 and "alert(1)" not in page.scripts[1]
    assert (
        making.NASTY in page.text and making.NASTY in page.data["texts"] and page.data["laws"][0]["statement"] == making.NASTY
    )
    assert "<b>bold" not in text and "javascript:" not in "".join(page.attributes("href"))
    assert not [value for name in ("onclick", "onload", "onerror") for value in page.attributes(name)]


def test_nothing_is_fetched(small: Report, read: Read) -> None:
    kills = json.loads((ROOT / "docs/data/faults-quick.json").read_text(encoding="utf-8"))
    text = html_page(Record.of(small).report, kills=checked(kills, Summary, "the summary"))
    page = read(text)
    assert not page.attributes("src") and not page.attributes("srcset")
    assert {tag for tag, given in page.elements if "href" in given} == {"a"}
    assert not re.search(r"@import|url\(", text)
    policy = next(given for tag, given in page.elements if given.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in str(policy["content"])
    assert not re.search(r"\b(fetch|XMLHttpRequest|import)\s*\(", page.scripts[1])


def test_columns_hold_every_result(small: Report, read: Read, making: Any) -> None:
    data = read(html_page(Record.of(small).report)).data
    rows = data["rows"]
    assert [VERDICTS[int(digit)] for digit in rows["verdict"]] == [row["verdict"] for row in small["results"]]
    for n, row in enumerate(small["results"]):
        assert data["laws"][rows["law"][n]]["id"] == row["law"]
        assert data["dtypes"][rows["dtype"][n]] == row["dtype"]
        assert data["implementations"][rows["implementation"][n]]["name"] == row["implementation"]
        assert data["texts"][rows["message"][n]] == row["message"]
        start = f"{row['law']}?dtype={row['dtype']}"
        case = row["worst_case"] and start + data["texts"][rows["worst"][n]]
        assert case == row["worst_case"]
    assert rows["ratio"][1] == "inf" and rows["ratio"][3] is None
    assert data["more"]["5"]["known"].startswith(making.NASTY)
    assert data["texts"][rows["reasons"][6]] == "window is not an option (3 problems)"


def test_points_of_the_plot_keep_keys_and_ratio(small: Report) -> None:
    data = page_data(Record.of(small).report)
    packed = data["texts"][data["rows"]["points"][0]]
    points = [(data["keys"][int(packed[n : n + 2], 36)], int(packed[n + 2 : n + 4], 36)) for n in range(0, len(packed), 4)]
    assert points == [(1, ZERO - 3 * OCTAVE), (33, ZERO - 2 * OCTAVE)]


def test_an_error_that_is_nan_or_infinite_stands_at_the_top_of_the_plot(small: Report) -> None:
    small["results"][0]["ratios_over_keys"] = [[1, 0], [2, "nan"], [3, "inf"]]
    data = page_data(Record.of(small).report)
    packed = data["texts"][data["rows"]["points"][0]]
    assert [packed[n + 2 : n + 4] for n in range(0, len(packed), 4)] == ["00", "zz", "zz"]


def test_a_diagnosis_keeps_its_pictures(small: Report, making: Any) -> None:
    import base64

    found = page_data(Record.of(small).report)["more"]["1"]["diagnosis"]
    assert (
        found["fault"] == "causal-off-by-one"
        and found["said"] == "reproduces this kernel's output on 24/24 problems (19 incorrect)"
    )
    bits = "".join(f"{byte:08b}" for byte in base64.b64decode(found["pictures"]["mask_read"]))
    assert bits[:18] == "".join(making.PICTURES["mask_read"]) and len(bits) == 24
    assert base64.b64decode(found["pictures"]["weights_read"]).hex() == "".join(making.PICTURES["weights_read"])


def test_nan_and_infinity_of_a_picture_have_planes_of_their_own(small: Report, making: Any) -> None:
    import base64

    first = page_data(Record.of(small).report)["more"]["1"]["diagnosis"]["pictures"]
    assert not {"mask_nan", "mask_infinite", "infinite"} & set(first)
    strange = {**making.PICTURES, "mask_read": ["n10000000", "110i00001"], "infinite": ["000000000", "000100000"]}
    small["results"][1]["diagnosis"]["pictures"] = strange
    packed = page_data(Record.of(small).report)["more"]["1"]["diagnosis"]["pictures"]
    bits = {name: "".join(f"{byte:08b}" for byte in base64.b64decode(packed[name]))[:18] for name in packed if "mask" in name}
    assert bits["mask_nan"] == "1" + "0" * 17 and bits["mask_infinite"] == "0" * 12 + "1" + "0" * 5
    assert bits["mask_read"] == "010000000110000001" and base64.b64decode(packed["infinite"])[1] == 0b00001000


def test_replay_commands_are_those_of_the_terminal(small: Report) -> None:
    laws = page_data(Record.of(small).report)["laws"]
    assert laws[0]["replay"] == "attnspec replay CASE ADDRESS"
    assert laws[1]["replay"] == "attnspec replay CASE ADDRESS --laws-file 'my laws.yaml'"


def test_the_kill_matrix_is_shown_where_given(small: Report, read: Read) -> None:
    part = {"killed_by": 3, "law": "weights/a", "problem": 1, "seconds": 0.1}
    made = {
        **{key: small[key] for key in ("format", "attnspec", "environment", "seed")},
        "budget": {"name": "quick", "examples": 12},
        "dtypes": ["float32"],
        "seconds": 1,
        "laws": 12,
        "faults": {"scale-twice": {"float32": part}, "of-my-own": {"float32": {"killed_by": 0}}},
    }
    kills = checked(made, Summary, "the summary")
    text = read(html_page(Record.of(small).report, kills=kills)).text
    assert "1 of 2 rejected in float32" in text and "survivors: of-my-own" in text
    assert "The scale is applied to the queries and to the keys, and so twice." in text
    assert text.index("of-my-own", text.index("All 2")) < text.index("scale-twice", text.index("All 2"))
    assert 'id="faults"' not in html_page(Record.of(small).report) and "It was tried with the spec" not in text
    kills.attnspec.spec = "0" * 16
    text = read(html_page(Record.of(small).report, kills=kills)).text
    assert f"It was tried with the spec {'0' * 16}, and this report was made with" in text


def test_a_report_without_optional_fields_is_shown(small: Report, read: Read) -> None:
    for row in small["results"]:
        for key in ("ratios_over_keys", "diagnosis", "certificate", "simplest", "script"):
            row.pop(key, None)
    for each in small["laws"].values():
        del each["sources"]
    small["results"] = small["results"][:2]
    assert len(read(html_page(Record.of(small).report)).data["rows"]["law"]) == 2
    small["results"] = []
    assert read(html_page(Record.of(small).report)).data["rows"]["law"] == []


def test_no_finding_is_not_said_to_be_good_where_nothing_or_not_everything_came(small: Report, read: Read) -> None:
    passed = [row for row in small["results"] if row["verdict"] == "pass"]
    for results, complete, said in (
        (passed, True, "No law failed"),
        (passed, False, "Among the results that came no law failed"),
        ([], False, "No result came, so nothing was found."),
    ):
        text = read(html_page(Record.of({**small, "results": results, "complete": complete}).report)).text
        assert said in text and ("No law failed" in text) == complete and "<h2>Causes" not in text
    lost = {**passed[0], "verdict": "error", "message": "not run: one crashed or hung 3 times in this run"}
    text = read(html_page(Record.of({**small, "results": [lost]}).report)).text
    assert "1 result not run: one crashed" in text and "No law failed" not in text


def test_twenty_thousand_results_stay_below_five_megabytes(many: Report) -> None:
    assert len(many["results"]) == 20_000
    start = time.process_time()
    page = html_page(Record.of(many).report)
    assert time.process_time() - start < 20
    assert len(page.encode()) < 5_000_000


def test_data_cannot_end_its_element() -> None:
    text = embedded(["</script>", "<!--"])
    assert "<" not in text and json.loads(text) == ["</script>", "<!--"]


@pytest.mark.parametrize("suffix", ["css", "js", "html", "py"])
def test_no_file_of_the_page_is_long(suffix: str) -> None:
    files = list((ROOT / "reports" / "html").rglob(f"*.{suffix}"))
    assert files and all(len(file.read_text(encoding="utf-8").splitlines()) <= 400 for file in files)

"""`attnspec run` on implementations that fail in every way there is: each is reported for what it does, the others live."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attnspec.reports.write import read_report, read_results

pytestmark = pytest.mark.long

LAWS = ("weights/sum-to-one", "weights/as-defined", "weights/negated-values", "weights/never-negative")
QUICK = ("--examples", "2", "--timeout", "6", "-j1", *(f"--laws={law}" for law in LAWS))


@pytest.fixture(scope="module")
def everything(attnspec: Any, kernels: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """One run of all kernels: the finished process and its output folder."""
    out = tmp_path_factory.mktemp("out")
    return attnspec("run", str(kernels), *QUICK, "--out", str(out), cwd=kernels.parent, timeout=120), out


@pytest.fixture(scope="module")
def rows(everything: tuple[Any, Path]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_report(everything[1])["results"]
    return found


def of(rows: list[dict[str, Any]], implementation: str) -> dict[str, dict[str, Any]]:
    return {row["law"]: row for row in rows if row["implementation"] == implementation}


def test_every_result_is_there(everything: tuple[Any, Path], rows: list[dict[str, Any]]) -> None:
    assert len(rows) == 8 * len(LAWS)
    assert len({(row["implementation"], row["law"]) for row in rows}) == len(rows)
    streamed = read_results(everything[1])
    assert sorted(map(str, streamed)) == sorted(map(str, rows))
    assert everything[0].returncode == 1, everything[0].stderr


def test_the_good_one_is_unharmed(rows: list[dict[str, Any]]) -> None:
    assert {row["verdict"] for row in of(rows, "good").values()} == {"pass"}


def test_a_wrong_one_fails(rows: list[dict[str, Any]]) -> None:
    row = of(rows, "unscaled")["weights/as-defined"]
    assert row["verdict"] == "fail" and row["case"].startswith("weights/as-defined?")
    assert row["worst_ratio"] == "inf" or float(row["worst_ratio"]) > 1


def test_raising(rows: list[dict[str, Any]]) -> None:
    for row in of(rows, "raises").values():
        assert row["verdict"] == "error" and "RuntimeError: no kernel [for] this shape" in row["message"]


def test_the_wrong_shape(rows: list[dict[str, Any]]) -> None:
    row = of(rows, "misshapen")["weights/as-defined"]
    assert row["verdict"] == "fail" and "shape" in row["message"]


def test_nan(rows: list[dict[str, Any]]) -> None:
    row = of(rows, "nan")["weights/as-defined"]
    assert row["verdict"] == "fail" and "nan" in (row["message"] + str(row["details"])).lower()


def test_segfaults(rows: list[dict[str, Any]]) -> None:
    found = list(of(rows, "segfaults").values())
    assert all(row["verdict"] == "error" for row in found)
    crashed = [row for row in found if "crashed (host died of SIGSEGV) while running" in row["message"]]
    assert len(crashed) == 3 and all(row["case"] in row["message"] for row in crashed)
    assert any("kernels.py" in line and "segfaults" in line for line in crashed[0]["details"])
    assert [row["message"] for row in found if row not in crashed] == ["not run: segfaults crashed or hung 3 times in this run"]


def test_hangs(rows: list[dict[str, Any]]) -> None:
    found = list(of(rows, "hangs").values())
    hung = [row for row in found if row["message"].startswith("hung: no answer for ")]
    assert len(hung) == 2 and all(row["case"] in row["message"] for row in hung)
    assert any("in hangs" in line for line in hung[0]["details"])


def test_exits(rows: list[dict[str, Any]]) -> None:
    for row in of(rows, "exits").values():
        assert row["verdict"] == "error" and "3" in row["message"]


def test_the_text_says_it_all(everything: tuple[Any, Path]) -> None:
    text, errors = everything[0].stdout, everything[0].stderr
    assert "quick: not a conformance result" in text
    assert "must-laws failed or had no answer" in text.splitlines()[-2]
    assert "attnspec replay 'weights/as-defined?" in text
    assert "RuntimeError: no kernel [for] this shape" in text
    assert errors == "" and "INTERNALERROR" not in text


def test_the_report_keeps_its_schema(everything: tuple[Any, Path]) -> None:
    import jsonschema

    from attnspec.reports import __file__ as here

    schema = json.loads((Path(here).parent / "schema" / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    report = read_report(everything[1])
    jsonschema.Draft202012Validator(schema).validate(report)
    assert report["complete"] and report["seed"] == 0 and report["budget"]["examples"] == 2
    good = next(made for made in report["implementations"] if made["name"] == "good")
    assert good["address"].endswith("kernels.py:good")
    assert {entry["how"] for entry in good["conventions"].values()} <= {"declared", "probed", "assumed"}
    assert good["conventions"]


def test_nothing_of_the_users_pytest_matters(attnspec: Any, kernels: Path, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n", encoding="utf-8")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('a conftest was loaded')\n", encoding="utf-8")
    done = attnspec(
        "run", f"{kernels}:good", "--laws=weights/sum-to-one", "--examples=2", "-j1", cwd=tmp_path, PYTEST_ADDOPTS="--bogus"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "every claimed must-law holds"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["conftest.py", "pytest.ini"]


def test_first_leaves_an_implementation(attnspec: Any, kernels: Path, tmp_path: Path) -> None:
    done = attnspec("run", f"{kernels}:raises", f"{kernels}:good", *QUICK, "--first", "--out", "out", cwd=tmp_path)
    found = read_report(tmp_path / "out")["results"]
    assert done.returncode == 1
    assert len(of(found, "raises")) == 1 and len(of(found, "good")) == len(LAWS)


def test_nothing_claimed_is_red(attnspec: Any, kernels: Path, tmp_path: Path) -> None:
    done = attnspec("run", f"{kernels}:good", "--laws=causal/as-defined", "--examples=2", "-j0", cwd=tmp_path)
    assert done.returncode == 2
    assert "nothing was decided: 1 not-claimed" in done.stdout


def test_a_baseline_turns_known_failures_green_and_goes_stale(attnspec: Any, kernels: Path, tmp_path: Path) -> None:
    entry = "- {law: weights/as-defined, implementation: %s, reason: no scale yet}\n"
    (tmp_path / "known.yaml").write_text(entry % "unscaled", encoding="utf-8")
    law = ("--laws=weights/as-defined", "--examples=2", "-j0", "--baseline=known.yaml")
    done = attnspec("run", f"{kernels}:unscaled", *law, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no scale yet" in done.stdout
    (tmp_path / "known.yaml").write_text(entry % "good", encoding="utf-8")
    done = attnspec("run", f"{kernels}:good", *law, cwd=tmp_path)
    assert done.returncode == 1
    assert "now passes on good" in done.stdout and done.stdout.splitlines()[-1] == "the baseline is out of date"


def test_a_kernel_that_ends_the_process_is_no_defect_of_the_kit(attnspec: Any, tmp_path: Path) -> None:
    (tmp_path / "exits.py").write_text(
        "import sys\n\ndef attend(q, k, v, *, causal=False):\n    sys.exit(3)\n", encoding="utf-8"
    )
    done = attnspec(
        "run", "exits.py", "--laws=masks/nan-stays-contained", "--laws=causal/as-defined", "-j0", "-q", cwd=tmp_path
    )
    assert done.returncode == 1 and "defect of the kit" not in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert "called sys.exit(3)" in done.stdout
    asked = attnspec("doctor", "exits.py", cwd=tmp_path)
    assert asked.returncode == 2 and "the implementation called sys.exit(3)" in asked.stderr

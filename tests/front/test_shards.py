"""`--shard I/N`: disjoint parts that together are the whole, from the command line and from pytest, and merged again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from attnspec.conformance.selection import Mistake, find_targets, make_plan
from attnspec.reports.write import read_report

pytestmark = pytest.mark.long

LAWS = ("weights/as-defined", "weights/never-negative", "weights/sum-to-one", "causal/as-defined", "interface/inputs-stay")
FIVE = ("--examples=2", "-j0", *(f"--laws={law}" for law in LAWS))


def shards(of: int, **how: Any) -> list[list[tuple[str, str, str]]]:
    targets = find_targets(["numpy/naive,numpy/flash"])
    plans = [make_plan(targets, shard=f"{n}/{of}", **how) for n in range(1, of + 1)]
    return [[case.key for case in plan.cases()] for plan in plans]


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_parts_are_disjoint_balanced_and_together_the_whole(of: int) -> None:
    whole = [case.key for case in make_plan(find_targets(["numpy/naive,numpy/flash"])).cases()]
    parts = shards(of)
    assert sorted(key for part in parts for key in part) == sorted(whole)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert parts == shards(of)
    order = {key: n for n, key in enumerate(whole)}
    assert all(part == sorted(part, key=order.__getitem__) for part in parts)
    for implementation, dtype in {key[1:] for key in whole}:
        share = [Counter(key[1:] for key in part)[implementation, dtype] for part in parts]
        assert max(share) - min(share) <= 1, "each shard has its share of every implementation and dtype"


@pytest.mark.parametrize("text", ["3/2", "0/2", "1", "a/b", "1/0", "-1/2"])
def test_a_shard_that_is_none_is_named(text: str) -> None:
    with pytest.raises(Mistake, match="a shard is I/N with I from 1 to N, as 2/3, not"):
        make_plan(find_targets(["numpy/naive"]), shard=text)


def test_shards_are_run_and_merged(attnspec: Any, kernels: Path, tmp_path: Path) -> None:
    run = ("run", f"{kernels}:good", f"{kernels}:unscaled", *FIVE)
    for n in (1, 2):
        done = attnspec(*run, f"--shard={n}/2", f"--out=part-{n}", cwd=tmp_path)
        assert f"shard {n}/2: certifies nothing by itself" in done.stdout, done.stderr
    (tmp_path / "elsewhere").mkdir()  # Where failures of the shards are not tried first.
    assert attnspec(*run, "--out=../whole", cwd=tmp_path / "elsewhere").returncode == 1
    done = attnspec("report", "merge", "part-1", "part-2", "--out=both", "--format=markdown", "--format=badge", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr == ""
    both, whole = read_report(tmp_path / "both"), read_report(tmp_path / "whole")
    assert both["complete"] and "quick: not a conformance result" in done.stdout
    for one, two in zip(both["results"], whole["results"], strict=True):
        own = [{key: value for key, value in row.items() if key not in ("seconds", "diagnosis")} for row in (one, two)]
        assert own[0] == own[1]
        assert one["script"] == "" or (tmp_path / "both" / one["script"]).is_file()
    assert any(row["script"] for row in both["results"])
    assert both["implementations"] == whole["implementations"] and both["implementations"][0]["conventions"]
    assert (tmp_path / "both" / "badge.svg").exists() and (tmp_path / "both" / "report.md").exists()

    done = attnspec("report", "merge", "part-2", "--out=half", cwd=tmp_path)
    assert done.returncode == 1 and "shard 1/2 missing" in done.stdout
    done = attnspec(*run[:2], *FIVE, "--seed=3", "--shard=2/2", "--out=other", cwd=tmp_path)
    done = attnspec("report", "merge", "part-1", "other", "--out=no", cwd=tmp_path)
    assert done.returncode == 2 and "part-1 and other have different seeds: 0 and 3" in done.stderr
    assert not (tmp_path / "no").exists()


def test_an_empty_shard_is_green_alone_and_merged_nothing_is_red(attnspec: Any, kernels: Path, tmp_path: Path) -> None:
    run = ("run", f"{kernels}:good", "--laws=causal/as-defined", "--examples=2", "-j0")
    codes = []
    for n in (1, 2):
        done = attnspec(*run, f"--shard={n}/2", f"--out=part-{n}", cwd=tmp_path)
        codes.append(done.returncode)
        said = "nothing was decided" if done.returncode else f"shard {n}/2 is empty: the 1 result of this run fall"
        assert said in done.stdout, done.stdout + done.stderr
    assert sorted(codes) == [0, 2]
    done = attnspec("report", "merge", "part-1", "part-2", "--out=both", cwd=tmp_path)
    assert done.returncode == 2 and "nothing was decided: 1 not-claimed" in done.stdout


def test_pytest_shards(run_laws_in_pytest: Any, kernels: Path, tmp_path: Path) -> None:
    options = ("--pyargs", "attnspec.spec", f"--impl={kernels}:good", *(f"--laws={law}" for law in LAWS), "--examples=2")
    names = []
    for n in (1, 2):
        done = run_laws_in_pytest(*options, f"--attnspec-shard={n}/2", "--collect-only", "-q", cwd=tmp_path)
        names.append([line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line])
    assert sorted(names[0] + names[1]) == sorted(f"{law}[good-float32]" for law in LAWS)
    done = run_laws_in_pytest(*options, "--attnspec-shard=3/2", cwd=tmp_path)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR and "a shard is I/N" in done.stderr
    done = run_laws_in_pytest(*options, "--attnspec-shard=2/2", "-n1", cwd=tmp_path)
    assert done.returncode == 0 and "shard 2/2: certifies nothing by itself" in done.stdout


def test_pytest_is_green_on_an_empty_shard_and_red_on_nothing_decided(
    run_laws_in_pytest: Any, kernels: Path, tmp_path: Path
) -> None:
    options = ("--pyargs", "attnspec.spec", f"--impl={kernels}:good", "--laws=causal/as-defined", "--examples=2")
    ended = [run_laws_in_pytest(*options, f"--attnspec-shard={n}/2", cwd=tmp_path) for n in (1, 2)]
    green, red = sorted(ended, key=lambda done: done.returncode)
    assert green.returncode == 0 and "is empty: the 1 result" in green.stdout
    assert red.returncode == 1 and "nothing was decided: 1 not-claimed" in red.stdout

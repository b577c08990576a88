"""What a kernel does to its process befalls no other kernel of the run, and is told as what it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from attnspec.reports.write import read_report

pytestmark = pytest.mark.long

KERNELS = """
import ctypes, faulthandler, os, signal, tempfile, time
import numpy as np
import attnspec

np.seterr(all="raise")

def softmax(q, k, v):
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True) @ v).astype(np.float32)

@attnspec.implementation(name="good", dtypes=["float32"])
def good(q, k, v):
    return softmax(q, k, v)

@attnspec.implementation(name="stops", dtypes=["float32"])
def stops(q, k, v):
    os.kill(os.getpid(), signal.SIGSTOP)

@attnspec.implementation(name="hangs", dtypes=["float32"])
def hangs(q, k, v):
    faulthandler.cancel_dump_traceback_later()
    time.sleep(1000)

@attnspec.implementation(name="leaves-a-child", dtypes=["float32"])
def leaves_a_child(q, k, v):
    if os.fork() == 0:
        time.sleep(100)
        os._exit(0)
    ctypes.string_at(0)

@attnspec.implementation(name="interrupts", dtypes=["float32"])
def interrupts(q, k, v):
    raise KeyboardInterrupt

@attnspec.implementation(name="closes", dtypes=["float32"])
def closes(q, k, v):
    os.closerange(0, 3)
    return softmax(q, k, v)

@attnspec.implementation(name="moves", dtypes=["float32"])
def moves(q, k, v):
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)
    return softmax(q, k, v)

@attnspec.implementation(name="promises-everything", dtypes=["float32"])
def promises_everything(q, k, v):
    return np.broadcast_to(np.float32(1), (1, 1, 10**7, 10**5))

@attnspec.implementation(name="speaks-in-tongues", dtypes=["float32"])
def speaks_in_tongues(q, k, v):
    raise ValueError("half \\ud800 pair, \\x1b[31mred\\x1b[0m, " + 10**7 * "x")
"""

LAWS = ("weights/as-defined", "weights/sum-to-one", "weights/negated-values")
SAID = {
    "good": ("pass", ""),
    "closes": ("pass", ""),
    "moves": ("pass", ""),
    "stops": ("error", "a call gave no answer for"),
    "hangs": ("error", "a call gave no answer for"),
    "leaves-a-child": ("error", "SIGSEGV"),
    "interrupts": ("error", "KeyboardInterrupt"),
    "promises-everything": ("fail", "has the shape (1, 1, 10000000, 100000) (order B, H, S, D) where"),
    "speaks-in-tongues": ("error", "half"),
}


@pytest.fixture(scope="module")
def ran(attnspec: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[dict[str, Any]]]:
    """The finished run, and its results."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "kernels.py").write_text(KERNELS, encoding="utf-8")
    options = ("--examples=2", "--strict", "--timeout=3", "-j2", "--out=out", *(f"--laws={law}" for law in LAWS))
    done = attnspec("run", "kernels.py", *options, cwd=folder, timeout=200)
    found: list[dict[str, Any]] = read_report(folder / "out")["results"]
    return done, found


@pytest.mark.parametrize("name", SAID)
def test_it_is_told_as_what_it_is(name: str, ran: tuple[Any, list[dict[str, Any]]]) -> None:
    verdict, words = SAID[name]
    rows = [row for row in ran[1] if row["implementation"] == name]
    assert Counter(row["verdict"] for row in rows) == {verdict: len(LAWS)}, rows
    assert words in rows[0]["message"]


def test_the_run_ends_and_nothing_raw_is_shown(ran: tuple[Any, list[dict[str, Any]]]) -> None:
    done, rows = ran
    assert done.returncode == 1 and len(rows) == len(SAID) * len(LAWS)
    assert "a defect of the kit" not in done.stderr and "\x1b[31m" not in done.stdout and len(done.stdout) < 50_000


def test_no_process_is_left(ran: tuple[Any, list[dict[str, Any]]], tmp_path: Path) -> None:
    left = [file.parent.name for file in Path("/proc").glob("[0-9]*/cmdline") if _sleeps(file)]
    assert not left


def _sleeps(file: Path) -> bool:
    """Whether a process is one that the kernel forked, which has the command line of a worker and no parent but the first."""
    try:
        status = (file.parent / "stat").read_text().rpartition(")")[2].split()
        return b"execnet" in file.read_bytes() and status[1] == "1" and status[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os\nos._exit(0)\n", "ends the process when it is imported (exit code 0)"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "crashes when it is imported (SIGSEGV)"),
        ("import time\ntime.sleep(1000)\n", "importing kernel.py took more than 3 s"),
        ("raise KeyboardInterrupt\n", "ends the process when it is imported"),
        ("import sys\nsys.exit(0)\n", "kernel.py cannot be imported: SystemExit"),
    ],
)
def test_a_file_that_ends_its_process_is_one_sentence(text: str, said: str, attnspec: Any, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(text, encoding="utf-8")
    done = attnspec("run", "kernel.py", "--timeout=3", cwd=tmp_path, timeout=60)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, done


def test_a_folder_is_written_by_one_run_at_a_time(attnspec: Any, tmp_path: Path) -> None:
    from attnspec.reports.write import ResultStream

    chosen = (
        "run",
        "numpy/naive",
        "--laws=weights/sum-to-one",
        "--dtype=float32",
        "--examples=1",
        "-j0",
        "--strict",
        "--out=out",
    )
    assert attnspec(*chosen, cwd=tmp_path).returncode == 0
    before = (tmp_path / "out" / "report.json").read_bytes()
    holder = ResultStream(tmp_path / "out", {})
    (tmp_path / "out" / "report.json").write_bytes(before)
    second = attnspec(*chosen, cwd=tmp_path)
    assert second.returncode == 2 and second.stderr.count("\n") == 1, second
    assert f"process {os.getpid()} writes a report there; wait for it, or name another with --out" in second.stderr
    assert (tmp_path / "out" / "report.json").read_bytes() == before
    holder.close()
    assert attnspec(*chosen, cwd=tmp_path).returncode == 0
    assert not (tmp_path / "out" / ".lock").exists()


def test_a_full_disk_is_one_sentence_and_what_was_decided_is_shown(tmp_path: Path) -> None:
    """No file may grow beyond a few kilobytes, as where no room is left."""
    small = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, resource.RLIM_INFINITY))"
    script = f"import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); {small}; from attnspec.cli import main; main()"
    chosen = ["--laws=weights/*", "--dtype=float32", "--examples=1", "-j0", "--strict", "--out=out"]
    done = subprocess.run(
        [sys.executable, "-c", script, "run", "numpy/naive", *chosen],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr + done.stdout, done
    assert "the report cannot be written there: File too large; make room, or name another folder" in done.stderr
    assert "every claimed must-law holds" in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_knows_few_letters_is_no_error(encoding: str, attnspec: Any, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text("def attend(q, k, v):\n    return q * 0\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "attnspec", "run", "kernel.py", "--laws=weights/as-defined", "--dtype=float32", "-j0"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 1 and b"Traceback" not in done.stderr, done

"""What a kernel does to its process befalls no other kernel of the run, and is told as what it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from attnspec.reports.write import read_report

from .kernel_text import SOFTMAX

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]

KERNELS = (
    SOFTMAX
    + """
import ctypes, faulthandler, os, signal, tempfile, time

HERE = os.getcwd()
np.seterr(all="raise")

@declare("good")
def good(q, k, v):
    return softmax(q, k, v).astype(q.dtype)

@declare("stops")
def stops(q, k, v):
    os.kill(os.getpid(), signal.SIGSTOP)

@declare("hangs")
def hangs(q, k, v):
    faulthandler.cancel_dump_traceback_later()
    time.sleep(1000)

@declare("leaves-a-child")
def leaves_a_child(q, k, v):
    if os.fork() == 0:
        open(os.path.join(HERE, f"child-{os.getpid()}"), "w").close()
        time.sleep(100)
        os._exit(0)
    time.sleep(0.2)
    ctypes.string_at(0)

@declare("interrupts")
def interrupts(q, k, v):
    raise KeyboardInterrupt

@declare("closes")
def closes(q, k, v):
    os.closerange(0, 3)
    return softmax(q, k, v).astype(q.dtype)

@declare("moves")
def moves(q, k, v):
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)
    return softmax(q, k, v).astype(q.dtype)

@declare("promises-everything")
def promises_everything(q, k, v):
    return np.broadcast_to(np.float32(1), (1, 1, 10**7, 10**5))

@declare("speaks-in-tongues")
def speaks_in_tongues(q, k, v):
    raise ValueError("half \\ud800 pair, \\x1b[31mred\\x1b[0m, " + 10**7 * "x")
"""
)

LAWS = ("weights/as-defined", "weights/sum-to-one", "weights/negated-values")
SAID = {
    "good": ("pass", ""),
    "closes": ("pass", ""),
    "moves": ("pass", ""),
    "stops": ("error", "no answer for"),
    "hangs": ("error", "no answer for"),
    "leaves-a-child": ("error", "SIGSEGV"),
    "interrupts": ("error", "KeyboardInterrupt"),
    "promises-everything": ("fail", "has the shape (1, 1, 10000000, 100000) (order B, H, S, D) where"),
    "speaks-in-tongues": ("error", "half"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run is."""
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def ran(attnspec: Any, folder: Path) -> tuple[Any, list[dict[str, Any]]]:
    """The finished run, and its results."""
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


def test_no_process_is_left(ran: tuple[Any, list[dict[str, Any]]], folder: Path) -> None:
    """What a kernel forked ends with the worker that it killed."""
    children = [int(file.name.removeprefix("child-")) for file in folder.glob("child-*")]
    assert len(children) >= len(LAWS)
    assert not [child for child in children if _lives(child)]


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not state.exists() or state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"


ENDS = "import os\nos._exit(0)\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ENDS, "ends the process when it is imported (exit code 0)"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "ends the process when it is imported (SIGSEGV)"),
        ("import time\ntime.sleep(1000)\n", "importing kernel.py took more than 3 s"),
        ("raise KeyboardInterrupt\n", "kernel.py raises KeyboardInterrupt when it is imported"),
        ("import sys\nsys.exit(0)\n", "kernel.py cannot be imported: SystemExit"),
    ],
)
def test_a_file_that_ends_its_process_is_one_sentence(text: str, said: str, attnspec: Any, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(text, encoding="utf-8")
    done = attnspec("run", "kernel.py", "--timeout=3", cwd=tmp_path, timeout=60)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1, done


@pytest.mark.parametrize(
    "command",
    [
        ("doctor", "kernel.py"),
        ("measure", "kernel.py"),
        ("xray", "kernel.py"),
        ("list", "kernel.py"),
        ("replay", "weights/as-defined?dtype=float32&b=1&hq=1&hkv=1&sq=1&sk=2&d=4&values=normal&seed=0", "kernel.py"),
        ("run", "numpy/naive,kernel.py"),
        ("run", "kernel:attend"),
        ("run", "inside.kernel:attend"),
    ],
)
def test_every_door_says_so(command: tuple[str, ...], attnspec: Any, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(ENDS, encoding="utf-8")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "inside" / "kernel.py").write_text(ENDS, encoding="utf-8")
    done = attnspec(*command, cwd=tmp_path, timeout=60)
    assert done.returncode == 2 and "ends the process when it is imported (exit code 0)" in done.stderr, done


def test_what_came_through_is_tried_again_when_its_folder_changes(attnspec: Any, tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text("import beside\n\ndef attend(q, k, v):\n    return q\n", encoding="utf-8")
    (tmp_path / "beside.py").write_text("", encoding="utf-8")
    assert attnspec("list", "kernel.py", cwd=tmp_path).returncode == 0
    (tmp_path / "beside.py").write_text(ENDS, encoding="utf-8")
    assert attnspec("list", "kernel.py", cwd=tmp_path).returncode == 2


def test_who_does_not_want_to_wait_for_an_import_leaves_nothing_behind(tmp_path: Path) -> None:
    text = "import os, time\nopen(f'child-{os.getpid()}', 'w').close()\ntime.sleep(1000)\n"
    (tmp_path / "kernel.py").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ATTNSPEC_CACHE": str(tmp_path / "cache")}
    run = subprocess.Popen(
        [sys.executable, "-m", "attnspec", "run", "kernel.py"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    give_up = time.monotonic() + 60
    while not (children := [int(file.name.removeprefix("child-")) for file in tmp_path.glob("child-*")]):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    assert "interrupted" in run.communicate(timeout=30)[1] and run.returncode == 130
    assert not [child for child in children if _lives(child)]


def test_a_run_leaves_the_way_of_interrupting_as_it_was(run_laws_in_pytest: Any, tmp_path: Path) -> None:
    text = """
        import signal
        from attnspec.conformance.engine.interruption import asked_to_stop

        def pytest_configure(config):
            config.add_cleanup(lambda: print("at the end:", signal.getsignal(signal.SIGINT).__name__, asked_to_stop()))

        def pytest_collection_finish(session):
            print("in between:", signal.getsignal(signal.SIGINT).__name__, asked_to_stop())
    """
    (tmp_path / "conftest.py").write_text(textwrap.dedent(text), encoding="utf-8")
    chosen = ("--attnspec-impl=numpy/naive", "--attnspec-laws=weights/sum-to-one", "--attnspec-dtype=float32")
    done = run_laws_in_pytest("--pyargs", "attnspec.spec", "-s", "-p", "conftest", *chosen, cwd=tmp_path)
    assert "in between: _note False" in done.stdout and "at the end: default_int_handler True" in done.stdout, done.stdout


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
    chosen = ["--laws=weights/*", "--dtype=float32", "--examples=1", "-j0", "--in-process", "--strict", "--out=out"]
    done = subprocess.run(
        [sys.executable, "-c", script, "run", "numpy/naive", *chosen],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
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
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 1 and b"Traceback" not in done.stderr, done


SEVEN = ("good", "segfaults", "hangs", "exits", "raises", "misshapen", "nan")


@pytest.mark.study
def test_seven_kernels_end_within_a_minute_and_the_good_one_is_as_alone(attnspec: Any, kernels: Path, tmp_path: Path) -> None:
    """All laws of quick, two workers. Results of the good one are the same but for times."""

    def run(*names: str) -> tuple[float, dict[tuple[str, str], dict[str, Any]]]:
        began, place = time.monotonic(), tmp_path / str(len(names))
        place.mkdir()  # Of its own, for a run begins with what failed in the same folder before.
        attnspec("run", *(f"{kernels}:{name}" for name in names), "-j2", "--out=out", cwd=place, timeout=300)
        rows = read_report(place / "out")["results"]
        return time.monotonic() - began, {(row["implementation"], row["law"]): row for row in rows}

    seconds, together = run(*SEVEN)
    _, alone = run("good")
    assert seconds < 60 and len(together) == len(SEVEN) * len(alone)
    for (_, law), row in alone.items():
        assert _timeless(together["good", law]) == _timeless(row)
    said = {name: {row["message"] for (made, _), row in together.items() if made == name} for name in SEVEN}
    for name, words in {"segfaults": "SIGSEGV", "hangs": "no answer", "exits": "sys.exit(3)", "nan": "nan against"}.items():
        assert any(words in message for message in said[name]), (name, said[name])


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    diagnosis = {name: value for name, value in row["diagnosis"].items() if name != "seconds"}
    return {**row, "seconds": None, "diagnosis": diagnosis}

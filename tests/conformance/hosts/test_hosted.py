"""An implementation in a host is judged as it is here, and what it does to its process is done to that alone."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attnspec.adapters.contract import Implementation
from attnspec.conformance.engine.result import Result
from attnspec.conformance.explained import verify
from attnspec.conformance.hosts.describing import hosted_at
from attnspec.conformance.hosts.line import Ended
from attnspec.conformance.language import load_laws
from attnspec.conformance.remembered import a_run
from attnspec.conformance.selection import find_targets

from ...front.kernel_text import SOFTMAX

pytestmark = pytest.mark.long

KERNELS = SOFTMAX + textwrap.dedent(
    """
    import ctypes, os, signal, socket, sys, threading, time

    def sockets():
        found = []
        for fd in range(3, 64):
            try:
                socket.socket(fileno=os.dup(fd)).getpeername()
                found.append(fd)
            except OSError:
                pass
        return found

    @declare("good")
    def good(q, k, v):
        return softmax(q, k, v).astype(q.dtype)

    @declare("counts")
    def counts(q, k, v):
        counts.calls = getattr(counts, "calls", 0) + 1
        return softmax(q, k, v).astype(q.dtype) if counts.calls < 20 else 0 * q

    @declare("writes into a gap")
    def writes_into_a_gap(q, k, v):
        whole = k
        while isinstance(whole.base, np.ndarray) and whole.base.ndim:
            whole = whole.base
        result = softmax(q, k, v).astype(q.dtype)
        whole.reshape(-1)[-1] = 7
        return result

    @declare("segfaults")
    def segfaults(q, k, v):
        ctypes.string_at(0)

    @declare("exits")
    def exits(q, k, v):
        os._exit(0)

    @declare("hangs")
    def hangs(q, k, v):
        print("waiting for a lock")
        time.sleep(1000)

    @declare("stops")
    def stops(q, k, v):
        os.kill(os.getpid(), signal.SIGSTOP)

    @declare("leaves a child")
    def leaves_a_child(q, k, v):
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(3)

    @declare("babbles")
    def babbles(q, k, v):
        for fd in sockets():
            os.write(fd, b"\\x05\\0\\0\\0hello")
        return good(q, k, v)

    @declare("hangs up")
    def hangs_up(q, k, v):
        for fd in sockets():
            os.close(fd)
        time.sleep(1000)

    @declare("floods")
    def floods(q, k, v):
        for _ in range(100):
            os.write(1, b"noise\\n" * 10_000)
        return good(q, k, v)

    @declare("wants everything")
    def wants_everything(q, k, v):
        held = [np.empty(1 << 27) for _ in range(1000)]
        return good(q, k, v)

    @declare("patches NumPy")
    def patches_numpy(q, k, v):
        result = good(q, k, v)
        np.asarray = np.abs = np.frombuffer = lambda *a, **k: 0 / 0
        return result

    def only_whole_tiles(p):
        return None if p.sk % 2 == 0 and p.dtype == "float32" and not p.options else f"{p.sk} keys"

    @attnspec.implementation(name="even", dtypes=["float32"], supports=only_whole_tiles)
    def even(q, k, v):
        assert k.shape[2] % 2 == 0
        return good(q, k, v)
    """
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Implementation]]:
    file = tmp_path_factory.mktemp("hosted") / "kernels.py"
    file.write_text(KERNELS, encoding="utf-8")
    with a_run():
        yield {each.name: each for each in hosted_at(str(file))}


LAW = next(law for law in load_laws() if law.id == "weights/as-defined")


def tried(made: Implementation, **how: Any) -> Result:
    made.host.line.renew(2.0, 60.0)
    return verify(made, LAW, "float32", budget="quick", **how)


def test_a_good_one_passes_and_nothing_of_it_is_here(made: dict[str, Implementation]) -> None:
    assert tried(made["good"]).verdict == "pass"
    assert not any(name.startswith("attnspec_target_kernels") for name in sys.modules)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("segfaults", "crashed (host died of SIGSEGV) while running weights/as-defined?"),
        ("exits", "crashed (host died with exit code 0) while running weights/as-defined?"),
        ("hangs", "hung: no answer for 2 s while running weights/as-defined?"),
        ("stops", "hung: no answer for 2 s while running weights/as-defined?"),
        ("leaves a child", "crashed (host died with exit code 3) while running weights/as-defined?"),
        ("babbles", "answered nonsense (no message: "),
        ("hangs up", "closed its line to the judge while running weights/as-defined?"),
        ("wants everything", "raised "),
    ],
)
def test_what_ends_a_host_is_told_as_what_it_is(made: dict[str, Implementation], name: str, message: str) -> None:
    began = time.monotonic()
    result = tried(made[name])
    assert (result.verdict, result.message[: len(message)]) == ("error", message)
    assert result.case is not None and result.case.startswith("weights/as-defined?dtype=float32")
    assert time.monotonic() - began < 12


def test_a_crash_shows_where_it_was_and_a_hang_what_was_printed(made: dict[str, Implementation]) -> None:
    assert any("in segfaults" in line for line in tried(made["segfaults"]).details)
    details = tried(made["hangs"]).details
    assert any("in hangs" in line for line in details) and "printed: waiting for a lock" in details


def test_a_host_that_ended_stays_away_until_it_is_renewed(made: dict[str, Implementation]) -> None:
    line = made["exits"].host.line
    tried(made["exits"])
    first = line.ended
    assert isinstance(first, Ended)
    with pytest.raises(Ended) as again:
        line.ask(None, b"", None)
    assert again.value is first
    assert tried(made["exits"]).verdict == "error" and line.ended is not first


def test_what_floods_or_patches_its_own_process_is_judged_by_what_it_computes(made: dict[str, Implementation]) -> None:
    assert tried(made["floods"]).verdict == "pass"
    result = tried(made["patches NumPy"])
    assert result.verdict == "error" and np.abs(-1) == 1, result.message
    assert tried(made["good"]).verdict == "pass"


def test_state_lives_from_call_to_call(made: dict[str, Implementation]) -> None:
    assert "fail" in [tried(made["counts"]).verdict for _ in range(20)]


def test_a_write_into_a_gap_is_seen(made: dict[str, Implementation]) -> None:
    law = next(law for law in load_laws() if law.id == "interface/inputs-stay")
    made["writes into a gap"].host.line.renew(2.0, 60.0)
    result = verify(made["writes into a gap"], law, "float32", budget="standard")
    assert result.verdict == "fail", result


def test_supports_is_asked_over_there(made: dict[str, Implementation]) -> None:
    result = tried(made["even"])
    assert result.verdict == "pass" and result.unclaimed and any(reason.endswith(" keys") for reason in result.reasons)


@pytest.mark.parametrize("address", ["numpy/flash", "torch/sdpa-math", "jax/naive-jit", "triton/flash"])
def test_a_law_says_the_same_of_a_kernel_in_a_host(address: str) -> None:
    laws = [law for law in load_laws() if law.id in ("weights/as-defined", "causal/as-defined", "gradients/as-defined")]
    with a_run():
        found = []
        for hosted in (True, False):
            (target,) = find_targets([address], hosted=hosted)
            made = target.implementation
            results = [verify(made, law, dtype, budget="quick", explain=True) for law in laws for dtype in made.dtypes]
            # How many programs are compiled depends on what was compiled in the process before, and durations on the hour.
            found.append([_timeless(replace(result, seconds={}, compilations=0)) for result in results])
    assert found[0] == found[1] and {result.verdict for result in found[0]} >= {"pass"}


def _timeless(result: Result) -> Result:
    return replace(result, diagnosis={name: value for name, value in result.diagnosis.items() if name != "seconds"})


def test_the_judge_imports_no_framework_and_no_kernel() -> None:
    hosted_at("torch/sdpa-math")  # Where PyTorch is not installed it says so.
    script = """
        import sys
        from attnspec.conformance.explained import verify
        from attnspec.conformance.language import load_laws
        from attnspec.conformance.remembered import a_run
        from attnspec.conformance.selection import find_targets
        with a_run():
            (target,) = find_targets(["torch/sdpa-math"], hosted=True)
            law = next(law for law in load_laws() if law.id == "weights/as-defined")
            print(verify(target.implementation, law, "bfloat16", budget="quick").verdict)
        print([name for name in sys.modules if name.split(".")[0] == "torch" or name.startswith("attnspec.adapters.torch")])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=100)
    assert done.stdout.split("\n")[:2] == ["pass", "[]"], done.stderr


def alive(mark: str) -> list[int]:
    """Processes whose environment has a mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked for under /proc")
def test_a_judge_that_is_killed_leaves_no_host(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text(KERNELS, encoding="utf-8")
    script = f"""
        from attnspec.conformance.explained import verify
        from attnspec.conformance.language import load_laws
        from attnspec.conformance.hosts.describing import hosted_at
        made = next(each for each in hosted_at({str(tmp_path / "kernels.py")!r}) if each.name == "hangs")
        made.host.line.renew(50.0, 60.0)
        law = next(law for law in load_laws() if law.id == "weights/as-defined")
        print("begins", flush=True)
        verify(made, law, "float32", budget="quick")
    """
    mark = f"ATTNSPEC_TEST_OF_ORPHANS={os.getpid()}-{time.monotonic_ns()}"
    name, _, value = mark.partition("=")
    judge = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], env={**os.environ, name: value}, stdout=subprocess.PIPE
    )
    assert judge.stdout is not None and judge.stdout.readline() == b"begins\n"
    until = time.monotonic() + 20
    while len(alive(mark)) < 3 and time.monotonic() < until:  # The judge, the process that forks, the host.
        time.sleep(0.05)
    assert len(alive(mark)) >= 3
    judge.kill()
    judge.communicate()
    until = time.monotonic() + 5
    while alive(mark) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(mark)

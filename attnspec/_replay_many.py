"""Many cases again in one process of their own, which loads what they need once.

The process reads cases from its standard input and answers with a line each. Where it dies of a case, or does not answer in
time, that is said of the case, and another process takes those that are left.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator, Sequence

__all__ = ["replayed"]

Answer = tuple[int, str]
"""The exit code of a replay, and the line that says what came."""


def replayed(cases: Sequence[tuple[str, str]], laws_files: Sequence[str]) -> Iterator[Answer]:
    """The answer to each case and the address beside it, in order, as it comes."""
    from ._replay import died, late

    left = list(cases)
    while left:
        with _process(left, laws_files) as child:
            while left:
                line = _line(child)
                if line is None:
                    child.kill()
                    yield 1, late(left.pop(0)[1])
                    break
                if not line:
                    yield 1, died(left.pop(0)[1], child.wait())
                    break
                left.pop(0)
                code, said = json.loads(line)
                yield code, said


@contextlib.contextmanager
def _process(cases: Sequence[tuple[str, str]], laws_files: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "attnspec._replay_many", *laws_files]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as child:
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(cases).encode())
            child.stdin.close()
        try:
            yield child
        finally:
            child.kill()


def _line(child: subprocess.Popen[bytes]) -> bytes | None:
    """The next answer; nothing where the process has ended, None where none comes in time."""
    from attnspec.conformance.engine.budget import BUDGETS

    assert child.stdout is not None
    with selectors.DefaultSelector() as waiting:
        waiting.register(child.stdout, selectors.EVENT_READ)
        return child.stdout.readline() if waiting.select(BUDGETS["quick"].timeout) else None


def _answer(case: str, address: str, laws_files: Sequence[str]) -> Answer:
    from attnspec.cli import _guarded

    from ._replay import FAILS

    said, complaint = io.StringIO(), io.StringIO()
    extra = [f"--laws-file={file}" for file in laws_files]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complaint):
        code = _guarded(["replay", *extra, "--", case, address])
    if code == 1:  # A kernel may have printed before.
        return code, next((line for line in said.getvalue().splitlines() if line.startswith(FAILS)), "")
    return code, complaint.getvalue().strip().rpartition("\n")[2]


def main() -> None:
    """Answer on what is standard output now. What kernels print afterwards is nobody's answer."""
    from ._replay import BRIEF, HERE

    os.environ[HERE] = BRIEF
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for case, address in json.load(sys.stdin):
        print(json.dumps(_answer(case, address, sys.argv[1:])), file=answers, flush=True)


if __name__ == "__main__":
    main()

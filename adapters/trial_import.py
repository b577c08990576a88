"""Importing a user's code where it can do no harm, before it is imported where a run would end with it.

A file may end its process when it is imported, with `os._exit`, by a signal, or never come back. So another process imports
it first. What came through once is not tried again until something in its folder changes.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterable
from hashlib import blake2s
from pathlib import Path

from .cache import cache_folder
from .contract import ContractError
from .finding import file_of, find

__all__ = ["try_imports"]

SECONDS = 60.0
"""How long an import may take, unless the run gives a call less."""


def try_imports(targets: Iterable[str], seconds: float | None = None) -> None:
    """Import the files that targets name, in processes of their own.

    Raises ContractError for one that ends its process, or does not come back. One that raises is left to who imports it next.
    """
    for target in dict.fromkeys(targets):
        path = file_of(target)
        if path is None or not path.is_file() or not hasattr(os, "fork"):
            continue
        kept = cache_folder() / "imported" / _state_of(path.resolve())
        if not kept.exists():
            _try_import(target, path, min(seconds or SECONDS, SECONDS))
            with contextlib.suppress(OSError):
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.touch()


def _try_import(target: str, path: Path, seconds: float) -> None:
    told, tell = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _import_in_child(target, tell)
    os.close(tell)
    ready, _, _ = select.select([told], [], [], seconds)
    came = os.read(told, 1) if ready else b""
    os.close(told)
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)  # With all that it started.
    _, status = os.waitpid(child, 0)
    if came:
        return
    if not ready:
        raise ContractError(f"importing {path} took more than {seconds:g} s; do what takes long in the function, not above it")
    if os.WIFSIGNALED(status):
        raise ContractError(f"{path} crashes when it is imported ({signal.Signals(os.WTERMSIG(status)).name})")
    code = os.waitstatus_to_exitcode(status)
    raise ContractError(f"{path} ends the process when it is imported (exit code {code}); import it in Python to see where")


def _import_in_child(target: str, tell: int) -> None:
    """Be the process that imports; ends with a word to the other one."""
    try:
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        with contextlib.suppress(Exception, SystemExit):
            find(target)
        os.write(tell, b"x")
    finally:
        os._exit(0)


def _state_of(path: Path) -> str:
    """A hash of a file, of what lies beside it, and of the Python that imports it."""
    beside = sorted((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in path.parent.glob("*.py"))
    return blake2s(repr((sys.version, str(path), beside)).encode() + path.read_bytes(), digest_size=16).hexdigest()

"""Importing a user's code where it can do no harm, before it is imported where a command would end with it.

Code may end its process when it is imported, with `os._exit`, by a signal, or never come back. So another process imports it
first. What came through once is not tried again until something in its folder changes.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Sequence
from hashlib import blake2s
from pathlib import Path

from .cache import cache_folder
from .contract import ContractError
from .finding import addresses_in, find, source_of

__all__ = ["ended", "no_end", "try_imports"]

SECONDS = 60.0
"""How long an import may take, unless the command gives less."""


def try_imports(targets: Sequence[str], seconds: float | None = None) -> None:
    """Import what targets name, each in a process of its own.

    Raises ContractError for one that ends its process, or does not come back. One that raises is left to who imports it next.
    """
    for target in dict.fromkeys(addresses_in(targets)):
        source = source_of(target)
        if source is None or not hasattr(os, "fork"):
            continue
        kept = cache_folder() / "imported" / _state_of(target, source.resolve())
        if not kept.exists():
            _try_import(target, min(seconds or SECONDS, SECONDS))
            with contextlib.suppress(OSError):
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.touch()


def no_end(target: str, seconds: float) -> str:
    """What is said of an import that does not come back."""
    return f"importing {target} took more than {seconds:g} s; what takes long belongs into the function"


def ended(target: str, code: int) -> str:
    """What is said of an import that ends its process. code: its exit code, negative where a signal ended it."""
    how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
    return f"{target} ends the process when it is imported ({how}); import it in Python to see where"


def _try_import(target: str, seconds: float) -> None:
    told, tell = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _import_in_child(target, tell)
    os.close(tell)
    try:
        ready, _, _ = select.select([told], [], [], seconds)
        word = os.read(told, 1) if ready else b""
    finally:  # Also where the user does not want to wait.
        os.close(told)
        for kill in (os.killpg, os.kill):  # With all that it started, if it came so far as to lead a group.
            with contextlib.suppress(OSError):
                kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if word == b"k":
        raise ContractError(f"{target} raises KeyboardInterrupt when it is imported")
    if not ready:
        raise ContractError(no_end(target, seconds))
    if not word:
        raise ContractError(ended(target, os.waitstatus_to_exitcode(status)))


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
    except KeyboardInterrupt:
        os.write(tell, b"k")
    finally:
        os._exit(0)


def _state_of(target: str, source: Path) -> str:
    """A hash of a target, of the file with which its import begins, of what lies beside that, and of the Python."""
    beside = sorted((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in source.parent.glob("*.py"))
    return blake2s(repr((sys.version, target, str(source), beside)).encode() + source.read_bytes(), digest_size=16).hexdigest()

"""The process that hosts are forked from: `python -m attnspec.conformance.hosts FRAMEWORK`, asked over a socket, its input.

It has imported what every host needs, so that a host is there at once, and never runs an implementation itself. To "f" with
three descriptors (the line, the shared memory, where prints go) it answers the process that it has forked: a host, or the
program of a command that follows in JSON. To "w" and a process it answers whether that has ended, and how.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import json
import os
import signal
import socket
import sys
import warnings
from importlib import import_module
from typing import NoReturn

from attnspec.conformance.hosts.host import be_one
from attnspec.conformance.hosts.memory_limit import keep_within
from attnspec.conformance.hosts.server import ENDED, LONGEST, PROCESS

PR_SET_PDEATHSIG = 1


def main(framework: str) -> None:
    """Answer until the judge is gone; then all hosts are ended."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A user stops the judge, which stops the rest.
    control = socket.socket(fileno=os.dup(0))
    if framework:
        with contextlib.suppress(Exception):  # Who needs it will say what is wrong.
            import_module(framework)
    hosts: set[int] = set()
    try:
        while True:
            asked, descriptors, _, _ = socket.recv_fds(control, LONGEST, 3)
            if not asked:
                break
            if asked[:1] == b"f":
                pid = os.fork()
                if pid == 0:
                    _be_forked(json.loads(asked[1:]), control, *descriptors)
                for each in descriptors:
                    os.close(each)
                hosts.add(pid)
                control.sendall(PROCESS.pack(pid))
            else:
                pid = PROCESS.unpack(asked[1:])[0]
                over, status = _waited(pid)
                if over:
                    hosts.discard(pid)
                control.sendall(ENDED.pack(over, status))
    finally:
        for pid in hosts:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)


def _waited(pid: int) -> tuple[bool, int]:
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return True, 0
    return bool(found), os.waitstatus_to_exitcode(status) if found else 0


def _be_forked(command: list[str], control: socket.socket, line: int, shared: int, prints: int) -> NoReturn:
    try:
        os.setpgid(0, 0)
        _die_with_parent()
        control.close()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if command:
            _be_program(command, line, shared, prints)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(prints, 1)
        os.dup2(prints, 2)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        faulthandler.enable(prints)
        warnings.showwarning = lambda *said, **more: None  # What is printed on purpose is kept, and that alone.
        keep_within()
        be_one(line, shared)
    finally:
        os._exit(1)


def _be_program(command: list[str], line: int, shared: int, prints: int) -> NoReturn:
    """A program has the line as its input and output, prints as its errors, and the shared memory as descriptor 3."""
    os.dup2(line, 0)
    os.dup2(line, 1)
    os.dup2(prints, 2)
    os.dup2(shared, 3)
    os.set_inheritable(3, True)
    keep_within()
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(127)


def _die_with_parent() -> None:
    """Where the system offers it: a process that is killed takes those along that it started."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])

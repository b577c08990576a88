"""Has a command done by the process of warm.py, as if it were this one: `python ask_warm.py SOCKET MODULE ARGUMENTS…`.

It is then the script of a package: modules are not looked for in its folder.
"""

from __future__ import annotations

import json
import os
import socket
import sys


def asked(
    door: str, arguments: list[str], folder: str, environment: dict[str, str], streams: list[int], first: str | None = None
) -> socket.socket:
    """The connection on which two lines will be told: the child, and how it ended. first: where modules are looked for first,
    the folder by default.
    """
    line = socket.socket(socket.AF_UNIX)
    line.connect(door)
    text = json.dumps({"arguments": arguments, "cwd": folder, "environment": environment, "first": first or folder})
    sent = socket.send_fds(line, [f"{text}\n".encode()], streams)
    line.sendall(f"{text}\n".encode()[sent:])
    return line


if __name__ == "__main__":
    scripts = os.path.dirname(sys.executable)
    with asked(sys.argv[1], sys.argv[2:], os.getcwd(), dict(os.environ), [0, 1, 2], scripts).makefile() as told:
        _, code = map(int, told.read().split())
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)

"""The process that asks: `python -m attnspec.conformance.survey TASK`, TASK in JSON, answers in a file of JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any


def main(task: dict[str, Any]) -> None:
    """Survey each implementation of a task and write what was found, each call before it is made."""
    from attnspec.adapters.finding import find
    from attnspec.adapters.written_takes import written_takes
    from attnspec.conformance.hosts.describing import hosted_at
    from attnspec.conformance.hosts.program import is_program
    from attnspec.conformance.survey.survey import survey

    with open(task["log"], "w", encoding="utf-8") as log:

        def say(kind: str, value: Any) -> None:
            print(json.dumps([kind, value]), file=log, flush=True)

        for how, name in task["left"]:
            address = how["target"]
            named = hosted_at(address) if is_program(address) else find(address)
            made = next(each for each in named if each.name == name)
            takes = survey(made, partial(_begin, say, name), _of(task["avoid"], name))
            say("found", {"name": name, "takes": written_takes(takes)})


def _begin(say: Callable[[str, Any], None], name: str, call: str) -> None:
    say("begin", {"name": name, "call": call})


def _of(avoid: list[str], name: str) -> frozenset[str]:
    """The calls of one implementation among those to avoid."""
    return frozenset(call.removeprefix(f"{name} ") for call in avoid if call.startswith(f"{name} "))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

"""What a folder from elsewhere states is looked through before it is believed; what is wrong is one sentence with the file.

The folders that come with the kit are held to the same by its tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from typing import Any

from .nearest import nearest
from .reading import read
from .shapes import axes_of

__all__ = ["check_stated"]

KEYS = ("about", "arguments", "results", "options", "lifted", "draws")
OF_AN_ARGUMENT = ("shape",)
OF_A_RESULT = ("shape", "asked", "dtype")
OF_AN_OPTION = ("type", "default", "about", "also", "with", "otherwise")
OF_A_FAULT = ("title", "needs", "links", "about", "equivalent", "dtypes", "because", "unless", "remembers")


def check_stated(folder: Traversable) -> None:
    """Raise ValueError for a malformed operation.yaml or faults.yaml, naming the file, the entry and what is expected."""
    file = folder.joinpath("operation.yaml")
    stated = _mapping(read(file), f"{file}", KEYS, ("about", "arguments", "results", "options"))
    for part, keys, due in (
        ("arguments", OF_AN_ARGUMENT, ("shape",)),
        ("results", OF_A_RESULT, ("shape",)),
        ("options", OF_AN_OPTION, ("type", "default", "about")),
    ):
        for name, entry in _mapping(stated[part], f"{file}: {part}").items():
            _mapping(entry, f"{file}: {part}.{name}", keys, due)
            if "shape" in entry:
                _shape(entry["shape"], f"{file}: {part}.{name}")
    if "out" not in stated["results"]:
        found = ", ".join(stated["results"]) or "nothing"
        raise ValueError(f"{file}: results has no out, as the output is called; it has {found}")
    for name, entry in stated["results"].items():
        if "asked" in entry:
            _one_of(entry["asked"], stated["options"], f"{file}: results.{name}.asked", "option")
    faults = folder.joinpath("faults.yaml")
    for name, entry in _mapping(read(faults), f"{faults}").items() if faults.is_file() else ():
        _mapping(entry, f"{faults}: {name}", OF_A_FAULT, ("title", "needs", "links"))
        for option in entry["needs"]:
            _one_of(option, stated["options"], f"{faults}: {name}.needs", "option")


def _mapping(found: Any, place: str, keys: Iterable[str] = (), due: Iterable[str] = ()) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise ValueError(f"{place} is {'empty' if found is None else f'no mapping but {found!r}'}")
    known = tuple(keys)
    for key in found:
        if known and key not in known:
            raise ValueError(f"{place}: unknown key {key!r}{nearest(str(key), known)}; the keys are {', '.join(known)}")
    for key in due:
        if key not in found:
            raise ValueError(f"{place} lacks the key {key!r}")
    return found


def _shape(given: Any, place: str) -> None:
    try:
        axes_of(str(given))
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _one_of(name: Any, known: Iterable[str], place: str, what: str) -> None:
    names = list(known)
    if name not in names:
        raise ValueError(f"{place}: unknown {what} {name!r}{nearest(str(name), names)}; known: {', '.join(names) or 'none'}")

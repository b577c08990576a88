"""A baseline as a file: entries with their lines, so that a complaint can say which to delete, and a change touches only those.

YAML's own reader forgets where things stand, so entries are read from the tree of nodes that it makes first.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

__all__ = ["KEYS", "BaselineError", "Entry", "entries_of"]

LARGEST, DEEPEST = 1 << 23, 8
"""The most bytes of a baseline, and how deep it may nest: it is a list of mappings of texts."""
KEYS = ("law", "implementation", "reason", "dtype", "link", "expires", "fails")
FAILS = ("always", "sometimes")
"""Whether a law fails on whatever is drawn, so that a pass is news, or on some of it."""
Entry = dict[str, Any]
"""Texts by key, and file, line and last_line."""


class BaselineError(Exception):
    """A baseline file that cannot be read. The text is one sentence with file and line."""


def entries_of(file: Path, text: str | None = None) -> list[Entry]:
    """The entries of a file as they stand, a reason perhaps missing. text: what to read instead of the file's own.

    Raises BaselineError for an unreadable file, unknown or repeated keys, and a date that is none.
    """
    text = _text(file) if text is None else text
    return [_entry(file, text.splitlines(), number, node, value) for number, (node, value) in enumerate(_nodes(file, text), 1)]


def _text(file: Path) -> str:
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise BaselineError(f"{file}: is not a regular file")
        with file.open("rb") as opened:
            raw = opened.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise BaselineError(f"{file}: is larger than {LARGEST} bytes, the most that a baseline may have")
        return raw.decode("utf-8")
    except OSError as error:
        raise BaselineError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BaselineError(f"{file}: is not YAML: {error}") from None


def _nodes(file: Path, text: str) -> Iterator[tuple[yaml.Node, Any]]:
    import yaml

    try:
        loader = yaml.SafeLoader(text)
    except yaml.YAMLError as error:  # A character that no YAML may hold.
        raise BaselineError(f"{file}: is not YAML: {' '.join(str(error).split())}") from None
    try:
        _refuse_dangers(file, text)
        node = loader.get_single_node()
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return
        if not isinstance(node, yaml.SequenceNode):
            raise BaselineError(f"{file}: a baseline is a list of entries with {', '.join(KEYS)}")
        for child in node.value:
            yield child, loader.construct_document(child)
    except yaml.YAMLError as error:
        raise BaselineError(f"{file}: is not YAML: {' '.join(str(error).split())}") from None
    finally:
        loader.dispose()


def _refuse_dangers(file: Path, text: str) -> None:
    """Aliases can stand for more than memory holds, and deep nesting exhausts the stack. Events cost neither."""
    import yaml

    depth = 0
    event: Any
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        where = f"{file}:{event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BaselineError(f"{where}: anchors and aliases are not part of a baseline; write the value out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise BaselineError(f"{where}: nests deeper than {DEEPEST}")


def _entry(file: Path, lines: list[str], number: int, node: yaml.Node, value: Any) -> Entry:
    first = node.start_mark.line + 1
    where = f"{file}:{first}"
    if not isinstance(value, dict):
        raise BaselineError(f"{where}: entry {number} is not a mapping with {', '.join(KEYS)}")
    keys = [str(key.value) for key, _ in node.value]
    for key in keys:
        if key not in KEYS:
            raise BaselineError(f"{where}: entry {number} has the unknown key {key!r}; the keys are {', '.join(KEYS)}")
        if keys.count(key) > 1:
            raise BaselineError(f"{where}: entry {number} has {key} twice")
    entry: Entry = {key: str(found) for key, found in value.items() if found is not None}
    if "expires" in entry:
        try:
            date.fromisoformat(entry["expires"])
        except ValueError:
            raise BaselineError(f"{where}: expires is a date like 2027-01-31, not {entry['expires']!r}") from None
    if entry.get("fails", "always") not in FAILS:
        raise BaselineError(f"{where}: fails is {' or '.join(FAILS)}, not {entry['fails']!r}")
    return {**entry, "file": str(file), "line": first, "last_line": _last(lines, node)}


def _last(lines: list[str], node: yaml.Node) -> int:
    """The last line that says something of an entry; YAML ends a block at the beginning of what follows it."""
    last = node.end_mark.line + (node.end_mark.column > 0)
    last = max(min(last, len(lines)), node.start_mark.line + 1)
    while last > node.start_mark.line + 1 and _says_nothing(lines[last - 1], node.start_mark.column):
        last -= 1
    return last


def _says_nothing(line: str, column: int) -> bool:
    """Whether a line is empty or a comment; what stands deeper than the keys is text of the entry, with # or without."""
    said = line.lstrip()
    return not said or (said.startswith("#") and len(line) - len(said) <= column)

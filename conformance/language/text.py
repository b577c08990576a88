"""YAML with line numbers, for files from strangers: no tags, no anchors, no aliases, no deep nesting, no duplicate keys."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import yaml

from .errors import SpecError

__all__ = ["Lines", "read_yaml"]

LARGEST_FILE = 1 << 20
DEEPEST = 16
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
"""What YAML allows in no file."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALARS = {
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:int",
    "tag:yaml.org,2002:float",
    "tag:yaml.org,2002:bool",
    "tag:yaml.org,2002:null",
}

Path_ = tuple[str | int, ...]
Lines = dict[Path_, int]
"""Line of each value, by its path of keys and indices."""


def read_yaml(file: Path) -> tuple[Any, Lines]:
    """The data of one YAML file, and the line on which each value stands. Raises SpecError with file and line."""
    text = _text(file)
    try:
        _refuse_dangers(text, file)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "is not YAML"
        raise SpecError(str(problem), file, mark.line + 1 if mark else None) from None
    lines: Lines = {}
    return (None if node is None else _data(node, (), lines, file)), lines


def _text(file: Path) -> str:
    """The text of a file, of which no more is read than a law file may have, and nothing of a pipe or a device."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise SpecError("is not a regular file; write the laws to a file, and name that", file)
        with file.open("rb") as opened:
            raw = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise SpecError(f"cannot be read: {error.strerror}", file) from None
    if len(raw) > LARGEST_FILE:
        raise SpecError(f"the file is larger than {LARGEST_FILE} bytes, the most that a law file may have", file)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or raw[:2].count(0) == 1:
        raise SpecError("is text in UTF-16; save it as UTF-8", file, 1)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SpecError(f"the byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8", file, line) from None
    control = _CONTROL.search(text)
    if control is not None:
        line = text.count("\n", 0, control.start()) + 1
        raise SpecError(f"the control character U+{ord(control[0]):04X} is not part of a law file; remove it", file, line)
    return text


def _refuse_dangers(text: str, file: Path) -> None:
    """Walk the events, which costs no recursion, before anything is composed."""
    depth = documents = 0
    event: Any
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise SpecError("anchors and aliases are not part of a law file; write the value out", file, line)
        if getattr(event, "tag", None) not in (None, "!"):
            raise SpecError(f"tags are not part of a law file: {event.tag}", file, line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise SpecError(f"nests deeper than {DEEPEST}", file, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise SpecError("a law file is one YAML document; this one starts a second", file, line)


def _data(node: yaml.Node, path: Path_, lines: Lines, file: Path) -> Any:
    line = node.start_mark.line + 1
    lines[path] = line
    if isinstance(node, yaml.ScalarNode):
        if node.tag not in _SCALARS:
            raise SpecError(f"{node.value!r} reads as {node.tag.rpartition(':')[2]}; quote it to make it text", file, line)
        return _scalar(node, file, line)
    if isinstance(node, yaml.SequenceNode):
        return [_data(item, (*path, index), lines, file) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.MappingNode)
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
            raise SpecError("a key must be plain text", file, key_node.start_mark.line + 1)
        key = key_node.value
        if key in mapping:
            raise SpecError(f"the key {key!r} stands twice", file, key_node.start_mark.line + 1)
        mapping[key] = _data(value_node, (*path, key), lines, file)
    return mapping


def _scalar(node: yaml.ScalarNode, file: Path, line: int) -> Any:
    constructor = yaml.constructor.SafeConstructor()
    try:
        return constructor.construct_object(node)
    except (ValueError, OverflowError) as error:
        raise SpecError(f"{node.value[:40]!r} cannot be read: {error}", file, line) from None

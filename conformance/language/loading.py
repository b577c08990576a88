"""Law files to laws. Everything that can be wrong in a file is found here, before anything runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...spec.nearest import nearest
from ...spec.operations import conventions, law_files, operations
from ...spec.reading import spec_file
from ..operations import load_installed
from .errors import SpecError
from .given import check_given
from .grammar import read_equation, read_expression
from .law import Law, Profile
from .text import Lines, read_yaml

__all__ = ["load_laws", "profiles", "select", "shortlist", "spec_folder"]


def spec_folder() -> Path:
    """The folder of the shipped spec."""
    return Path(str(files("attnspec.spec")))


def load_laws(paths: Iterable[Path] | None = None) -> list[Law]:
    """All laws of the given files, or of all operations, in the order of the files and within them.

    Raises SpecError for a file that is not a chapter of laws, an unknown word, or an id that stands twice. Files that come
    with the kit are held to the schema by its tests, because that takes longer than reading them.
    """
    load_installed()
    if paths is None:
        return list(_stated())
    return list(_each_once(law for path in paths for law in _chapter(Path(path), foreign=True)))


def select(laws: Iterable[Law], patterns: Iterable[str]) -> list[Law]:
    """The laws whose id matches one of the globs. Raises SpecError for a glob that matches none."""
    laws = list(laws)
    chosen: dict[str, Law] = {}
    for pattern in patterns:
        matching = [law for law in laws if fnmatchcase(law.id, pattern)]
        if not matching:
            raise SpecError(
                f"no law matches {pattern!r}{nearest(pattern, [law.id for law in laws])}{_elsewhere(pattern, laws)}"
            )
        chosen.update({law.id: law for law in matching})
    return [law for law in laws if law.id in chosen]


def _elsewhere(pattern: str, laws: Iterable[Law]) -> str:
    """How laws of other operations are had, where the chapter asked for is none that is known."""
    chapter, slash, _ = pattern.partition("/")
    if not slash or any(fnmatchcase(law.chapter, chapter) for law in laws):
        return ""
    return "; the laws of an operation from elsewhere come with attnspec --with MODULE"


def profiles() -> dict[str, Profile]:
    """The profiles of spec/profiles.yaml. Raises SpecError where one is malformed."""
    path = spec_folder() / "profiles.yaml"
    data, lines = read_yaml(path)
    found = {}
    for name, entry in data.items():
        if set(entry) != {"about", "laws"}:
            raise SpecError(f"the profile {name!r} has the keys about and laws", path, lines.get((name,)))
        found[name] = Profile(name, entry["about"], tuple(entry["laws"]))
    return found


@cache
def shortlist(options: frozenset[str] | None = None) -> frozenset[str]:
    """Laws that a quick run tries where it names none, from spec/shortlist.yaml.

    options: those that an implementation takes; None: the laws that are on the list for any implementation.
    """
    lists = spec_file("shortlist.yaml")
    further = [entry["laws"] for entry in lists["more"] if options is None or options.issuperset(entry["options"])]
    return frozenset(lists["laws"]).union(*further)


def _stated() -> tuple[Law, ...]:
    return _of_files(law_files())


@cache
def _of_files(paths: tuple[Path, ...]) -> tuple[Law, ...]:
    shipped = spec_folder().resolve()
    return tuple(_each_once(law for path in paths for law in _chapter(path, not path.is_relative_to(shipped))))


def _each_once(laws: Iterable[Law]) -> Iterator[Law]:
    seen: dict[str, Law] = {}
    for law in laws:
        if law.id in seen:
            first = seen[law.id]
            raise SpecError(f"the law {law.id!r} stands already at {first.file}:{first.line}", law.file, law.line)
        seen[law.id] = law
        yield law


def _chapter(path: Path, foreign: bool) -> Iterator[Law]:
    data, lines = read_yaml(path)
    if foreign:
        _against_schema(data, lines, path)
    for index, entry in enumerate(data["laws"]):
        law = _law(entry, data["chapter"], path, lines, ("laws", index))
        if foreign:
            _check_kills(law, lines.get(("laws", index, "kills")))
        yield law


def _law(entry: dict[str, Any], chapter: str, path: Path, lines: Lines, where: tuple[str | int, ...]) -> Law:
    from .checking import check_condition, check_equation

    def line(key: str) -> int | None:
        return lines.get((*where, key), lines.get(where))

    if entry["id"].split("/")[0] != chapter:
        raise SpecError(
            f"the law {entry['id']!r} stands in the chapter {chapter!r}; its id starts with {chapter}/", path, line("id")
        )
    known_operations = operations()
    if entry["operation"] not in known_operations:
        known = ", ".join(known_operations)
        raise SpecError(f"unknown operation {entry['operation']!r}; known: {known}", path, line("operation"))
    given = entry.get("given", {})
    key = "given"
    try:
        check_given(given, entry["operation"], conventions())
        key = "equation"
        relation = read_equation(entry["equation"])
        check_equation(relation, entry["operation"])
        key = "where"
        condition = read_expression(entry["where"]) if "where" in entry else None
        if condition is not None:
            check_condition(condition, entry["operation"])
    except SpecError as error:
        raise error.at(path, line(key)) from None
    return Law(
        id=entry["id"],
        chapter=chapter,
        statement=entry["statement"],
        operation=entry["operation"],
        equation=entry["equation"],
        level=entry["level"],
        why=entry["why"],
        relation=relation,
        given=given,
        where=entry.get("where"),
        condition=condition,
        kills=tuple(entry["kills"]),
        source=tuple(entry["source"]),
        file=path,
        line=line("id") or 0,
    )


def _check_kills(law: Law, line: int | None) -> None:
    """Raise SpecError for a fault that is unknown, or that no law of this kind can reject."""
    from ...reference.faults.catalogue import FAULTS
    from ...reference.faults.making import BACKWARDS

    for name in law.kills:
        fault = FAULTS.get(name)
        if fault is None:
            reason = f"unknown fault {name!r}{nearest(name, FAULTS)}; attnspec faults lists them"
        elif fault.operation != law.operation:
            reason = f"{name} is a mistake in {fault.operation}, and the law is about {law.operation}"
        elif fault.equivalent:
            reason = f"{name} gives what the definition gives, so no law can reject it: {fault.equivalent}"
        elif name in BACKWARDS and not law.asks_for_gradients:
            reason = f"{name} is a mistake in gradients, and the law asks for none"
        else:
            continue
        raise SpecError(f"kills: {reason}", law.file, line)


@cache
def _schema(name: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads((spec_folder() / "schema" / name).read_text(encoding="utf-8")))


def _against_schema(data: Any, lines: Lines, path: Path) -> None:
    if not isinstance(data, dict):
        found = "is empty" if data is None else f"holds a {'list' if isinstance(data, list) else 'single value'}"
        raise SpecError(f"{found}; a law file is a mapping with the keys chapter, about and laws", path, lines.get((), 1))
    found = _schema("laws.schema.json").iter_errors(data)
    errors = sorted(found, key=lambda e: (e.validator != "additionalProperties", lines.get(tuple(e.absolute_path), 0)))
    if not errors:
        return
    error = errors[0]
    place = tuple(error.absolute_path)
    message = str(error.message)
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        unknown = next(key for key in error.instance if key not in known)
        place = (*place, unknown)
        message = f"unknown key {unknown!r}{nearest(unknown, known)}; the keys are {', '.join(known)}"
    elif place:
        if error.validator == "pattern":
            message = f"{error.instance!r} is not {str(error.schema['description']).rstrip('.').lower()}"
        message = f"{'.'.join(map(str, place))}: {message}"
    while place and place not in lines:
        place = place[:-1]
    raise SpecError(message[:400], path, lines.get(place))

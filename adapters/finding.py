"""From what a user types to the implementations that it names.

A target must mean the same in every process, because a run hands the string, not the function, to its workers.
Only what is asked for is imported: a broken plugin or a missing framework never stops a run that does not use it.
A target that finds nothing is an error that names the nearest thing there is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from ..spec.nearest import nearest
from .contract import ARRAYS, REGISTRY, ContractError, Implementation, implementation_of, renamed
from .loading import Loaded, load_file, load_module
from .presets import PRESETS, preset_named
from .shipped import SHIPPED, describe, families, shipped

__all__ = ["GROUP", "addresses_in", "called_how", "describe", "find", "find_all", "installed", "shipped", "source_of"]

GROUP = "attnspec.implementations"
"""The entry-point group in which installed packages offer implementations."""


def find(target: str) -> list[Implementation]:
    """The implementations that a target names, in the order in which they are declared.

    `TARGET@signature`, `TARGET@signature/arrays` and `TARGET@/arrays` name one bare function and say how it is called: by a
    preset of presets.PRESETS, with arrays of contract.ARRAYS.

    target: a shipped name ("numpy/flash"), a family ("torch"), a file ("my_kernel.py": everything that importing it registers,
    or its one function (q, k, v, ...)), "my_kernel.py:attend", "package.module:attend" (an attribute or a registered name),
    or the name of an entry point in the group attnspec.implementations.

    Raises ContractError where it names nothing, where what it names cannot be imported, or where it is ambiguous.
    """
    target, signature, arrays = _called_how(target.strip())
    if signature or arrays:
        return [_bare(target, signature, arrays)]
    if target in SHIPPED:
        return [_load_shipped(target)]
    if target in families():
        return [_load_shipped(name) for name in SHIPPED if SHIPPED[name].family == target]
    path, attribute = _file_and_attribute(target)
    if path is not None:
        loaded = load_file(path)
        return [_attribute(loaded, attribute, target)] if attribute else _everything(loaded, target)
    for point in installed():
        if point.name == target:
            return _load_point(point)
    module, colon, attribute = target.partition(":")
    if colon and module and attribute:
        return [_attribute(load_module(module), attribute, target)]
    raise ContractError(_unknown(target))


def addresses_in(texts: Iterable[str]) -> list[str]:
    """The targets that a user names, of which commas separate several."""
    return [address for text in texts for part in text.split(",") if (address := part.strip())]


def source_of(target: str) -> Path | None:
    """The file with which importing a target begins: the one it names, or that of the package it is in.

    None where the kit itself brings it, or nothing is found.
    """
    target, _, _ = _called_how(target.strip())
    if target in SHIPPED or target in families() or target.startswith("process:"):
        return None
    path = _file_and_attribute(target)[0]
    if path is None:
        points = [point.value for point in installed() if point.name == target]
        package = (points[0] if points else target).partition(":")[0].partition(".")[0]
        found = PathFinder.find_spec(package, [*sys.path, str(Path.cwd())]) if package else None
        path = Path(found.origin) if found is not None and found.origin else None
    return path if path is not None and path.is_file() else None


def called_how(targets: Iterable[str], signature: str | None, arrays: str | None) -> tuple[str, ...]:
    """Targets with how they are called. Raises ContractError for a signature or arrays that are not known."""
    if signature is not None:
        preset_named("--signature", signature)
    if arrays is not None and arrays not in ARRAYS:
        raise ContractError(f"--arrays: unknown arrays {arrays!r}; known: {', '.join(ARRAYS)}")
    how = f"@{signature or ''}" + (f"/{arrays}" if arrays else "") if signature or arrays else ""
    return tuple(f"{target}{how}" for target in targets)


def _called_how(target: str) -> tuple[str, str, str]:
    """A target, with the signature and arrays that follow its last @."""
    base, mark, how = target.rpartition("@")
    signature, _, arrays = how.partition("/")
    told = mark and base and (signature in PRESETS or not signature) and (arrays in ARRAYS or not arrays) and how
    return (base, signature, arrays) if told else (target, "", "")


def _bare(target: str, signature: str, arrays: str) -> Implementation:
    """The function that a target names, called as is said. Raises ContractError where it declares itself."""
    path, attribute = _file_and_attribute(target)
    module, _, inside = target.partition(":")
    if path is None and not inside:
        raise ContractError(
            f"{target}: --signature and --arrays are for one function, as my_kernel.py:attend or package.module:attend"
        )
    loaded = load_file(path) if path is not None else load_module(module)
    name = attribute or inside
    value = _value(loaded, name, target) if name else _only_function(loaded, target)
    if isinstance(value, Implementation) or any(made.is_of(value) for made in REGISTRY.values()):
        raise ContractError(
            f"{target} declares itself an implementation; leave --signature and --arrays out, or name its function"
        )
    if not callable(value):
        raise ContractError(f"{target} is a {type(value).__name__}, not a function")
    origin = f"{target}@{signature}" + (f"/{arrays}" if arrays else "")
    called = str(getattr(value, "__name__", None) or name)
    return implementation_of(value, name=called, signature=signature or None, arrays=arrays or None, origin=origin)


def _only_function(loaded: Loaded, target: str) -> Any:
    """The one public function that a file defines itself."""
    found = loaded.functions()
    if len(found) == 1:
        return found[0]
    names = ", ".join(function.__name__ for function in found)
    raise ContractError(f"{target} has {len(found)} public functions ({names or 'none'}); say which, as {target}:attend")


def find_all(targets: Iterable[str]) -> list[Implementation]:
    """The implementations that several targets name, each once. Raises ContractError where two of them share a name."""
    found: dict[str, tuple[str, Implementation]] = {}
    for target in targets:
        for made in find(target):
            first, known = found.setdefault(made.name, (target, made))
            if known.function is not made.function:
                raise ContractError(
                    f"two implementations are called {made.name!r}: one from {first}, one from {target}; "
                    "give one of them another name with implementation(name=...)"
                )
    return [made for _, made in found.values()]


def installed() -> list[EntryPoint]:
    """Entry points of the group, by name. Loads none of them."""
    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def _load_shipped(name: str) -> Implementation:
    row = SHIPPED[name]
    reason = row.unavailable()
    if reason:
        raise ContractError(f"{name}: {reason}")
    return load_module(f"{__package__}.{row.module}").registered[name]


def _load_point(point: EntryPoint) -> list[Implementation]:
    """What an entry point loads to: an Implementation, a function, or a list of them."""
    package = point.dist.name if point.dist else "an unknown distribution"
    try:
        value = point.load()
    except Exception as error:
        raise ContractError(
            f"entry point {point.name!r} of {package} ({point.value}) cannot be loaded: {type(error).__name__}: {error}; "
            f"repair or uninstall {package}"
        ) from error
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    if not values:
        raise ContractError(f"entry point {point.name!r} of {package} ({point.value}) is an empty list")
    return [_implementation(each, f"{point.name} of {package}", point.name) for each in values]


def _file_and_attribute(target: str) -> tuple[Path | None, str]:
    """Split "dir/file.py:attribute". The path is None where the target names no Python file."""
    if target.endswith(".py"):
        return Path(target), ""
    head, mark, attribute = target.rpartition(".py:")
    return (Path(head + ".py"), attribute) if mark else (None, "")


def _everything(loaded: Loaded, target: str) -> list[Implementation]:
    """All that a file registers, or its one bare function."""
    if loaded.registered:
        return list(loaded.registered.values())
    functions = loaded.bare_functions()
    if len(functions) == 1:
        return [_implementation(functions[0], target, None)]
    if functions:
        names = ", ".join(function.__name__ for function in functions)
        raise ContractError(
            f"{target} declares no implementation and has {len(functions)} functions (q, k, v, ...): {names}; "
            f"say which, as {target}:{functions[0].__name__}, or decorate them with @attnspec.implementation()"
        )
    raise ContractError(
        f"{target} declares no implementation and has no public function (q, k, v, ...); "
        "decorate one with @attnspec.implementation(), or name one after a colon"
    )


def _attribute(loaded: Loaded, attribute: str, target: str) -> Implementation:
    """One attribute of a module (dotted for one inside a class or namespace), or one name that it registered."""
    if attribute in loaded.registered:
        return loaded.registered[attribute]
    value = _value(loaded, attribute, target)
    return _implementation(value, target, attribute.rpartition(".")[2])


def _value(loaded: Loaded, attribute: str, target: str) -> Any:
    """One attribute of a module, dotted for one inside a class or namespace."""
    value: Any = loaded.module
    for part in attribute.split("."):
        if not hasattr(value, part):
            known = [*loaded.registered, *(name for name in vars(loaded.module) if not name.startswith("_"))]
            raise ContractError(
                f"{target}: {loaded.origin} has neither an attribute nor a registered name {attribute!r}"
                + nearest(attribute, known)
            )
        value = getattr(value, part)
    return value


def _implementation(value: Any, target: str, name: str | None) -> Implementation:
    """What was declared for a function, or the defaults for a bare one."""
    if isinstance(value, Implementation):
        return value
    for made in REGISTRY.values():
        if made.is_of(value):
            return made
    if not callable(value):
        raise ContractError(f"{target} is a {type(value).__name__}, not a function (q, k, v, ...)")
    made = implementation_of(value, name=getattr(value, "__name__", None) or name, origin=target)
    return made if made.name != "<lambda>" or not name else renamed(made, name)


def _unknown(target: str) -> str:
    if not target:
        return "an empty target names no implementation; known: " + ", ".join(shipped())
    known = [*shipped(), *families(), *(point.name for point in installed())]
    if Path(target).is_dir():
        return f"{target} is a directory; name a file in it, as {target.rstrip('/')}/my_kernel.py"
    return (
        f"unknown implementation {target!r}{nearest(target, known)}; known: {', '.join(known)}, "
        "a file my_kernel.py, my_kernel.py:attend or package.module:attend"
    )

"""Writes what the pages of this folder say about the spec, from the spec: a table that a hand copies grows stale.

`laws.md`, `words.md` and `faults.md` are generated whole, the last from what `make faults` measured. In other pages a
section between `<!-- generated: name -->` and `<!-- end -->` is generated, and the prose around it is written by hand. A
test holds the committed pages to this script.

    python docs/generate.py           write
    python docs/generate.py --check   write nothing; exit code 1 where a page is stale
"""

from __future__ import annotations

import inspect
import json
import math
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from attnspec.adapters.contract import CLAIMS, DTYPES
from attnspec.adapters.presets import PRESETS
from attnspec.conformance.engine.budget import BUDGETS
from attnspec.conformance.hosts.protocol import schema
from attnspec.conformance.language import load_laws
from attnspec.conformance.language.law import Law
from attnspec.conformance.language.loading import shortlist, spec_folder
from attnspec.conformance.language.text import read_yaml
from attnspec.conformance.operations.attention.masks import BIASES, MASKS
from attnspec.conformance.operations.over_heads.distributions import DISTRIBUTIONS
from attnspec.conformance.operations.sparse_attention.blocks import BLOCK_MASKS
from attnspec.conformance.vocabulary import CONSTANTS, WORDS, Word
from attnspec.conformance.vocabulary.word import KINDS
from attnspec.reference.arithmetic import NAMED, Arithmetic, default_arithmetic
from attnspec.reference.faults.catalogue import FAULTS
from attnspec.reports.kill_table import fault_page
from attnspec.reports.schema import Summary, checked
from attnspec.spec.operations import conventions, operations

DOCS = Path(__file__).resolve().parent
SECTION = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
NOTICE = "<!-- Written by docs/generate.py from the spec. Do not edit. -->"


def pages() -> dict[str, str]:
    """File name → text, for each page that is generated in whole or in part. Raises KeyError for an unknown section."""
    made = {"laws.md": laws_page(), "words.md": words_page(), "faults.md": faults_page()}
    made["protocol.schema.json"] = json.dumps(schema(), indent=1) + "\n"
    for file in sorted(DOCS.glob("*.md")):
        text = file.read_text(encoding="utf-8")
        if file.name not in made and SECTION.search(text):
            made[file.name] = SECTION.sub(lambda m: m[1] + SECTIONS[m[2]]() + m[3], text)
    return made


def laws_page() -> str:
    """Every law, by chapter."""
    laws = load_laws()
    lines = ["# The laws", "", NOTICE, "", f"{len(laws)} laws in {len({law.chapter for law in laws})} chapters."]
    lines += ["[Writing a law](writing-a-law.md) explains the notation, and [words](words.md) every word."]
    lines += ["A law is a must-law unless it says otherwise.", ""]
    for chapter, members in groupby(laws, lambda law: law.chapter):
        own = list(members)
        lines += [f"- [{chapter}](#{chapter}): {', '.join(f'[{_name(law)}](#{_slug(law.id)})' for law in own)}"]
    for chapter, members in groupby(laws, lambda law: law.chapter):
        own = list(members)
        place = f"spec/{own[0].operation}/laws/{own[0].file.name}"
        about = " ".join(str(read_yaml(own[0].file)[0]["about"]).split())
        lines += [
            "",
            f"## {chapter}",
            "",
            _sentences(about),
            f"[{place}](../{place})",
        ]
        for law in own:
            lines += ["", *_law(law)]
    return "\n".join(lines) + "\n"


def _law(law: Law) -> list[str]:
    given = [f"given {key}: {_yaml(value)}" for key, value in law.given.items()]
    where = [f"where {law.where}"] if law.where else []
    level = "" if law.level == "must" else f" ({law.level})"
    links = ", ".join(f"[{_short(link)}]({link})" for link in law.source)
    return [
        f"### {law.id}",
        "",
        f"{law.statement}{level}",
        "",
        *_fenced([law.equation, *where, *given]),
        "",
        f"- why: {law.why}",
        f"- kills: {', '.join(f'`{fault}`' for fault in law.kills)}",
        f"- source: {links}",
    ]


def words_page() -> str:
    """Every shipped word, by group."""
    shipped = [word for word in WORDS.values() if word.function.__module__.startswith("attnspec.")]
    used: dict[str, list[str]] = {word.name: [] for word in shipped}
    for law in load_laws():
        for name in law.words():
            used[name].append(law.id)
    lines = ["# The words", "", NOTICE, "", f"{len(shipped)} words of the law language, by group."]
    lines += ["Transforms turn a problem into another problem.", "Observations run the implementation."]
    lines += ["Meanings are what the reference says.", "Combiners compute with values, each with its interval."]
    for group in dict.fromkeys(word.group for word in shipped):
        lines += ["", f"## {group}"]
        for word in (word for word in shipped if word.group == group):
            lines += ["", f"### {word.name}", "", f"`{word.usage}` {_takes_and_gives(word)}", "", word.doc, ""]
            if word.asks:
                lines += [f"Asked only of implementations that claim `{word.asks}`."]
            lines += [_usage(used[word.name])]
    lines += ["", "## constants", "", "Names that stand for themselves: " + ", ".join(f"`{name}`" for name in CONSTANTS) + "."]
    return "\n".join(lines) + "\n"


def _takes_and_gives(word: Word) -> str:
    takes = [f"{name} is {_either(kinds)}" for name, kinds in word.accepts.items()]
    return f"gives {_either(word.gives)}" + (f"; {', '.join(takes)}" if takes else "") + "."


def _either(kinds: Iterable[str]) -> str:
    return " or ".join(kind for kind in KINDS if kind in kinds)


def _usage(laws: list[str]) -> str:
    if not laws:
        return "No shipped law uses it."
    links = ", ".join(f"[{law}](laws.md#{_slug(law)})" for law in laws[:3])
    return f"Used by {links}" + (f" and {len(laws) - 3} more." if len(laws) > 3 else ".")


def faults_page() -> str:
    """The score of the suite itself, as measured."""
    measured = [
        checked(json.loads(file.read_text(encoding="utf-8")), Summary, file.name)
        for file in sorted((DOCS / "data").glob("faults-*.json"))
    ]
    faults = {name: {"title": fault.title, "links": list(fault.links)} for name, fault in FAULTS.items()}
    lines = ["# Known mistakes", "", NOTICE, ""]
    lines += [f"{len(FAULTS)} mistakes that were made or reported are re-created in [reference](../reference)."]
    lines += ["Each was tried as an implementation on every law that can be asked of it."]
    lines += ["A cell says how many laws reject it, which one first, on which of its problems, and after how many seconds."]
    lines += ["`attnspec faults` measures it again, and `make faults` writes what this page is made of.", ""]
    for name, fault in FAULTS.items():
        if fault.equivalent:
            lines.append(f"`{name}` cannot be told from the definition: {fault.equivalent}")
        elif fault.dtypes:
            lines.append(f"`{name}` is tried in {', '.join(fault.dtypes)} only: {fault.because}")
    return "\n".join([*lines, *([""] if lines[-1] else []), *fault_page(measured, faults)]) + "\n"


def options_table(operation: str = "attention") -> str:
    """The options of an operation."""
    rows = [
        (f"`{name}`", entry["type"], f"`{_yaml(entry['default'])}`", entry["about"])
        for name, entry in operations()[operation]["options"].items()
    ]
    return _table(("option", "type", "default", "meaning"), rows)


def conventions_table() -> str:
    """Conventions with their choices."""
    rows = []
    for name, entry in conventions().items():
        choices = [f"`{choice}`: {about}" for choice, about in entry["choices"].items()]
        rows.append((f"`{name}`", entry["about"], "<br>".join(choices), f"`{entry['default']}`"))
    return _table(("convention", "what it settles", "choices", "assumed"), rows)


def presets_table() -> str:
    """Well-known signatures: what they carry, and how."""
    rows = []
    for preset in PRESETS.values():
        carried = ", ".join(
            f"`{option}`" if option == parameter else f"`{option}` as `{parameter}`"
            for option, parameter in preset.parameters.items()
        )
        settled = ", ".join(f"{name} {choice}" for name, choice in preset.conventions.items()) or "probed"
        rows.append((f"[`{preset.name}`]({preset.source})", f"{preset.arrays}, `{preset.layout}`", carried, settled))
    return _table(("signature", "arrays and layout", "options", "conventions"), rows)


def claims_table() -> str:
    """The claims, and the laws that ask for each."""
    asked = {claim: [law for law in load_laws() if claim in _listed(law.given.get("claims", []))] for claim in CLAIMS}
    rows = [
        (f"`{claim}`", ", ".join(f"[{law.id}](laws.md#{_slug(law.id)})" for law in laws) or "–")
        for claim, laws in asked.items()
    ]
    return _table(("claim", "laws that ask for it"), rows)


def arithmetic_models() -> str:
    """The named models, each by what sets it apart from the defaults of the fields."""
    rows = []
    for name, model in NAMED.items():
        own = [(f.name, getattr(model, f.name)) for f in fields(model) if f.name != "name"]
        changed = ", ".join(f"`{field}={_number(value)}`" for field, value in own if value != _default(field))
        users = [dtype for dtype in DTYPES if default_arithmetic(dtype) == name]
        rows.append((f"`{name}`", changed or "nothing", ", ".join(users) or "–"))
    return _table(("model", "fields that differ from their default", "assumed for"), rows)


def arithmetic_fields() -> str:
    """The fields of an arithmetic, from the docstring of the class."""
    names = [f.name for f in fields(Arithmetic)]
    text = " ".join(inspect.cleandoc(Arithmetic.__doc__ or "").split())
    parts = re.split(rf"(?:^|\s)({'|'.join(names)}): ", text)
    about = dict(zip(parts[1::2], parts[2::2], strict=True))
    rows = [(f"`{name}`", f"`{_number(_default(name))}`", _capital(about[name])) for name in names if name != "name"]
    return _table(("field", "default", "meaning"), rows)


def values_table() -> str:
    """What `given: {values: …}` may name."""
    return _table(("values", "what they hold"), [(f"`{name}`", _first(made)) for name, made in DISTRIBUTIONS.items()])


def patterns_table() -> str:
    """What `given: {mask: …}`, `given: {bias: …}` and `given: {block_mask: …}` may name."""
    named: list[tuple[str, dict[str, Callable[..., Any]]]] = [("mask", MASKS), ("bias", BIASES), ("block_mask", BLOCK_MASKS)]
    return _table(
        ("option", "pattern", "what it does"),
        [(option, f"`{name}`", _first(made)) for option, patterns in named for name, made in patterns.items()],
    )


def budgets_table() -> str:
    """The budgets."""
    laws, few = len(load_laws()), len(shortlist())
    rows = [
        (f"`{b.name}`", str(few if b.short else laws), str(b.examples), str(b.costly), f"{b.timeout:g} s", f"{b.call:g} s")
        for b in BUDGETS.values()
    ]
    each = "for each law and dtype"
    head = ("budget", "laws", f"problems {each}", "where calls are compiled or interpreted", f"time {each}", "for a call")
    return _table(head, rows)


def profiles_table() -> str:
    """The profiles."""
    data = read_yaml(spec_folder() / "profiles.yaml")[0]
    rows = [(f"`{name}`", entry["about"], str(len(entry["laws"]))) for name, entry in data.items()]
    return _table(("profile", "for", "laws"), rows)


def approximations_table() -> str:
    """What `benchmarks/approximations.py` measured, point by point."""
    data = json.loads((DOCS / "data" / "approximations.json").read_text(encoding="utf-8"))
    rows = []
    for row in (*data["taylor_by_order"], *data["taylor_by_scale"]):
        rows.append((f"Taylor map of order {row['order']}", f"{row['reach']:g}", *_points(row)))
    for row in (*data["random_by_count"], *data["orthogonal_by_count"], *data["random_by_scale"]):
        kind = "orthogonal" if row["orthogonal"] else "random"
        rows.append((f"{row['features']} {kind} features", f"{row['reach']:g}", *_points(row)))
    return _table(("approximation", "scores up to", "measured", "proved", "closest"), dict.fromkeys(rows))


def _points(row: dict[str, Any]) -> tuple[str, str, str]:
    proved = "–" if row["proved"] is None else f"{row['proved']:.2g}"
    return f"{row['measured']:.2g}", proved, "–" if row["proved"] is None else f"{row['closest']:.2f}"


def drawn_features_table() -> str:
    """What `benchmarks/drawn_features.py` measured: rejections of so many problems."""
    data = json.loads((DOCS / "data" / "drawn-features.json").read_text(encoding="utf-8"))
    rows = []
    for law, by_dtype in data.items():
        names = dict.fromkeys(name for found in by_dtype.values() for name in found)
        for name in names:
            cells = [" of ".join(map(str, found[name])) if name in found else "–" for found in by_dtype.values()]
            said = "correct kernels" if name == "correct" else f"`{name}`"
            rows.append((f"[{law}](laws.md#{_slug(law)})", said, *cells))
    return _table(("law", "kernel", *next(iter(data.values()))), rows)


def messages_table() -> str:
    """The messages between a judge and a program, a row for each field."""
    rows = []
    for name, about in schema()["$defs"].items():
        kind = about["properties"].get("type", {}).get("enum", [name.lower()])[0]
        fields_of = {field: each for field, each in about["properties"].items() if field != "type"}
        rows.append((f"`{kind}`" if "type" in about["properties"] else "an array", "", about["description"]))
        rows += [("", f"`{field}`", each.get("description", "")) for field, each in fields_of.items()]
    return _table(("message", "field", "what it is"), rows)


SECTIONS: dict[str, Callable[[], str]] = {
    "options": options_table,
    "sparse-options": lambda: options_table("sparse_attention"),
    "linear-options": lambda: options_table("linear_attention"),
    "random-options": lambda: options_table("random_feature_attention"),
    "approximations": approximations_table,
    "drawn-features": drawn_features_table,
    "conventions": conventions_table,
    "presets": presets_table,
    "claims": claims_table,
    "arithmetic-models": arithmetic_models,
    "arithmetic-fields": arithmetic_fields,
    "values": values_table,
    "patterns": patterns_table,
    "budgets": budgets_table,
    "profiles": profiles_table,
    "messages": messages_table,
}


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _fenced(lines: Iterable[str]) -> list[str]:
    return ["```text", *lines, "```"]


def _sentences(text: str) -> str:
    """One sentence a line."""
    return re.sub(r"(?<=[.!?]) (?=[A-Z])", "\n", text)


def _name(law: Law) -> str:
    return law.id.partition("/")[2]


def _slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _short(link: str) -> str:
    return link.removeprefix("https://").removeprefix("github.com/").rstrip("/")


def _first(function: Callable[..., Any]) -> str:
    return inspect.cleandoc(function.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


def _default(field: str) -> Any:
    default = next(f.default for f in fields(Arithmetic) if f.name == field)
    return None if default is MISSING else default


def _number(value: Any) -> str:
    """A power of two as 2^n, anything else as it is."""
    if isinstance(value, float) and value > 0 and math.frexp(value)[0] == 0.5:
        return f"2^{math.frexp(value)[1] - 1}"
    return str(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _yaml(value: Any) -> str:
    """A value as YAML writes it on one line."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_yaml(each)}' for key, each in value.items())}}}"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check say which are stale."""
    stale = {name: text for name, text in pages().items() if not _same(DOCS / name, text)}
    for name, text in stale.items():
        print(f"docs/{name} is stale" if "--check" in arguments else f"docs/{name} written")
        if "--check" not in arguments:
            (DOCS / name).write_text(text, encoding="utf-8")
    return int("--check" in arguments and bool(stale))


def _same(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

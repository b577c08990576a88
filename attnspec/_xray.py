"""`attnspec xray`: the mask and the weights of an implementation, read off its outputs and drawn beside what is due."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ._files import write_given
from ._targets import targets_of

__all__ = ["show_xray"]

FORMATS = (".svg", ".png")

SHAPE = "1hqk"
"""The shape of a mask that is named without one: another for each head."""

WIDEST = 100
"""Keys up to which a terminal shows a picture."""


def show_xray(address: str, given: dict[str, Any]) -> int:
    """Print or write the pictures. Exit code 0 where every mask is the one due and every weight within its bound, else 1.

    Raises Mistake for an option that the implementation lacks, a problem that cannot be, and another ending than .svg and .png.
    """
    from attnspec.conformance.diagnosis.xray import blocks, take, verdict
    from attnspec.conformance.operations import operation_named
    from attnspec.conformance.selection import Mistake
    from attnspec.conformance.survey import surveyed

    out = Path(given["out"]) if given["out"] else None
    if out is not None and out.suffix not in FORMATS:
        raise Mistake(f"--out {out} ends neither in .svg nor in .png")
    targets = targets_of([address], hosted=True)
    if len(targets) > 1:
        raise Mistake(f"{address} names {len(targets)} implementations; name one, as {targets[0].address}")
    made = surveyed(targets[0].implementation)
    if not operation_named(made.operation).softmax:
        raise Mistake(f"{made.name} computes {made.operation}, whose weights are no softmax; an x-ray shows the weights of one")
    dtype = given["dtype"] or made.dtypes[0]
    if dtype not in made.dtypes:
        raise Mistake(f"{dtype} is not a dtype of {made.name}; its dtypes are {', '.join(made.dtypes)}")
    if out is None and given["sk"] > WIDEST:
        raise Mistake(f"a terminal shows {WIDEST} keys at most; write {given['sk']} of them with --out FILE.svg")
    try:
        pictures = take(
            made,
            _structure(made.operation, dtype, given).but(**made.takes.always),
            None if given["head"] is None else [given["head"]],
        )
    except ValueError as error:
        raise Mistake(str(error)) from None
    if out is not None:
        _write(out, pictures)
        click.echo(f"{out}: {len(pictures)} head{'s' if len(pictures) != 1 else ''} of {made.name}")
    for picture in pictures if out is None else []:
        click.echo("\n".join([f"{made.name} in {dtype}, " + blocks(picture)[0], *blocks(picture)[1:], ""]))
    click.echo(verdict(pictures))
    return 0 if all(picture.right for picture in pictures) else 1


def _structure(operation: str, dtype: str, given: dict[str, Any]) -> Any:
    """The structure that was asked for. Raises ValueError for sizes and options that do not fit."""
    from attnspec.conformance.diagnosis.xray import FEATURES
    from attnspec.conformance.problems.structure import Structure

    options: dict[str, Any] = {"causal": given["causal"] or None, "softcap": given["softcap"], "segments": given["segments"]}
    options["window"] = given["window"]
    options["mask"] = f"{given['mask']}:{SHAPE}" if given["mask"] and ":" not in given["mask"] else given["mask"]
    options["alibi_slopes"] = "geometric" if given["alibi"] else None
    options["sinks"] = "normal" if given["sinks"] else None
    kv_heads = given["kv_heads"] or given["heads"]
    sizes = {"hq": given["heads"], "hkv": kv_heads, "sq": given["sq"], "sk": given["sk"], "d": given["d"], "dv": FEATURES}
    return Structure(dtype=dtype, sizes=sizes, options=options, values="normal", seed=given["seed"], operation=operation)


def _write(out: Path, pictures: Any) -> None:
    from attnspec.conformance.diagnosis.pictures import png, svg

    write_given(out, png(pictures) if out.suffix == ".png" else svg(pictures))

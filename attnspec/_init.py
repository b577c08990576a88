"""`attnspec init`: a commented adapter to start from, which runs as it is written."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from ._files import write_given

__all__ = ["starting_point", "write_adapter"]


def starting_point(arrays: str, file: str = "my_kernel.py") -> str:
    """The text of an adapter for one kind of arrays, for a file of that name."""
    text = files("attnspec").joinpath("starting-points", f"{arrays}.py").read_text(encoding="utf-8")
    return text.replace("my_kernel.py", file)


def write_adapter(file: str, arrays: str) -> int:
    """Write it, never over a file that is there. Raises click.ClickException."""
    place = Path(file)
    if place.suffix != ".py":
        raise click.ClickException(f"{file}: an adapter is a Python file; name one that ends in .py")
    if place.exists():
        raise click.ClickException(f"{file} is there already and is left as it is; name another file, or remove it")
    write_given(place, starting_point(arrays, file))
    click.echo(f"{file}: a kernel for {arrays} arrays that is right as it stands; put yours in its place, then")
    click.echo(f"  attnspec run {file}")
    return 0

"""Files that the command line writes where it was told to. What cannot be written is one sentence, not a traceback."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["write_given"]


def write_given(file: Path, content: str | bytes) -> None:
    """Write a file, in a folder that is made. Raises click.ClickException."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be written: {error.strerror or error}") from None

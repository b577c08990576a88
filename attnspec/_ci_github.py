"""What GitHub reads of a job: annotations, the page of the job, outputs. Elsewhere an annotation is a sentence on stderr."""

from __future__ import annotations

import os
from typing import Literal

import click

__all__ = ["add_output", "add_summary", "annotate"]

ESCAPES = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
"""A line break in what somebody typed must not begin a command of the runner."""


def annotate(kind: Literal["error", "warning"], sentence: str) -> None:
    """Say a sentence where it is seen."""
    if os.environ.get("GITHUB_ACTIONS"):
        click.echo(f"::{kind}::attnspec: {sentence.translate(ESCAPES)}")
    else:
        click.echo(f"attnspec: {sentence}", err=True)


def add_summary(text: str) -> None:
    """Put Markdown on the page of the job."""
    _append("GITHUB_STEP_SUMMARY", text)


def add_output(name: str, value: int) -> None:
    """Give a number to the steps that follow."""
    _append("GITHUB_OUTPUT", f"{name}={value}\n")


def _append(variable: str, text: str) -> None:
    file = os.environ.get(variable)
    if file:
        with open(file, "a", encoding="utf-8") as stream:
            stream.write(text)

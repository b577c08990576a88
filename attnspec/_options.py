"""Options that several commands have, or all."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

__all__ = ["laws_options", "no_color", "version_option", "with_option"]

WITH = "ATTNSPEC_WITH"
"""The environment variable of conformance.operations that names modules to import first."""


def version_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that says what this is, and leaves."""

    def say(context: click.Context, option: click.Parameter, given: bool) -> None:
        if given:
            from attnspec.reports.environment import spec_hash

            said = spec_hash()
            click.echo(f"attnspec, version {said['version']}, suite {said['suite']} (spec {said['spec']})")
            context.exit()

    about = "Show the versions and exit."
    return click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=say, help=about)(command)


def with_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that names modules to import first. They stand in the environment, for processes that a command starts."""

    def put(context: click.Context, option: click.Parameter, modules: tuple[str, ...]) -> None:
        if modules:
            named = [os.path.abspath(name) if name.endswith(".py") else name for name in modules]
            os.environ[WITH] = os.pathsep.join([*filter(None, [os.environ.get(WITH)]), *named])

    about = "Import this module or file first: it adds operations or words (repeatable)."
    return click.option("--with", multiple=True, metavar="MODULE", expose_value=False, callback=put, help=about)(command)


def laws_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which laws are chosen."""
    for option in reversed(
        (
            click.option("--laws", multiple=True, metavar="GLOB", help="Only laws whose id matches (repeatable)."),
            click.option("--profile", metavar="NAME", help="Only the laws of a profile."),
            click.option("--laws-file", multiple=True, metavar="FILE", help="A file of further laws (repeatable)."),
        )
    ):
        command = option(command)
    return command


def no_color(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option for which NO_COLOR is the environment's word; rich reads that."""

    def switch_off(context: click.Context, option: click.Parameter, given: bool) -> None:
        if given:
            os.environ["NO_COLOR"] = "1"

    about = "No colours; so does the environment variable NO_COLOR."
    return click.option("--no-color", is_flag=True, expose_value=False, callback=switch_off, help=about)(command)

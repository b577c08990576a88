"""Groups of commands of which one may be left out."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["Defaulting"]


class Defaulting(click.Group):
    """`attnspec report DIR` is `attnspec report show DIR`, and `attnspec laws` is `attnspec laws list`.

    What is called like a command of the group is written otherwise: the folder ./merge, the laws check*.
    """

    def __init__(self, *given: Any, default: str, alone: bool = False, **more: Any) -> None:
        super().__init__(*given, **more)
        self.default, self.alone = default, alone

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] not in ([name] for name in (*self.commands, "-h", "--help")) and (args or self.alone):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

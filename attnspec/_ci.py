"""`attnspec ci`: what can be typed, and what the environment may say instead.

A CI system hands a job what it was told as environment variables: written into a script, a title or a path would be code. So
every option is read from there too. Values are handed on as they are, and the run says what is wrong with one.
"""

from __future__ import annotations

from typing import Any

import click

from ._defaulting import Defaulting

__all__ = ["ci"]

PREFIX = "ATTNSPEC_CI"
ENVIRONMENT = {"auto_envvar_prefix": PREFIX}

OUT, REPORT = f"{PREFIX}_OUT", "attnspec-report"
"""The variable that names the folder of the report, and the folder where it names none."""


class _OneALine(click.types.StringParamType):
    """Texts, of which a variable has one a line; spaces inside belong to them."""

    def split_envvar_value(self, rv: str) -> list[str]:
        return [line.strip() for line in rv.split("\n") if line.strip()]


LINES = _OneALine()


@click.group(cls=Defaulting, default="run", alone=True)
def ci() -> None:
    """Be a job of continuous integration (attnspec ci IMPL...), or tell the pull request (attnspec ci comment)."""


@ci.command("run", context_settings=ENVIRONMENT)
@click.argument("implementations", nargs=-1, type=LINES, envvar=f"{PREFIX}_IMPLEMENTATIONS", metavar="[IMPL]...")
@click.option("--merge", metavar="DIR", help="Merge the reports of shards below a folder, instead of a run.")
@click.option("--budget", default="standard", show_default=True, metavar="NAME", help="quick, standard, deep or long.")
@click.option("--profile", metavar="NAME", help="Only the laws of a profile; the badge is about it.")
@click.option("--laws", multiple=True, type=LINES, metavar="GLOB", help="Only laws whose id matches (repeatable).")
@click.option("--laws-file", multiple=True, type=LINES, metavar="FILE", help="A file of further laws (repeatable).")
@click.option("--baseline", multiple=True, type=LINES, metavar="FILE", help="YAML file of known failures (repeatable).")
@click.option("--dtype", multiple=True, type=LINES, metavar="D", help="Only this dtype (repeatable).")
@click.option("--examples", metavar="N", help="Problems a law, instead of the budget's.")
@click.option("--seed", metavar="S", help="Seed of every problem.")
@click.option("-j", "--jobs", metavar="N", help="Worker processes.")
@click.option("--shard", metavar="I/N", help="Only part I of N of the run; --merge joins the parts.")
@click.option("--compare", metavar="REPORT", help="An older report, a folder or a file; a regression against it is red.")
@click.option("--out", default=REPORT, show_default=True, metavar="DIR", help="Where the report goes, in all its forms.")
def ci_run(**given: Any) -> int:
    """Run laws or merge shards, write every form of the report, compare it with an older one, and end with one exit code.

    A run that a kernel kills leaves a report too, an incomplete one. Each option may stand in the environment instead:
    --laws-file as ATTNSPEC_CI_LAWS_FILE, IMPL as ATTNSPEC_CI_IMPLEMENTATIONS. What may be given several times has one a line
    there.

    Exit code of the run, or of the merge: 0: every claimed must-law holds. 1: one does not, or the report is incomplete.
    2: wrong usage, or nothing decided. More than 128: the run was killed. Where it is 0, that of attnspec diff.
    """
    from ._ci_run import run_job

    return run_job(given)


@ci.command("comment", context_settings=ENVIRONMENT)
@click.argument("place", default=REPORT, envvar=OUT, metavar="[DIR]")
@click.option("--pull-request", type=int, required=True, metavar="N", help="The number of the pull request.")
@click.option("--name", default="", metavar="NAME", help="Whose comment it is; each name has one in a pull request.")
def ci_comment(place: str, pull_request: int, name: str) -> int:
    """Write the summary in DIR into a pull request of GitHub.

    It is always the same comment, with the comparison under the summary, or a link to the run where both are too long. For a
    job of GitHub, through gh, whose token is GH_TOKEN. Each option may stand in the environment instead, as
    ATTNSPEC_CI_PULL_REQUEST. A comment that cannot be written is a warning, and no failure of a law: exit code 0.
    """
    from ._ci_comment import tell_pull_request

    return tell_pull_request(place, pull_request, name)

"""The command line: what can be typed, and what is printed when it was typed wrong.

A mistake is one sentence on stderr and exit code 2, never a traceback. Each command imports what it needs when it runs, so
that `attnspec --help` and `attnspec laws` answer at once and import no framework.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from ._ci import ci
from ._defaulting import Defaulting
from ._options import laws_options, no_color, version_option, with_option
from ._streams import ready

__all__ = ["main"]

FILES = ("html", "markdown", "junit", "badge", "ctrf")
"""Forms of a report that are files of their own."""

ARRAYS = ("numpy", "torch", "jax")

EXIT_CODES = "Exit code 0: every claimed must-law holds. 1: one does not. 2: wrong usage, a broken spec, or nothing decided."


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@version_option
@with_option
def cli() -> None:
    """Hold attention implementations to the laws of attention."""


@cli.command()
@click.argument("implementations", nargs=-1, required=True, metavar="IMPL...")
@click.option("--budget", default="quick", show_default=True, metavar="NAME", help="quick, standard, deep or long.")
@laws_options
@click.option("--dtype", multiple=True, metavar="D", help="Only this dtype (repeatable).")
@click.option(
    "--device", metavar="D", help="Where PyTorch, Triton and JAX compute, as cpu or cuda; Triton is interpreted on cpu."
)
@click.option("--examples", type=int, metavar="N", help="Problems a law, instead of the budget's.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="S", help="Seed of every problem.")
@click.option("-j", "--jobs", type=click.IntRange(min=0), default=2, show_default=True, metavar="N", envvar="ATTNSPEC_JOBS",
              show_envvar=True, help="Worker processes; 0 runs in this one, where a crash ends the run.")  # fmt: skip
@click.option("--timeout", type=float, metavar="S", help="Seconds a law, implementation and dtype, instead of the budget's.")
@click.option(
    "--signature", metavar="NAME", help="IMPL has the signature of a library: sdpa, flash_attn, xformers, jax, keras, …"
)
@click.option("--arrays", metavar="KIND", help="IMPL takes numpy, torch or jax arrays.")
@click.option("--in-process", is_flag=True, help="Call kernels in the process that judges them, as a debugger wants it.")
@click.option("--strict", is_flag=True, help="Every exception is an error, none a refusal; no survey is made.")
@click.option("--first", is_flag=True, help="Leave an implementation at its first finding.")
@click.option("--certificate", is_flag=True, help="Say which known faults each pass would have caught (slow, once).")
@click.option("--shard", metavar="I/N", help="Only part I of N of the run; attnspec report merge joins the parts.")
@click.option("--out", metavar="DIR", help="Write the results there as they come, and report.json.")
@click.option("--format", "form", multiple=True, type=click.Choice(FILES),
              help="Write the report in this form too, into DIR (repeatable).")  # fmt: skip
@click.option("--baseline", multiple=True, metavar="FILE", help="YAML file of known failures (repeatable).")
@click.option("-q", "--quiet", is_flag=True, help="No progress, only the summary at the end.")
@no_color
def run(**given: Any) -> int:
    """Run laws on implementations.

    IMPL is a shipped name (numpy/flash), a family (torch), a file (my_kernel.py), my_kernel.py:attend, or
    package.module:attend.
    """
    from ._run import run_laws

    return run_laws(given)


@cli.command("list")
@click.argument("implementations", nargs=-1, metavar="[IMPL]...")
def list_(implementations: Sequence[str]) -> int:
    """List the implementations that come with the kit; with IMPL, what each claims and declares."""
    from ._show import list_implementations

    return list_implementations(implementations)


@cli.group(cls=Defaulting, default="list", alone=True)
def laws() -> None:
    """List the laws (attnspec laws [GLOB]), or check laws of one's own (attnspec laws check FILE...)."""


@laws.command("list")
@click.argument("pattern", default="*", metavar="[GLOB]")
@click.option("--chapter", metavar="NAME", help="Only this chapter.")
@click.option("--laws-file", multiple=True, metavar="FILE", help="A file of further laws (repeatable).")
def laws_list(pattern: str, chapter: str | None, laws_file: Sequence[str]) -> int:
    """List the laws whose id matches GLOB."""
    from ._show import list_laws

    return list_laws(pattern, chapter, laws_file)


@laws.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--dtype", multiple=True, metavar="D", help="A dtype (repeatable); float32, float16 and bfloat16 by default.")
def laws_check(files: Sequence[str], dtype: Sequence[str]) -> int:
    """Check that laws of one's own hold for the reference, and reject every mistake that they name under kills.

    Exit code 0: each does. 1: one does not. 2: wrong usage, or a file that is not a chapter of laws.
    """
    from ._check_laws import check_files

    return check_files(files, dtype)


@cli.command()
@click.argument("law")
@click.option("--laws-file", multiple=True, metavar="FILE", help="A file of further laws (repeatable).")
def explain(law: str, laws_file: Sequence[str]) -> int:
    """Explain one law: its equation, its words, why it is there and where it comes from."""
    from ._show import explain_law

    return explain_law(law, laws_file)


@cli.command()
@click.argument("case", metavar="[CASE]", required=False)
@click.argument("implementation", metavar="[IMPL]", required=False)
@click.option("--laws-file", multiple=True, metavar="FILE", help="A file of further laws (repeatable).")
def replay(case: str | None, implementation: str | None, laws_file: Sequence[str]) -> int:
    """Run one CASE again, as a finding prints it, or the script of a finding. Without CASE: every failure that runs from this
    folder recorded (of IMPL, where only that is given).

    Exit code 0 where all is fixed, 1 where something still fails, 3 where a script finds other answers and cannot tell whether
    they are right.
    """
    from ._replay import replay_case

    return replay_case(case, implementation, laws_file)


@cli.command()
@click.argument("file", default="my_kernel.py", metavar="[FILE]")
@click.option("--arrays", type=click.Choice(ARRAYS), default="numpy", show_default=True, help="What your kernel takes.")
def init(file: str, arrays: str) -> int:
    """Write a commented adapter to start from, my_kernel.py by default. It runs as it is; put your kernel in it."""
    from ._init import write_adapter

    return write_adapter(file, arrays)


@cli.command()
@click.argument("implementations", nargs=-1, required=True, metavar="IMPL...")
def doctor(implementations: Sequence[str]) -> int:
    """Check that an implementation is declared rightly, before asking whether it is right."""
    from ._doctor import examine

    return examine(implementations)


@cli.command()
@click.argument("pattern", default="*", metavar="[GLOB]")
@click.option("--budget", default="standard", show_default=True, metavar="NAME", help="quick, standard, deep or long.")
@click.option("--dtype", multiple=True, metavar="D", help="A dtype (repeatable); float32 and bfloat16 by default.")
@click.option("--laws", multiple=True, metavar="GLOB", help="Only laws whose id matches (repeatable).")
@click.option("--laws-file", multiple=True, metavar="FILE", help="A file of further laws (repeatable); their kills must hold.")
@click.option("--examples", type=int, metavar="N", help="Problems a law, instead of the budget's.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="S", help="Seed of every problem.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=2, show_default=True, metavar="N", help="Processes.")
@click.option("--out", metavar="DIR", help="Write faults.json, faults-summary.json and faults.md there.")
@click.option("--json", is_flag=True, help="Print the matrix as JSON.")
def faults(**given: Any) -> int:
    """Try every law on every known mistake whose name matches GLOB, and list those that survive.

    Exit code 0: every mistake is rejected. 1: one survives, or a law rejects the definition or lets pass what it names.
    2: wrong usage, or nothing tried.
    """
    from ._faults import try_faults

    return try_faults(given)


@cli.command()
@click.argument("implementations", nargs=-1, required=True, metavar="IMPL...")
@click.option("--dtype", metavar="D", help="Only this dtype.")
@click.option("--examples", type=click.IntRange(min=1), default=30, show_default=True, metavar="N", help="Problems a law.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="S", help="Seed of every problem.")
def measure(implementations: Sequence[str], dtype: str | None, examples: int, seed: int) -> int:
    """Measure the arithmetic of an implementation: the tightest named model that holds, and how close errors come to it.

    Exit code 1 where no named model holds in some dtype.
    """
    from ._measure import measure_implementations

    return measure_implementations(implementations, dtype, examples, seed)


@cli.command()
@click.argument("implementation", metavar="IMPL")
@click.option("--causal", is_flag=True, help="With causality.")
@click.option("--window", metavar="L,R", help="With a window, as 3,0 or none,2.")
@click.option(
    "--mask",
    metavar="PATTERN[:SHAPE]",
    help="With a mask, as random, sparse or checkerboard; random:b11k has its axes b, 1, 1 and k instead of one for each head.",
)
@click.option("--segments", type=click.IntRange(min=1), metavar="N", help="With so many packed documents.")
@click.option("--softcap", type=float, metavar="X", help="With a softcap.")
@click.option("--alibi", is_flag=True, help="With ALiBi slopes.")
@click.option("--sinks", is_flag=True, help="With sinks.")
@click.option("--sq", type=click.IntRange(min=1), default=8, show_default=True, metavar="N", help="Queries.")
@click.option("--sk", type=click.IntRange(min=1), default=12, show_default=True, metavar="N", help="Keys.")
@click.option("--heads", type=click.IntRange(min=1), default=1, show_default=True, metavar="H", help="Query heads.")
@click.option("--kv-heads", type=click.IntRange(min=1), metavar="H", help="Key heads; as many as query heads by default.")
@click.option("--d", type=click.IntRange(min=1), default=16, show_default=True, metavar="N", help="Features of a query.")
@click.option("--dtype", metavar="D", help="The dtype; the first that is declared by default.")
@click.option("--head", type=int, metavar="H", help="Only this head.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="S", help="Seed of the problem.")
@click.option("--out", metavar="FILE", help="Write a picture, .svg or .png, instead of the terminal.")
def xray(implementation: str, **given: Any) -> int:
    """Draw the mask and the weights of an implementation, read off its outputs, beside what is due.

    Exit code 1 where a mask is not the one that is due, or a weight lies outside the bound of the declared arithmetic.
    """
    from ._xray import show_xray

    return show_xray(implementation, given)


@cli.group(cls=Defaulting, default="show")
def report() -> None:
    """Show a report in another form (attnspec report DIR --format F), or join several (attnspec report merge DIR...)."""


@report.command("show")
@click.argument("place", required=False, metavar="DIR")
@click.option("--format", "form", type=click.Choice((*FILES, "json", "text")), default="text", show_default=True,
              help="In which form.")  # fmt: skip
@click.option("--out", metavar="FILE", help="Write it there instead of the terminal; a badge is a picture in a .svg.")
@click.option("--profile", default="core", show_default=True, metavar="NAME", help="What the badge is about.")
@click.option("--faults", metavar="FILE", help="Show in the page how the suite fares: faults.json of attnspec faults --out.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of report.json.")
def report_show(**given: Any) -> int:
    """Show the report in DIR (or in a file) in another form.

    Exit code 0, whatever the laws said. 1: the report is incomplete. 2: wrong usage, or no report.
    """
    from ._report import show_report

    return show_report(given)


@report.command("merge")
@click.argument("places", nargs=-1, required=True, metavar="DIR...")
@click.option("--out", required=True, metavar="DIR", help="Where the joint report goes.")
@click.option("--format", "form", multiple=True, type=click.Choice(FILES), help="Write it in this form too (repeatable).")
@click.option("--profile", default="core", show_default=True, metavar="NAME", help="What the badge is about.")
@no_color
def report_merge(places: Sequence[str], out: str, form: Sequence[str], profile: str) -> int:
    """Join the shards of a run, or reports of different implementations that were asked the same way.

    Exit code as of the run: 0: every claimed must-law holds. 1: one does not, or a shard is missing. 2: the reports do not
    belong together, or nothing was decided.
    """
    from ._report import merge_reports_of

    return merge_reports_of(places, out, form, profile)


@cli.command()
@click.argument("old")
@click.argument("new")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True,
              help="How it is shown.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Red too where only a ratio of a must-law became worse.")
@click.option("--out", metavar="FILE", help="Write it there instead of the terminal.")
def diff(old: str, new: str, form: str, strict: bool, out: str | None) -> int:
    """Compare two reports, each a folder or a file: what broke, what is fixed, whose ratios moved, who claims what.

    Exit code 0: no regression. 1: a must-law newly fails, has no answer, is not claimed or vanished, or a report is incomplete.
    2: wrong usage, or the reports have no result in common.
    """
    from ._diff import show_diff

    return show_diff(old, new, form, strict, out)


@cli.command()
@click.argument("folder")
@click.option("--out", required=True, metavar="FILE", help="A picture .svg, or the numbers as .json or .md.")
def trend(folder: str, out: str) -> int:
    """Draw laws passed and failed, and the worst ratio of each chapter, over all reports in FOLDER, in the order of time."""
    from ._diff import show_trend

    return show_trend(folder, out)


@cli.group()
def baseline() -> None:
    """Known failures: the file that `attnspec run --baseline FILE` reads."""


@baseline.command("update")
@click.argument("report")
@click.option("--file", required=True, metavar="FILE", help="The baseline; it is made where there is none.")
def baseline_update(report: str, file: str) -> int:
    """Bring a baseline in line with a report: failures of must-laws come in, without a reason, and what passes goes out.

    A new entry has an empty reason, and `attnspec run` refuses the file until somebody says why.
    """
    from ._baseline import update_baseline

    return update_baseline(report, file)


cli.add_command(ci)


def main(arguments: Sequence[str] | None = None) -> None:
    """The `attnspec` command. Exits the process."""
    ready()
    code = _guarded(arguments)
    sys.exit(2 if code == 0 and getattr(sys.stdout, "lost", False) else code)  # What nobody could read is no success.


def _guarded(arguments: Sequence[str] | None) -> int:
    try:
        code = cli.main(args=None if arguments is None else list(arguments), prog_name="attnspec", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        return _mistake(error.format_message())
    except SystemExit as error:
        return _mistake(f"the implementation called sys.exit({error.code!r}); remove that, or raise an exception")
    except (click.Abort, KeyboardInterrupt):
        click.echo("attnspec: interrupted", err=True)
        return 130
    except Exception as error:
        from attnspec.conformance.hosts.line import Ended

        if isinstance(error, Ended):
            return _mistake(f"the implementation {error}; attnspec run tells more")
        if not isinstance(error, _mistakes()):
            raise
        return _mistake(str(error))


def _mistakes() -> tuple[type[Exception], ...]:
    """Errors of the user's making, whose text says what to do."""
    from attnspec.adapters.contract import ContractError
    from attnspec.conformance.language import SpecError
    from attnspec.conformance.selection import Mistake
    from attnspec.reports.baseline import BaselineError
    from attnspec.reports.formats import UnknownProfile
    from attnspec.reports.merge import MergeError
    from attnspec.reports.reading import ReportError
    from attnspec.reports.write import FolderError

    return (ContractError, SpecError, Mistake, BaselineError, FolderError, MergeError, ReportError, UnknownProfile)


def _mistake(sentence: str) -> int:
    click.echo(f"attnspec: {sentence}", err=True)
    return 2

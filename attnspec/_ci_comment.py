"""`attnspec ci comment`: the summary of a run in a pull request of GitHub, one comment that each run writes anew.

A hidden first line marks the comment, so that the next run finds it. A token that may not write is no failure of a law.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ._ci_github import annotate

__all__ = ["comment_body", "tell_pull_request"]

PAGES = ("report.md", "diff.md")

LONGEST = 65_000
"""Bytes; GitHub takes 65,536 characters."""

REFUSED = "the comment could not be written; it needs gh, and the job the permission pull-requests: write"


def tell_pull_request(place: str, number: int, name: str) -> int:
    """Write the comment, or warn that it cannot be written; 0 in both cases. Raises Mistake where GitHub runs no job."""
    repository, run = _job()
    mark = f"<!-- attnspec {name} -->"
    body = comment_body(mark, [page.read_text(encoding="utf-8") for page in _pages(Path(place))], run)
    comments = f"repos/{repository}/issues/{number}/comments"
    found = _gh(["--paginate", comments, "--jq", ".[] | select(.body | startswith(env.MARK)) | .id"], mark)
    if found is None:
        written = None
    elif found.split():
        written = _gh(_writing("PATCH", f"repos/{repository}/issues/comments/{found.split()[0]}"), mark, body)
    else:
        written = _gh(_writing("POST", comments), mark, body)
    if written is None:
        annotate("warning", REFUSED)
    return 0


def comment_body(mark: str, pages: Sequence[str], run: str) -> str:
    """The comment: its mark and the pages; a link to the run where there is none, or where they are too long for a comment."""
    body = "".join(f"{part}\n" for part in (mark, *(page.rstrip("\n") for page in pages)))
    if pages and len(body.encode("utf-8")) <= LONGEST:
        return body
    return f"{mark}\nattnspec: see the summary of [the run]({run}).\n"


def _pages(folder: Path) -> list[Path]:
    return [folder / name for name in PAGES if (folder / name).exists()]


def _job() -> tuple[str, str]:
    """The repository and the address of the run, as GitHub names them to a job. Raises Mistake."""
    from attnspec.conformance.selection import Mistake

    told = {name: os.environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")}
    for name, value in told.items():
        if not value:
            raise Mistake(f"{name} is not set; attnspec ci comment is for a job of GitHub, which sets it")
    server, repository, run = told.values()
    return repository, f"{server}/{repository}/actions/runs/{run}"


def _writing(method: str, where: str) -> list[str]:
    """The body comes from standard input, so that it is no argument, whatever its length."""
    return ["--silent", "--method", method, where, "-F", "body=@-"]


def _gh(arguments: Sequence[str], mark: str, body: str = "") -> str | None:
    """What `gh api` prints, or None where it is not there or fails; it says itself why."""
    try:
        done = subprocess.run(
            ["gh", "api", *arguments],
            input=body,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "MARK": mark},
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None

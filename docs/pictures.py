"""Makes the pictures of a report's page in docs/images: a picture that somebody once took shows a page that is no more.

    python docs/pictures.py

It needs chromium, as `make browser` does. Three kernels with a mistake each stand beside one that is right and two that are
shipped, so that the pictures show every verdict. What each picture leaves out of the page is hidden by a style sheet.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "reports" / "html"))

from browser import browser, run  # noqa: E402

from attnspec.reports.html import html_page  # noqa: E402
from attnspec.reports.record import Record  # noqa: E402

KERNELS = """
import numpy as np

import attnspec


def attention(q, k, v, causal, scale, later=0):
    scale = np.float32(1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * scale
    if causal:
        seen = np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None] + later
        scores = np.where(seen, scores, np.float32(-np.inf))
    weights = np.exp(scores - scores.max(-1, keepdims=True, initial=-np.inf))
    return weights / weights.sum(-1, keepdims=True) @ v


@attnspec.implementation(name="acme/right")
def right(q, k, v, *, causal=False, scale=None):
    return attention(q, k, v, causal, scale)


@attnspec.implementation(name="acme/off-by-one")
def off_by_one(q, k, v, *, causal=False, scale=None):
    return attention(q, k, v, causal, scale, later=1)


@attnspec.implementation(name="acme/scale-twice")
def scale_twice(q, k, v, *, causal=False, scale=None):
    scale = 1 / np.sqrt(q.shape[-1]) if scale is None else scale
    return attention(q, k, v, causal, scale * scale)


@attnspec.implementation(name="acme/raises")
def raises(q, k, v, *, causal=False, scale=None):
    if k.shape[2] % 16 == 1:
        raise RuntimeError("a last tile of one key")
    return attention(q, k, v, causal, scale)
"""

TRIED = ("kernels.py", "numpy/flash", "torch/sdpa-flash", *(f"--laws={name}/*" for name in ("causal", "masks", "weights")))

PICTURES = {
    "report-causes": (1400, "", "#laws, #laws ~ section, footer { display: none }"),
    "report-grid": (1400, "", "header, .contents, #causes, #laws ~ section, footer { display: none }"),
    "report-finding": (
        1400,
        "#chapter=causal&cell=causal/as-defined@acme/off-by-one",
        "header, .contents, .filter, #causes, #laws ~ section, footer { display: none } .opened .side { max-height: none }",
    ),
    "report-conventions": (1100, "", "header, .contents, .filter, main > :not(#conventions), footer { display: none }"),
}
"""File → width of the window, what the address asks for, and what is hidden."""

TALLEST = 1500
"""Pixels; a picture that would be higher is cut."""


def main() -> None:
    """Run the kernels, and take a picture of each part of their page."""
    chromium = browser()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        page = html_page(Record.of(report_of(folder)).report)
        for name, (width, address, style) in PICTURES.items():
            take(
                chromium,
                folder,
                name,
                page.replace("</style>", f"{style} body {{ padding-block: 2rem }}</style>", 1),
                width,
                address,
            )


def report_of(folder: Path) -> dict[str, object]:
    """A quick run on the kernels; exit code 1, for laws fail."""
    (folder / "kernels.py").write_text(KERNELS, encoding="utf-8")
    command = [sys.executable, "-m", "attnspec", "run", *TRIED, "--out", "report"]
    done = subprocess.run(command, cwd=folder, check=False)
    if done.returncode != 1:
        sys.exit(f"the run ended with {done.returncode}, not with 1")
    report: dict[str, object] = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))
    return report


def take(chromium: str, folder: Path, name: str, page: str, width: int, address: str) -> None:
    """Two visits: the first says how high the page is, the second takes the picture in a window of that height."""
    asked = "<script>document.body.dataset.height = document.documentElement.scrollHeight</script></body>"
    file = folder / f"{name}.html"
    file.write_text(page.replace("</body>", asked), encoding="utf-8")
    options = ("--hide-scrollbars", "--virtual-time-budget=3000", "--blink-settings=preferredColorScheme=1")
    dumped = run(chromium, folder, *options, f"--window-size={width},400", "--dump-dom", f"file://{file}{address}")
    found = re.search(r'data-height="(\d+)"', dumped)
    if found is None:
        sys.exit(f"{name}: the page's scripts did not come to their end")
    size = f"--window-size={width},{min(int(found[1]), TALLEST)}"
    run(chromium, folder, *options, size, f"--screenshot={ROOT / 'docs' / 'images' / name}.png", f"file://{file}{address}")


if __name__ == "__main__":
    main()

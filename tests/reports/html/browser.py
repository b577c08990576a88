"""Opens pages in a real browser: layout, filter, drill-down and keyboard, and how long a filter takes on 20,000 results.

`make browser` runs it. It needs chromium (Debian: apt-get install chromium; another by CHROMIUM=path) and is no test of pytest,
because not every machine on which the kit is tested has a browser. Checks run in the page itself, by a script that is added
to a copy of it.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from making import large, long_names, nasty, nothing, operations

from attnspec.reports.html import html_page
from attnspec.reports.record import Record

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

MOST = 200.0
"""Milliseconds that a filter may take at its best of three, layout included. Nobody waits for so long, and a machine that has
something else to do takes twice what an idle one takes."""

LARGEST = 5_000_000
"""Bytes of a page with 20,000 results."""

CHECKS = Path(__file__).with_name("checks.js")


def browser() -> str:
    """The path of a chromium. Exits with a sentence where there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None or not shutil.which(found):
        sys.exit(f"no chromium was found ({', '.join(NAMES)}); install it, or say CHROMIUM=path")
    return found


def run(chromium: str, folder: Path, *options: str) -> str:
    """What the browser prints. It writes into `folder` alone."""
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        sys.exit(f"{chromium} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def checked(
    chromium: str, folder: Path, name: str, page: str, function: str, size: str = "1440,900", state: str = "", frame: int = 0
) -> Any:
    """What one function of checks.js gives in the page.

    frame: the width of a frame for the page, because no window of this browser is as narrow as a phone.
    """
    script = f"{CHECKS.read_text(encoding='utf-8')}\nreport({function});"
    file = opened = folder / f"{name}.html"
    file.write_text(page.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    if frame:
        opened = folder / f"{name}-frame.html"
        opened.write_text(
            f'<body><iframe src="{file.name}" style="width:{frame}px;height:800px;border:0"></iframe>', encoding="utf-8"
        )
    options = (f"--window-size={size}", "--allow-file-access-from-files", "--dump-dom", f"file://{opened}{state}")
    dumped = run(chromium, folder, *options)
    found = re.search(r'<pre id="checked">(.*?)</pre>', dumped, re.DOTALL)
    if found is None:
        sys.exit(f"{name}: the page's scripts did not come to their end")
    return json.loads(html.unescape(found[1]))


def main() -> int:
    """Print each check with its outcome. 1 where one does not hold."""
    chromium, failed = browser(), 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        small, many = html_page(Record.of(nasty()).report), html_page(Record.of(large()).report)
        state = "#cell=weights/a@one&verdict=fail,error"
        lines = [
            *checked(chromium, folder, "small", small, "smallPage"),
            *checked(chromium, folder, "state", small, "stateOfAddress", state=state),
            *checked(chromium, folder, "first", small, "firstScreen", size="1400,900"),
            *checked(chromium, folder, "operations", html_page(Record.of(operations()).report), "operations", size="1400,900"),
            *checked(chromium, folder, "operations-narrow", html_page(Record.of(operations()).report), "operations", frame=390),
            *checked(chromium, folder, "narrow", small, "layout", frame=390),
            *checked(chromium, folder, "narrow-operations", html_page(Record.of(operations()).report), "layout", frame=390),
            *checked(chromium, folder, "wide", many, "layout"),
            *checked(chromium, folder, "names", html_page(Record.of(long_names()).report), "layout"),
            *checked(chromium, folder, "narrow-names", html_page(Record.of(long_names()).report), "layout", frame=390),
            *checked(chromium, folder, "empty", html_page(Record.of(nothing()).report), "emptyPage"),
        ]
        rounds = [checked(chromium, folder, "many", many, "timings") for _ in range(3)]
        times = {name: min(each[name] for each in rounds) for name in rounds[0]}  # What else runs here only adds to a time.
        lines += [{"what": f"{name}: {ms:.0f} ms", "holds": ms < MOST} for name, ms in times.items() if name != "open"]
        size = len(many.encode())
        lines.append({"what": f"{size / 1e6:.2f} MB for 20,000 results", "holds": size < LARGEST})
        print(f"      20,000 results are read and drawn in {times['open']:.0f} ms")
    for line in lines:
        failed += not line["holds"]
        print(f"{'ok  ' if line['holds'] else 'FAIL'}  {line['what']}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())

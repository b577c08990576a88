"""Numbers that another processor gives otherwise may differ in a quotation, and nothing else."""

from __future__ import annotations

from .commands import difference
from .conftest import page_files
from .varying import VARYING


def test_what_varies_between_processors_may_differ_and_nothing_else() -> None:
    row = "numpy/flash         3/3    2/2   0.01"
    assert difference(row, row.replace("0.01", "0.34")) is None
    for other in ("1.01", "–", "0.0"):
        assert difference(row, row.replace("0.01", other)) is not None
    assert difference(row, row.replace("2/2", "1/2")) is not None
    left = "  attend in float32: scale off by −0.00001 % (± 0.00099 %), gain off by +0.00000"
    assert difference(left, left.replace("−0.00001", "+0.00004").replace("+0.00000", "−0.00000")) is None
    for other in ("−0.00021", "−0.1", "−2.48416", "+nan"):
        assert difference(left, left.replace("−0.00001", other)) is not None
    said = "it gives what came on 24 of 24 problems, 19 of them wrong"
    assert difference(said, said.replace("24", "20").replace("19", "7")) is None
    for same, other in (("24 of 24", "23 of 24"), ("19", "0"), ("wrong", "right")):
        assert difference(said, said.replace(same, other)) is not None


def test_every_number_that_varies_is_quoted_and_has_its_reason() -> None:
    lines = [line for page in page_files() for line in page.read_text(encoding="utf-8").splitlines()]
    for each in VARYING:
        assert each.reason.endswith(".") and any(each.pattern.search(line) for line in lines), each.what

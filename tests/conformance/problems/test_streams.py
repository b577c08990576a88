"""Random numbers come from streams by name, and no two names share one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from attnspec import conformance
from attnspec.conformance.problems.streams import CHOICES, TAGS, choices, stream


@pytest.mark.parametrize("table", [TAGS, CHOICES])
def test_no_two_names_share_a_stream(table: dict[str, int]) -> None:
    assert len(set(table.values())) == len(table)


def test_a_name_gives_the_same_numbers_each_time_and_another_name_others() -> None:
    assert np.array_equal(stream(3, "q").random(5), stream(3, "q").random(5))
    assert not np.array_equal(stream(3, "q").random(5), stream(3, "k").random(5))
    assert not np.array_equal(choices(3, "junk").random(5), choices(3, "upstream gradient").random(5))


def test_a_choice_without_a_stream_is_an_error() -> None:
    with pytest.raises(KeyError):
        choices(0, "nothing")


def test_arrays_from_elsewhere_have_streams_of_their_own() -> None:
    names = (*TAGS, "rows", "columns", "weights")
    assert len({stream(3, name).random() for name in names}) == len(set(names))
    assert stream(3, "columns").random() == stream(3, "columns").random()


def test_each_purpose_is_used() -> None:
    place = Path(str(conformance.__file__)).parent
    text = "".join(file.read_text(encoding="utf-8") for file in place.rglob("*.py"))
    assert set(re.findall(r'\.generator\("([^"]+)"\)', text)) == set(CHOICES)

"""What crosses a line is what was sent; everything else is nonsense, and said to be."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator

import pytest

from attnspec.conformance.hosts.messages import (
    LONGEST,
    Answer,
    Call,
    Came,
    Channel,
    Describe,
    Each,
    Garbled,
    Question,
    Returned,
    Several,
    Threw,
)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    one, other = socket.socketpair()
    with one, other:
        yield Channel(one), Channel(other)


@pytest.mark.parametrize(
    "message",
    [
        Describe("kernels.py:attend"),
        Call("forward", 64, [], {"scale": Each(plain=float("inf")), "window": Each(plain=[3, -1])}, 8),
        Call("forward", 64, [], {"several": Each(several=[Each(plain=None), Each(plain=True)])}, 8),
    ],
)
def test_a_question_arrives_as_it_was_asked(ends: tuple[Channel, Channel], message: Question) -> None:
    ends[0].send(message)
    assert ends[1].receive(Question) == message


def test_an_answer_arrives_as_it_was_given(ends: tuple[Channel, Channel]) -> None:
    answer = Returned(Several([Came("ndarray", [1, 2], "float32", 64), Several([Came("int", None, why="3")])]), [0], 5)
    ends[0].send(answer)
    assert ends[1].receive(Answer) == answer
    ends[0].send(Threw(["ValueError"], "ValueError: \ud800", ["a", "b"]))
    assert ends[1].receive(Answer).said == "ValueError: \ud800"


def framed(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


@pytest.mark.parametrize(
    "sent",
    [
        framed(b"no json"),
        framed(b"\xff\xfe"),
        framed(b"[" * 100_000),
        framed(json.dumps({"type": "returned"}).encode()),
        framed(json.dumps({"type": "returned", "result": {"type": "came", "kind": 3}}).encode()),
        framed(json.dumps({"type": "unheard of"}).encode()),
        framed(b"NaN"),
        struct.pack("<I", LONGEST + 1),
    ],
)
def test_nonsense_is_said_to_be(ends: tuple[Channel, Channel], sent: bytes) -> None:
    ends[0].end.sendall(sent)
    with pytest.raises(Garbled):
        ends[1].receive(Answer)


def test_a_closed_line_is_none_also_in_the_middle_of_a_message(ends: tuple[Channel, Channel]) -> None:
    ends[0].end.sendall(framed(b"abcdef")[:-2])
    ends[0].end.close()
    assert ends[1].receive(Answer) is None

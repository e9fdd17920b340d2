"""Heads, lines and bytes from one buffer, over real socket pairs where a connection matters."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from smgwproxy.http1 import Incomplete, MessageError
from smgwproxy.wire import Wire

Pair = tuple[socket.socket, Wire]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The sender's end, and the wire at the other one."""
    sender, receiver = socket.socketpair()
    with sender, receiver:
        receiver.settimeout(20)
        yield sender, Wire(receiver.recv)


def test_a_head_is_returned_with_its_empty_line_and_nothing_behind_it(pair: Pair) -> None:
    sender, wire = pair
    sender.sendall(b"GET / HTTP/1.1\r\nHost: pi\r\n\r\nbodyGET /next HTTP/1.1\r\n\r\n")
    assert wire.head(100) == b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n"
    assert wire.some(4) == b"body"
    assert wire.head(100) == b"GET /next HTTP/1.1\r\n\r\n"
    assert not wire.pending


@pytest.mark.parametrize("head", [b"GET /\n\nx", b"GET /\r\n\nx", b"GET /\n\r\nx", b"\r\n\r\nx", b"\n\nx"])
def test_a_head_that_ends_in_bare_lfs_is_not_waited_for(pair: Pair, head: bytes) -> None:
    sender, wire = pair
    sender.sendall(head)
    assert wire.head(100) == head[:-1]


@pytest.mark.parametrize("limit", [18, 19])
def test_a_head_may_be_as_long_as_the_limit_however_much_follows(pair: Pair, limit: int) -> None:
    sender, wire = pair
    sender.sendall(b"GET / HTTP/1.1\r\n\r\n" + b"x" * 100)
    assert wire.head(limit) == b"GET / HTTP/1.1\r\n\r\n"


def test_a_whole_head_above_the_limit_is_refused_with_431(pair: Pair) -> None:
    sender, wire = pair
    sender.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(MessageError, match="17") as caught:
        wire.head(17)
    assert caught.value.status == 431


def test_a_head_without_end_is_refused_once_it_is_above_the_limit(pair: Pair) -> None:
    sender, wire = pair
    sender.sendall(b"x" * 18)  # the connection stays open: nobody may wait for more
    with pytest.raises(MessageError) as caught:
        wire.head(17)
    assert caught.value.status == 431


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: pi\r\n\r"])
def test_a_connection_that_ends_within_a_head_is_incomplete(pair: Pair, start: bytes) -> None:
    sender, wire = pair
    sender.sendall(start)
    sender.close()
    with pytest.raises(Incomplete):
        wire.head(100)


def test_a_head_that_comes_octet_by_octet_is_found() -> None:
    octets = [bytes([octet]) for octet in b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n"]
    assert Wire(lambda _: octets.pop(0)).head(100) == b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n"


def test_begun_tells_a_message_from_the_end(pair: Pair) -> None:
    sender, wire = pair
    sender.sendall(b"a")
    assert wire.begun()
    assert wire.pending
    assert wire.begun()
    assert wire.some(10) == b"a"
    sender.close()
    assert not wire.begun()
    assert not wire.pending


def test_lines_end_at_the_limit_or_at_the_end(pair: Pair) -> None:
    sender, wire = pair
    sender.sendall(b"ab\ncdefg\nhi")
    assert wire.line(10) == b"ab\n"
    assert wire.line(3) == b"cde"
    assert wire.line(3) == b"fg\n"
    sender.close()
    assert wire.line(10) == b"hi"
    assert wire.line(10) == b""


def test_a_line_is_not_waited_for_beyond_the_limit(pair: Pair) -> None:
    sender, wire = pair
    sender.sendall(b"abc")
    assert wire.line(3) == b"abc"


def test_some_does_not_wait_for_all(pair: Pair) -> None:
    sender, wire = pair
    sender.sendall(b"abc\ndef")
    assert wire.line(10) == b"abc\n"
    assert wire.some(2) == b"de"
    assert wire.some(10) == b"f"
    sender.sendall(b"ghi")
    assert wire.some(2) == b"gh"
    sender.close()
    assert wire.some(2) == b"i"
    assert wire.some(2) == b""


@pytest.mark.parametrize(
    "ask",
    [Wire.begun, lambda wire: wire.head(9), lambda wire: wire.line(9), lambda wire: wire.some(9)],
    ids=["begun", "head", "line", "some"],
)
def test_errors_of_the_connection_pass_through(ask: Callable[[Wire], object]) -> None:
    sender, receiver = socket.socketpair()
    with sender, receiver:
        receiver.setblocking(False)
        with pytest.raises(BlockingIOError):
            ask(Wire(receiver.recv))

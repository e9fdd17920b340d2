"""What holds for any octets of an answer: how they arrive makes no difference, and h11 reads the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue

import h11
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from smgwproxy.connection import _MAX_INTERIM
from smgwproxy.errors import GatewayAnswerInvalid
from smgwproxy.gateway import Gateway, GatewayAnswer
from smgwproxy.http1 import (
    BodyReader,
    Incomplete,
    Lines,
    MessageError,
    UntilClose,
    answer_framing,
    encoded_head,
    parse_answer_head,
)
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.wire import Wire
from tests.support import AHEAD, PATIENCE, Identity, Peer, RawGateway
from tests.test_http1 import PATIENTLY, VALUES, Feed, pieces_of

# --- two readers ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer that was read to its end; ``behind`` is what stands behind it in the stream.

    ``interim`` are the status and the lines of each answer 1xx before it.
    """

    interim: list[tuple[int, Lines]]
    minor: int
    status: int
    reason: str
    lines: Lines
    body: bytes
    trailers: Lines
    behind: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that was not read to its end: what is wrong with it, and what of its body had been handed on."""

    fault: type[Exception]
    told: str
    body: bytes = b""


def read(method: str, *pieces: bytes) -> Seen | Refused:
    """Read one final answer to a ``method`` request, as the connection to the gateway does."""
    return read_from(Wire(Feed(*pieces).receive), method)


def read_from(wire: Wire, method: str) -> Seen | Refused:
    body, interim = b"", []
    try:
        while (head := parse_answer_head(wire.head(32 * 1024))).status < 200:
            interim.append((head.status, head.lines))
            if head.status == 101:
                return Refused(MessageError, "nobody asked for another protocol")
        reader = BodyReader(wire, answer_framing(head, method))
        while piece := reader.read(5):
            body += piece
    except (MessageError, Incomplete) as error:
        return Refused(type(error), str(error), body)
    assert reader.complete
    return Seen(
        interim, head.minor, head.status, head.reason, head.lines, body, reader.trailers, drained(wire, reader)
    )


def drained(wire: Wire, reader: BodyReader) -> bytes:
    """Return what is left behind an answer; behind one that ends with the connection there is nothing."""
    behind = b""
    while not isinstance(reader.framing, UntilClose) and (piece := wire.some(1000)):
        behind += piece
    return behind


def second_opinion(method: str, octets: bytes) -> Seen | None:
    """Let h11 read the answer; None when it refuses it, or finds no end to it."""
    reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=64 * 1024)
    reader.send(h11.Request(method=method, target="/", headers=[("Host", "gateway")]))
    reader.send(h11.EndOfMessage())
    reader.receive_data(octets)
    body, interim, head = b"", [], None
    try:
        for event in events(reader):
            if isinstance(event, h11.InformationalResponse):
                interim.append((event.status_code, as_text(event.headers.raw_items())))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return Seen(
                    interim,
                    int(head.http_version[-1:]),
                    head.status_code,
                    head.reason.decode("latin-1"),
                    as_text(head.headers.raw_items()),
                    body,
                    as_text(event.headers.raw_items()),
                    bytes(reader.trailing_data[0]),
                )
    except h11.RemoteProtocolError:
        pass
    return None


def events(reader: h11.Connection) -> Iterator[object]:
    """Yield what h11 finds, and tell it of the end where it asks for more."""
    ended = False
    while True:
        event = reader.next_event()
        if event is h11.NEED_DATA and not ended:
            ended = True
            reader.receive_data(b"")
        elif isinstance(event, h11.ConnectionClosed) or event in (h11.NEED_DATA, h11.PAUSED):
            return
        else:
            yield event


def as_text(items: Sequence[tuple[bytes, bytes]]) -> Lines:
    return [(name.decode(), value.decode("latin-1")) for name, value in items]


def as_h11_has_it(seen: Seen) -> Seen:
    """Write transfer codings in lower case, as h11 does."""

    def lowered(lines: Lines) -> Lines:
        return [(name, value.lower() if name.lower() == "transfer-encoding" else value) for name, value in lines]

    return replace(
        seen, interim=[(status, lowered(lines)) for status, lines in seen.interim], lines=lowered(seen.lines)
    )


# --- where h11 reads otherwise ------------------------------------------------------------------------------

HEAD, CHUNKED = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def frames(lines: Lines) -> bool:
    return any(name.lower() in {"content-length", "transfer-encoding"} for name, _ in lines)


@dataclass(frozen=True, slots=True)
class Stricter:
    """What h11 refuses, or changes, and is read here; ``holds`` tells whether an answer has it."""

    reason: str
    example: bytes
    holds: Callable[[bytes, Seen], bool]


@dataclass(frozen=True, slots=True)
class Laxer:
    """What h11 reads and is refused here."""

    reason: str
    example: bytes


H11_IS_STRICTER = (
    Stricter(
        "Blanks may stand before the semicolon of a chunk extension (RFC 9112 section 7.1.1).",
        CHUNKED + b"3 ;a\r\nabc\r\n0\r\n\r\n",
        lambda octets, _: re.search(rb"[0-9A-Fa-f][ \t]+;", octets) is not None,
    ),
    Stricter(
        "A trailer called Content-Length or Transfer-Encoding frames nothing (RFC 9110 section 6.5.1), whatever "
        "its value, and no client sees it. h11 reads trailers as it reads heads.",
        CHUNKED + b"0\r\nContent-Length: x\r\n\r\n",
        lambda _, seen: frames(seen.trailers),
    ),
    Stricter(
        "An interim answer ends with its head, whatever that says of a body (RFC 9112 section 6.3).",
        b"HTTP/1.1 103 Early Hints\r\nContent-Length: x\r\n\r\n" + HEAD + b"Content-Length: 0\r\n\r\n",
        lambda _, seen: any(frames(lines) for _, lines in seen.interim),
    ),
)

H11_IS_LAXER = (
    Laxer("A bare LF ends a line for some programs only.", HEAD + b"A: b\nContent-Length: 0\r\n\r\n"),
    Laxer("And the head.", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    Laxer("And the trailers.", CHUNKED + b"0\r\nA: b\n\r\n"),
    Laxer(
        "A folded line is one line or two (RFC 9112 section 5.2).",
        HEAD + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    ),
    Laxer("Two lengths, equal ones too, may frame two bodies.", HEAD + b"Content-Length: 1\r\n" * 2 + b"\r\nx"),
    Laxer("A list of lengths, too.", HEAD + b"Content-Length: 1, 1\r\n\r\nx"),
    Laxer(
        "A length beside chunks is how answers are smuggled (RFC 9112 section 6.3).",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    Laxer(
        "HTTP/1.0 knows no chunks (RFC 9112 section 6.1).",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    Laxer("No gateway speaks other versions.", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    Laxer(
        "Controls are no part of a value (RFC 9110 section 5.5).", HEAD + b"A: \x01\r\nContent-Length: 0\r\n\r\n"
    ),
    Laxer("Nor of a reason.", b"HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n"),
    Laxer("Sixteen digits are more than any disk holds.", HEAD + b"Content-Length: 0000000000000001\r\n\r\nx"),
    Laxer("Thirteen digits of a chunk size as well.", CHUNKED + b"0000000000001\r\nx\r\n0\r\n\r\n"),
    Laxer("Nothing may stand behind a chunk size but an extension.", CHUNKED + b"1 \r\nx\r\n0\r\n\r\n"),
    Laxer("An extension has a name (RFC 9112 section 7.1.1).", CHUNKED + b"1;\r\nx\r\n0\r\n\r\n"),
    Laxer("And no controls.", CHUNKED + b"1;a\x01\r\nx\r\n0\r\n\r\n"),
)


@pytest.mark.parametrize("difference", H11_IS_STRICTER, ids=lambda difference: difference.reason[:50])
def test_where_h11_is_stricter_it_is_so_for_the_reason_told(difference: Stricter) -> None:
    seen = read("GET", difference.example)
    assert isinstance(seen, Seen)
    assert second_opinion("GET", difference.example) is None
    assert difference.holds(difference.example, seen)


@pytest.mark.parametrize("difference", H11_IS_LAXER, ids=lambda difference: difference.reason[:50])
def test_where_h11_is_laxer_the_answer_is_refused(difference: Laxer) -> None:
    seen = second_opinion("GET", difference.example)
    assert seen is not None
    assert seen.status == 200
    told = read("GET", difference.example)
    assert isinstance(told, Refused)
    assert told.fault is MessageError


# --- answers as they should be ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """An answer as a good gateway writes it to a ``method`` request, and what is to be read of it."""

    method: str
    octets: bytes
    interim: list[tuple[int, Lines]]
    minor: int
    status: int
    reason: str
    lines: Lines
    body: bytes
    trailers: Lines
    until_close: bool


SOME_NAMES = st.sampled_from(["X-a", "x-A", "Server", "set-cookie", "WWW-Authenticate", "!#$%&'*+-.^_`|~9"])
SOME_VALUES = st.sampled_from(["", "a=b; c", "\xe4\xff", 'Digest realm="x, y"', "1\t2", "close"]) | VALUES
SOME_LINES = st.lists(st.tuples(SOME_NAMES, SOME_VALUES), max_size=2)
TRAILERS: st.SearchStrategy[Lines] = st.just([]) | SOME_LINES
REASONS = st.sampled_from(["OK", "", "Not Found", "Sch\xf6n", " two  blanks ", "200"])
EXTENSIONS = st.sampled_from([b"", b"", b"", b";a", b";a=b", b';a="\\";\xe4"', b";a;b=c", b" ; a = b"])
METHODS = st.sampled_from(["GET", "GET", "POST", "HEAD", "DELETE"])
STATUSES = st.sampled_from([200, 200, 204, 301, 304, 401, 500]) | st.integers(200, 999)
INTERIM = st.tuples(st.integers(100, 199).filter(lambda status: status != 101), SOME_LINES)


BODIES = st.binary(max_size=9) | st.integers(0, 60).map(lambda size: bytes(range(size)))


@st.composite
def chunked(draw: st.DrawFn, body: bytes, trailers: Lines) -> bytes:
    """Write a body in chunks of any sizes, with extensions, zeros before the sizes, and trailers."""
    pieces = [piece for piece in draw(pieces_of(body)) if piece]
    zeros = st.sampled_from([b"", b"", b"0", b"000"])
    chunks = [b"%b%x%b\r\n%b\r\n" % (draw(zeros), len(piece), draw(EXTENSIONS), piece) for piece in pieces]
    last = b"0%b%b" % (draw(zeros), draw(EXTENSIONS))
    return b"".join(chunks) + last + encoded_head("", trailers)


@st.composite
def answers(draw: st.DrawFn) -> Sent:
    method, status, minor = draw(METHODS), draw(STATUSES), draw(st.sampled_from([1, 1, 1, 0]))
    interim, lines, reason = draw(st.lists(INTERIM, max_size=2)), draw(SOME_LINES), draw(REASONS)
    body, trailers, framing = (
        draw(BODIES),
        draw(TRAILERS),
        draw(st.sampled_from(["length", "chunked", ""])),
    )
    empty = method == "HEAD" or status in {204, 304}
    octets = body
    if framing == "chunked" and minor:
        lines.insert(
            draw(st.integers(0, len(lines))), ("Transfer-Encoding", draw(st.sampled_from(["chunked", "Chunked"])))
        )
        octets = draw(chunked(body, trailers))
    elif framing == "length":
        lines.insert(draw(st.integers(0, len(lines))), ("content-Length", str(len(body))))
    chunks = framing == "chunked" and minor == 1
    heads = [encoded_head(f"HTTP/1.1 {number} Wait", hints) for number, hints in interim]
    heads.append(encoded_head(f"HTTP/1.{minor} {status} {reason}", lines))
    return Sent(
        method,
        b"".join(heads) + (b"" if empty else octets),
        interim,
        minor,
        status,
        reason,
        lines,
        b"" if empty else body,
        trailers if chunks and not empty else [],
        until_close=not empty and framing != "length" and not chunks,
    )


def expected(sent: Sent, behind: bytes = b"") -> Seen:
    return Seen(sent.interim, sent.minor, sent.status, sent.reason, sent.lines, sent.body, sent.trailers, behind)


def in_single_octets(octets: bytes) -> list[bytes]:
    return [octets[place : place + 1] for place in range(len(octets))]


@settings(PATIENTLY, max_examples=150)
@given(st.data(), answers(), st.binary(max_size=20))
def test_a_good_answer_is_read_as_it_was_written_and_nothing_behind_it(
    data: st.DataObject, sent: Sent, behind: bytes
) -> None:
    behind = b"" if sent.until_close else behind
    octets = sent.octets + behind
    assert read(sent.method, *data.draw(pieces_of(octets))) == expected(sent, behind)
    assert read(sent.method, *in_single_octets(octets)) == expected(sent, behind)


class Silent(Feed):
    """A connection on which nothing comes any more, and that nobody ends: to wait for more is to wait for ever."""

    def receive(self, size: int) -> bytes:
        assert self.pieces, "it waits for more than the answer"
        return super().receive(size)


@PATIENTLY
@given(st.data(), answers().filter(lambda sent: not sent.until_close))
def test_nothing_is_waited_for_behind_an_answer(data: st.DataObject, sent: Sent) -> None:
    wire = Wire(Silent(*data.draw(pieces_of(sent.octets))).receive)
    for _ in sent.interim:
        assert parse_answer_head(wire.head(32 * 1024)).status < 200
    body = BodyReader(wire, answer_framing(parse_answer_head(wire.head(32 * 1024)), sent.method))
    pieces = []
    while piece := body.read(5):
        pieces.append(piece)
    assert (b"".join(pieces), body.complete, wire.pending) == (sent.body, True, False)


@settings(PATIENTLY, max_examples=150)
@given(st.data(), answers())
def test_an_answer_that_is_cut_is_never_whole(data: st.DataObject, sent: Sent) -> None:
    assume(not sent.until_close)
    end = data.draw(st.integers(0, len(sent.octets) - 1))
    told = read(sent.method, *data.draw(pieces_of(sent.octets[:end])))
    assert isinstance(told, Refused)
    assert told.fault is Incomplete
    assert sent.body.startswith(told.body)


# --- answers as they should not be --------------------------------------------------------------------------

LINE_SPLICES = st.sampled_from(
    [
        b"Content-Length: 1\r\n",
        b"content-length:\t2 \r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: identity, chunked\r\n",
        b"Connection: close\r\n",
        b"Trailer: X-a\r\n",
        b"X:\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 103 Hints\r\n\r\n",
        b"0\r\n\r\n",
        b"1\r\nx\r\n",
        b"\r\n",
    ]
)
SPLICES = LINE_SPLICES | st.sampled_from(
    [
        *(bytes([octet]) for octet in b'\r\n \t:,;="\\\0\x01\x7f\xff0159aAfFxX+-'),
        b"\r\n\r\n",
        b"\n\n",
        b"HTTP/1.0 ",
        b"chunked",
        b"204",
    ]
)


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, bytes]:
    """An answer with a few octets changed, dropped, doubled or swapped, or with something put in between."""
    sent = draw(answers())
    octets = sent.octets + draw(st.sampled_from([b"", b"", b"HTTP/1.1 200 OK\r\n\r\n", b"\r\n", b"x"]))
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        place = draw(st.integers(0, len(octets)))
        match draw(st.sampled_from(["line", "splice", "change", "drop", "double", "swap"])):
            case "line":
                place = octets.find(b"\r\n", place) + 2
                octets = octets[:place] + draw(LINE_SPLICES) + octets[place:]
            case "splice":
                octets = octets[:place] + draw(SPLICES) + octets[place:]
            case "change":
                octets = octets[:place] + draw(SPLICES) + octets[place + 1 :]
            case "drop":
                octets = octets[:place] + octets[place + draw(st.integers(1, 3)) :]
            case "double":
                end = place + draw(st.integers(1, 12))
                octets = octets[:end] + octets[place:]
            case _:
                pair = octets[place : place + 2]
                octets = octets[:place] + pair[::-1] + octets[place + 2 :]
    return sent.method, octets


ANYTHING = st.tuples(METHODS, st.binary(max_size=100) | st.lists(SPLICES, max_size=30).map(b"".join)) | st.tuples(
    METHODS, st.lists(SPLICES, max_size=30).map(lambda pieces: HEAD + b"".join(pieces))
)


@settings(PATIENTLY, max_examples=250)
@given(st.data(), spoilt() | ANYTHING)
def test_how_the_octets_of_an_answer_arrive_makes_no_difference(
    data: st.DataObject, answer: tuple[str, bytes]
) -> None:
    method, octets = answer
    once = read(method, octets)
    assert read(method, *data.draw(pieces_of(octets))) == once
    assert read(method, *in_single_octets(octets)) == once


@settings(PATIENTLY, max_examples=600)
@given(spoilt() | ANYTHING)
@example(("GET", CHUNKED + b"00;a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"))
@example(("GET", HEAD + b"Content-Length: 2\r\n\r\nabHTTP/1.1"))
def test_what_is_taken_h11_takes_too_and_reads_the_same(answer: tuple[str, bytes]) -> None:
    method, octets = answer
    seen = read(method, octets)
    if isinstance(seen, Seen) and not any(known.holds(octets, seen) for known in H11_IS_STRICTER):
        assert second_opinion(method, octets) == as_h11_has_it(seen)


def test_spoilt_answers_are_taken_and_refused_often_enough_to_say_something() -> None:
    told: Counter[str] = Counter()

    @settings(PATIENTLY, max_examples=150, database=None, derandomize=True)
    @given(spoilt())
    def count(answer: tuple[str, bytes]) -> None:
        told[type(read(*answer)).__name__] += 1

    count()
    assert min(told["Seen"], told["Refused"]) > 20, told


# --- over a connection ----------------------------------------------------------------------------------


class Exchanges:
    """A gateway that answers what it is told, and a connection to it that is kept between exchanges."""

    def __init__(self, identity: Identity, directory: Path) -> None:
        self.answers: Queue[list[bytes]] = Queue()
        self.raw = RawGateway(identity, self._script)
        store = FileTrustStore(directory)
        store.pin(self.raw.origin, identity.certificate)
        self.gateway = Gateway(self.raw.origin, store)

    def close(self) -> None:
        self.gateway.close()
        self.raw.stop()

    def exchange(self, answer: list[bytes], method: str = "GET") -> GatewayAnswer:
        self.answers.put(answer)
        return self.gateway.send(method, "/", [("Host", "gateway")])

    def _script(self, peer: Peer) -> None:
        while peer.read_head():
            for piece in self.answers.get(timeout=PATIENCE):
                peer.send(piece)


@pytest.fixture(scope="module")
def exchanges(identity: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchanges]:
    line = Exchanges(identity, tmp_path_factory.mktemp("exchanges"))
    yield line
    line.close()


@st.composite
def numbered_answers(draw: st.DrawFn) -> list[tuple[str, list[bytes], bytes]]:
    """Some exchanges: method, the answer with its interim ones in pieces, and the body that belongs to it."""
    made = []
    for number in range(draw(st.integers(2, 5))):
        method, body = draw(st.sampled_from(["GET", "POST"])), b"the body of %d" % number
        octets = b"".join(
            encoded_head(f"HTTP/1.1 {status} Wait", [*lines, ("X-Number", f"interim of {number}")])
            for status, lines in draw(st.lists(INTERIM, max_size=_MAX_INTERIM - 1))
        )
        if draw(st.booleans()):
            octets += HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        else:
            octets += CHUNKED + draw(chunked(body, []))
        made.append((method, [piece for piece in draw(pieces_of(octets)) if piece], body))
    return made


@settings(PATIENTLY, max_examples=25)
@given(numbered_answers())
def test_interim_answers_never_shift_those_of_later_requests(
    exchanges: Exchanges, numbered: list[tuple[str, list[bytes], bytes]]
) -> None:
    for method, pieces, body in numbered:
        with exchanges.exchange(pieces, method) as answer:
            assert answer.head.status == 200
            read_to_the_end = b"".join(iter(answer.read, b""))
        assert read_to_the_end == body
    assert exchanges.raw.connections == 1, "none of them made the connection unfit for the next"


def test_as_many_interim_answers_as_there_may_be_are_read_past_and_one_more_is_refused(
    exchanges: Exchanges,
) -> None:
    hint, final = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", HEAD + b"Content-Length: 2\r\n\r\nok"
    with exchanges.exchange([hint * _MAX_INTERIM, final]) as answer:
        assert answer.read() == b"ok"
    with pytest.raises(GatewayAnswerInvalid, match="interim"):
        exchanges.exchange([hint * (_MAX_INTERIM + 1), final])
    with exchanges.exchange([final]) as answer:
        assert answer.read() == b"ok"


def test_connection_on_which_an_interim_answer_announced_a_body_is_not_used_again(
    identity: Identity, tmp_path: Path
) -> None:
    """It has none, but a faulty gateway may send it all the same: as with 204, it would be the next answer."""
    line = Exchanges(identity, tmp_path)
    final = HEAD + b"Content-Length: 2\r\n\r\nok"
    try:
        for _ in range(2):
            with (
                suppress(GatewayAnswerInvalid),
                line.exchange([b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" + final]) as answer,
            ):
                assert answer.read() == b"ok"
        assert line.raw.connections == 2
    finally:
        line.close()


def test_interim_answers_without_end_are_refused_while_a_body_is_sent_too(
    identity: Identity, store: FileTrustStore
) -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    flooded: Queue[None] = Queue()

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.discard_body(AHEAD)
        for _ in range(5 * _MAX_INTERIM):
            peer.send(hint)
        flooded.put(None)
        peer.discard_body(AHEAD)
        peer.send(HEAD + b"Content-Length: 2\r\n\r\nok")
        peer.begun()

    def body() -> Iterator[bytes]:
        yield bytes(AHEAD)
        flooded.get(timeout=PATIENCE)
        for _ in range(AHEAD // 1024):
            yield bytes(1024)

    raw = RawGateway(identity, script)
    store.pin(raw.origin, identity.certificate)
    try:
        with Gateway(raw.origin, store) as gateway, pytest.raises(GatewayAnswerInvalid, match="interim"):
            gateway.send("POST", "/", [("Host", "gateway"), ("Content-Length", str(2 * AHEAD))], body()).close()
    finally:
        raw.stop()

"""HTTP/1.1 messages (RFC 9112), parsed strictly: heads, framing and bodies; no I/O of its own.

What is ambiguous is refused, never repaired: a message that two programs could read in two ways must not
pass a proxy. Octets outside ASCII survive, since text is decoded and encoded as ISO 8859-1 throughout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol

from smgwproxy.errors import SmgwProxyError
from smgwproxy.phrases import phrase, plural

Lines = list[tuple[str, str]]
"""Header lines as they came: name and value, in order, as often as they came, in their own case."""

MAX_HEAD = 32 * 1024
MAX_REQUEST_LINE = 16 * 1024
MAX_LINES = 100
MAX_CHUNK_LINE = 256
MAX_EXTENSIONS = 16 * 1024  # bytes of chunk lines within one body that are not its size
MAX_OVERHEAD = 64 * 1024  # bytes of chunk lines, and of line ends, within one body that are more than its data
MAX_LENGTH_DIGITS = 15  # more than any disk holds, and far from overflow

_TCHARS = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_FIELD_LINE = re.compile(rf"({_TCHARS}):([^\x00-\x08\x0a-\x1f\x7f]*)")
# Only where a line begins: looked for at each octet, one long line that is malformed would take seconds.
_FIELD_LINES = re.compile(rf"^{_FIELD_LINE.pattern}\r\n", re.MULTILINE)
_REQUEST_LINE = re.compile(rf"({_TCHARS}) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?\r\n")
_ANSWER_START = b"HTTP/1."
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOT_IN_FIRST_LINE = re.compile(rb"[^\x20-\x7e](?!\Z)|[^\x20-\x7e\r]")  # a CR at its end may be followed by LF
_BARE_LF = phrase("a line does not end in CR LF")
_LENGTH = re.compile(rf"[0-9]{{1,{MAX_LENGTH_DIGITS}}}")
# The values are told from the next extension as RFC 9112 section 7.1.1 has it: what could be split in several
# ways takes a regular expression exponential time to refuse.
_QUOTED = r'"(?:[^\x00-\x08\x0a-\x1f\x7f"\\]|\\[^\x00-\x08\x0a-\x1f\x7f])*"'
_CHUNK_SIZE = re.compile(
    rf"([0-9A-Fa-f]{{1,12}})(?:[ \t]*;[ \t]*{_TCHARS}(?:[ \t]*=[ \t]*(?:{_TCHARS}|{_QUOTED}))?)*"
)


class MessageError(SmgwProxyError):
    """A message that RFC 9112 does not allow; ``status`` is what a server answers to such a request."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Incomplete(SmgwProxyError):
    """The connection ended before the message did."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """Request line and header lines; ``minor`` is the digit after ``HTTP/1.``."""

    method: str
    target: str
    minor: int
    lines: Lines


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """Status line and header lines; ``minor`` is the digit after ``HTTP/1.``."""

    minor: int
    status: int
    reason: str
    lines: Lines


@dataclass(frozen=True, slots=True)
class Length:
    """A body of exactly ``octets`` bytes; also no body at all (0)."""

    octets: int


@dataclass(frozen=True, slots=True)
class Chunked:
    """A body in the chunked transfer coding (RFC 9112 section 7.1)."""


@dataclass(frozen=True, slots=True)
class UntilClose:
    """A body that ends with the connection; answers only."""


Framing = Length | Chunked | UntilClose


# --- heads ----------------------------------------------------------------------------------------------


def check_request_start(octets: bytes) -> None:
    """Raise the `MessageError` that `parse_request_head` will raise for the request line, as soon as it is clear.

    ``octets`` is the beginning of a head. So who speaks something else, TLS say, need not be waited for.
    """
    line, end, _ = octets.removeprefix(b"\r\n").partition(b"\n")
    if end:
        _parse_request_line(line)
    else:
        _check_request_line(line)


def parse_request_head(octets: bytes) -> RequestHead:
    """Parse a request head up to and including its empty line.

    One empty line before it is skipped (RFC 9112 section 2.2). Raises `MessageError`: 400, 414 for too long a
    request line, 431 for too many lines, 505 for a version other than 1.0 and 1.1.
    """
    # Its faults come before those of other lines, as they do where no more than this line has come.
    line, _, rest = octets.removeprefix(b"\r\n").partition(b"\n")
    method, target, minor = _parse_request_line(line)
    if not octets.endswith(b"\r\n\r\n"):
        raise MessageError(_BARE_LF)
    return RequestHead(method, target, minor, _parse_block(rest.decode("latin-1"), 0))


def _check_request_line(line: bytes) -> None:
    """Raise what is wrong with a request line, be there all of it or not."""
    # Only as far as it may be long, or it would depend on how much came at once what is seen first.
    if _NOT_IN_FIRST_LINE.search(line, 0, MAX_REQUEST_LINE + 1):
        raise MessageError(phrase("the request line is malformed"))
    if len(line) > MAX_REQUEST_LINE + 1:
        raise MessageError(
            phrase("the request line is longer than {limit} bytes", limit=MAX_REQUEST_LINE),
            414,
        )


def _parse_request_line(line: bytes) -> tuple[str, str, int]:
    """Parse a whole request line, with the CR at its end."""
    _check_request_line(line)
    if not line.endswith(b"\r"):
        raise MessageError(_BARE_LF)
    match = _REQUEST_LINE.fullmatch(line[:-1].decode("latin-1"))
    if match is None:
        raise MessageError(phrase("the request line is malformed"))
    method, target, major, minor = match.groups()
    if major != "1" or minor not in "01":
        raise MessageError(
            phrase("HTTP/{major}.{minor} is not supported, only 1.1 and 1.0", major=major, minor=minor), 505
        )
    if method in {"CONNECT", "TRACE"}:
        raise MessageError(phrase("the method {method} is not taken", method=method), 501)
    if _BAD_PERCENT.search(target):
        raise MessageError(phrase("the request target has a % that encodes nothing"))
    return method, target, int(minor)


def check_answer_start(octets: bytes) -> None:
    """Raise the `MessageError` that `parse_answer_head` will raise for what is no HTTP/1 at all.

    ``octets`` is the beginning of a head, which need not be waited for then.
    """
    start = octets[: len(_ANSWER_START)]
    if not _ANSWER_START.startswith(start):
        raise MessageError(phrase("the status line is malformed"))


def parse_answer_head(octets: bytes) -> AnswerHead:
    """Parse an answer's head up to and including its empty line; raises `MessageError`.

    The blank after the status code may be missing, as many servers leave it out when there is no reason.
    """
    text = octets.decode("latin-1")
    if not text.endswith("\r\n\r\n"):
        raise MessageError(_BARE_LF)
    match = _STATUS_LINE.match(text)
    if match is None:
        raise MessageError(phrase("the status line is malformed"))
    minor, status, reason = match.groups()
    return AnswerHead(int(minor), int(status), reason or "", _parse_block(text, match.end()))


def parse_field_lines(lines: list[str]) -> Lines:
    """Parse header or trailer lines without their line ends; raises `MessageError`."""
    if len(lines) > MAX_LINES:
        raise MessageError(phrase("more than {limit} header lines", limit=MAX_LINES), 431)
    fields: Lines = []
    for line in lines:
        match = _FIELD_LINE.fullmatch(line)
        if match is None:
            raise MessageError(phrase("a header line is malformed"))
        fields.append((match[1], match[2].strip(" \t")))
    return fields


def _parse_block(text: str, begin: int) -> Lines:
    """Parse the header lines of the head ``text``, which begin at ``begin``; raises `MessageError`."""
    end = len(text) - len("\r\n")  # that of the empty line
    found = _FIELD_LINES.findall(text, begin, end)
    # A match is a line, whole: with as many as there are line ends no other line is left.
    if len(found) > MAX_LINES or len(found) != text.count("\n", begin, end):
        return parse_field_lines(text[begin:end].split("\r\n")[:-1])
    return [(name, value.strip(" \t")) for name, value in found]


def encoded_head(first: str, lines: Lines) -> bytes:
    """Write a head: the first line, the header lines as they are, and the empty line.

    Raises `MessageError` when a part holds a line end of its own; what was parsed here holds none.
    """
    text = "".join([first, "\r\n", *[f"{name}: {value}\r\n" for name, value in lines], "\r\n"])
    ends = len(lines) + 2
    if text.count("\n") != ends or text.count("\r") != ends:
        raise MessageError(phrase("a line end within a line of the head"))
    return text.encode("latin-1")


def values(lines: Lines, name: str) -> list[str]:
    """Return the values of all lines called ``name`` (lower case), in order."""
    size = len(name)  # which tells most of them apart, in less time than their letters
    return [value for key, value in lines if len(key) == size and key.lower() == name]


def tokens(lines: Lines, name: str) -> list[str]:
    """Return the members of the comma-separated list ``name`` (lower case), in lower case."""
    found = values(lines, name)
    return found and [
        member for value in found for member in (part.strip(" \t").lower() for part in value.split(",")) if member
    ]


# --- framing (RFC 9112 section 6.3) ----------------------------------------------------------------------


def request_framing(head: RequestHead) -> Length | Chunked:
    """Tell how the body of a request is framed; raises `MessageError` (400, 501) where it is unclear."""
    lengths = values(head.lines, "content-length")
    codings = values(head.lines, "transfer-encoding")
    if codings:
        if lengths:
            raise MessageError(phrase("both Content-Length and Transfer-Encoding"))
        if head.minor == 0:
            raise MessageError(phrase("Transfer-Encoding in HTTP/1.0"))
        if len(codings) > 1:
            raise MessageError(phrase("more than one Transfer-Encoding line"))
        if codings[0].lower() != "chunked":
            raise MessageError(phrase("a transfer coding other than chunked"), 501)
        return Chunked()
    return Length(_length(lengths) or 0)


def answer_framing(head: AnswerHead, method: str) -> Framing:
    """Tell how the body of the answer to a ``method`` request is framed; raises `MessageError`."""
    lengths = values(head.lines, "content-length")
    codings = values(head.lines, "transfer-encoding")
    if codings and (lengths or head.minor == 0 or [coding.lower() for coding in codings] != ["chunked"]):
        raise MessageError(phrase("Transfer-Encoding beside Content-Length, in HTTP/1.0, or other than chunked"))
    length = _length(lengths)
    if _has_no_content(head, method):
        return Length(0)
    if codings:
        return Chunked()
    return UntilClose() if length is None else Length(length)


def withholds_content(head: AnswerHead, method: str) -> bool:
    """Tell whether the head speaks of content that this answer cannot have (RFC 9110 section 8.6).

    Right for HEAD and wrong for 204. Not told of 304, where it is right as well, and where those who ask most,
    browsers with their caches, ask again at once.
    """
    if head.status == 304 or not _has_no_content(head, method):
        return False
    lengths = values(head.lines, "content-length")
    return bool(values(head.lines, "transfer-encoding")) or any(length.strip("0") for length in lengths)


def _has_no_content(head: AnswerHead, method: str) -> bool:
    return method == "HEAD" or head.status < 200 or head.status in (204, 304)


def keeps_alive(minor: int, lines: Lines) -> bool:
    """Tell whether the sender of these lines lets the connection live on (RFC 9112 section 9.3)."""
    options = tokens(lines, "connection")
    return "close" not in options and (minor == 1 or "keep-alive" in options)


def expectations(minor: int, lines: Lines) -> list[str]:
    """Return what the sender of these lines expects (RFC 9110 section 10.1.1); HTTP/1.0 has no expectations."""
    return tokens(lines, "expect") if minor == 1 else []


def _length(lengths: list[str]) -> int | None:
    if not lengths:
        return None
    if len(lengths) > 1:
        raise MessageError(phrase("more than one Content-Length line"))
    if not _LENGTH.fullmatch(lengths[0]):
        raise MessageError(phrase("Content-Length is no number"))
    return int(lengths[0])


# --- bodies ---------------------------------------------------------------------------------------------


class Source(Protocol):
    """Where a body is read from."""

    def some(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes as soon as any are there; empty when the connection has ended."""
        ...

    def line(self, limit: int) -> bytes:
        """Return the bytes up to the next LF, with it; fewer when ``limit`` or the end came before."""
        ...


@dataclass(slots=True)
class BodyReader:
    """Reads one body from ``source``, and not a byte more. For one reader at a time.

    ``complete`` is true once the end of the body has been seen; ``trailers`` are those of a chunked body.
    """

    source: Source
    framing: Framing
    complete: bool = False
    trailers: Lines = field(default_factory=list)
    _left: int = 0  # of the body (Length) or of the current chunk (Chunked)
    _within: bool = False  # a chunk has been begun
    _extensions: int = 0  # bytes of them so far
    _overhead: int = 0  # bytes of all that is no data, less the data, so far

    def __post_init__(self) -> None:
        if isinstance(self.framing, Length):
            self._left = self.framing.octets
            self.complete = self._left == 0

    def read(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes as soon as any are there; empty at the end of the body.

        Raises `Incomplete` when the connection ends first, `MessageError` for malformed chunks, and whatever
        ``source`` raises.
        """
        if self.complete:
            return b""
        if isinstance(self.framing, UntilClose):
            data = self.source.some(size)
            self.complete = not data
            return data
        if isinstance(self.framing, Chunked) and self._left == 0 and not self._next_chunk():
            return b""
        data = self.source.some(min(size, self._left))
        if not data:
            raise Incomplete(plural("{count} byte is missing", "{count} bytes are missing", self._left))
        self._left -= len(data)
        self.complete = self._left == 0 and isinstance(self.framing, Length)
        return data

    def _next_chunk(self) -> bool:
        """Read a chunk's size line; at the last chunk read the trailers, too, and return False.

        The line end of the chunk before is read here, not with its data, which need not wait for it.
        """
        if self._within:
            self._line(2)  # holds nothing but the line end, or raises
        self._within = True
        line = self._line(MAX_CHUNK_LINE)
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise MessageError(phrase("a chunk size is malformed"))
        self._extensions += len(line) - len(match[1])
        if self._extensions > MAX_EXTENSIONS:
            raise MessageError(phrase("the chunk extensions are too long"))
        self._left = int(match[1], 16)
        self._overhead = max(0, self._overhead + len(line) + len("\r\n\r\n") - self._left)
        if self._overhead > MAX_OVERHEAD:  # each chunk makes work, and nobody sends bytes one by one but to do so
            raise MessageError(phrase("the chunks are too small"))
        if self._left:
            return True
        trailers: list[str] = []
        while line := self._line(MAX_HEAD, too_long=431):
            trailers.append(line)
            if len(trailers) > MAX_LINES or sum(map(len, trailers)) > MAX_HEAD:
                raise MessageError(phrase("the trailers are too long"), 431)
        self.trailers = parse_field_lines(trailers)
        self.complete = True
        return False

    def _line(self, limit: int, too_long: int = 400) -> str:
        octets = self.source.line(limit)
        if octets.endswith(b"\r\n"):
            return octets[:-2].decode("latin-1")
        if len(octets) < limit and not octets.endswith(b"\n"):
            raise Incomplete(phrase("it ended within a chunk line"))
        status = 400 if octets.endswith(b"\n") else too_long
        raise MessageError(
            phrase("a chunk or its line is longer than it may be, or does not end in CR LF"), status
        )

"""Where a body ends: Content-Length and Transfer-Encoding."""

from __future__ import annotations

from tests.door.vectors.vector import GET, POST, SEEN_GET, SEEN_POST, Vector, refused, taken

_LENGTH = b"Content-Length: 5\r\n"
_CODING = b"Transfer-Encoding: chunked\r\n"
_CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
_SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: pi\r\n\r\n"


def _length(claim: str, value: bytes) -> Vector:
    sent = POST + b"Content-Length:" + value + b"\r\n\r\nhello"
    return refused(f"a length {claim} is refused", "9112-6.3", sent)


def _coding(claim: str, value: bytes, rule: str = "9112-6.1") -> Vector:
    sent = POST + b"Transfer-Encoding:" + value + b"\r\n\r\n" + _CHUNKS
    return refused(f"{claim} is refused with 501", rule, sent, 501)


def _both(claim: str, first: bytes, second: bytes, body: bytes = _CHUNKS) -> Vector:
    return refused(f"{claim} are refused", "9112-6.3", POST + first + second + b"\r\n" + body)


VECTORS: tuple[Vector, ...] = (
    # --- lengths ---
    taken(
        "a body ends where its length says",
        "9112-6.2",
        POST + _LENGTH + b"\r\nhello",
        SEEN_POST + _LENGTH + b"\r\nhello",
    ),
    taken(
        "a body that looks like a request stays a body",
        "9112-6.2",
        POST + b"Content-Length: %d\r\n\r\n" % len(_SMUGGLED) + _SMUGGLED,
        SEEN_POST + b"Content-Length: %d\r\n\r\n" % len(_SMUGGLED) + _SMUGGLED,
    ),
    taken(
        "a body that looks like chunks stays a body",
        "9112-6.2",
        POST + b"Content-Length: 15\r\n\r\n" + _CHUNKS,
        SEEN_POST + b"Content-Length: 15\r\n\r\n" + _CHUNKS,
    ),
    taken(
        "a body of any octets passes",
        "9112-6",
        POST + b"content-LENGTH:256\r\n\r\n" + bytes(range(256)),
        SEEN_POST + b"content-LENGTH: 256\r\n\r\n" + bytes(range(256)),
    ),
    taken(
        "zeros before a length do not count",
        "9110-8.6",
        POST + b"Content-Length: 007\r\n\r\n1234567",
        SEEN_POST + b"Content-Length: 7\r\n\r\n1234567",
    ),
    taken(
        "blanks and tabs around a length do not count",
        "9112-5.1",
        POST + b"Content-Length: \t5\t \r\n\r\nhello",
        SEEN_POST + b"Content-Length: 5\r\n\r\nhello",
    ),
    taken(
        "a length of zero is no body",
        "9112-6.2",
        POST + b"Content-Length: 0\r\n\r\n",
        SEEN_POST + b"Content-Length: 0\r\n\r\n",
    ),
    taken(
        "a length of many zeros is no body",
        "9110-8.6",
        POST + b"Content-Length: 000000000000000\r\n\r\n",
        SEEN_POST + b"Content-Length: 0\r\n\r\n",
    ),
    taken(
        "POST without a length has no body, and gets a length",
        "9112-6.3",
        POST + b"\r\n",
        SEEN_POST + b"Content-Length: 0\r\n\r\n",
    ),
    taken(
        "PUT without a length has no body, and gets a length",
        "9110-8.6",
        b"PUT / HTTP/1.1\r\nHost: pi\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: <gateway>\r\nContent-Length: 0\r\n\r\n",
    ),
    taken("GET may have a body", "9110-9.3.1", GET + _LENGTH + b"\r\nhello", SEEN_GET + _LENGTH + b"\r\nhello"),
    taken(
        "GET with a length of zero keeps it",
        "9110-8.6",
        GET + b"Content-Length: 0\r\n\r\n",
        SEEN_GET + b"Content-Length: 0\r\n\r\n",
    ),
    taken(
        "HEAD may have a body",
        "9110-9.3.2",
        b"HEAD / HTTP/1.1\r\nHost: pi\r\n" + _LENGTH + b"\r\nhello",
        b"HEAD / HTTP/1.1\r\nHost: <gateway>\r\n" + _LENGTH + b"\r\nhello",
    ),
    taken(
        "an unknown method may have a body",
        "9110-9.1",
        b"REPORT / HTTP/1.1\r\nHost: pi\r\n" + _LENGTH + b"\r\nhello",
        b"REPORT / HTTP/1.1\r\nHost: <gateway>\r\n" + _LENGTH + b"\r\nhello",
    ),
    taken(
        "a body with a length may be longer than one that is gathered",
        "9112-6.2",
        POST + b"Content-Length: 100000\r\n\r\n" + b"x" * 100000,
        SEEN_POST + b"Content-Length: 100000\r\n\r\n" + b"x" * 100000,
    ),
    _length("that is empty", b""),
    _length("of blanks", b" \t "),
    _length("with a plus sign", b" +5"),
    _length("with a minus sign", b" -5"),
    _length("of minus zero", b" -0"),
    _length("with a blank within", b" 5 0"),
    _length("with a tab within", b" 5\t5"),
    _length("with an underscore", b" 1_0"),
    _length("in hexadecimal", b" 0x5"),
    _length("of letters", b" five"),
    _length("with letters behind it", b" 5a"),
    _length("with a semicolon behind it", b" 5;"),
    _length("with a fraction", b" 5.0"),
    _length("with an exponent", b" 5e0"),
    _length("in quotes", b' "5"'),
    _length("with a digit above ASCII", b" \xb2"),
    _length("in Arabic digits", b" \xd9\xa5"),
    _length("behind a no-break space", b" \xa05"),
    _length("that is a list of equal ones", b" 5, 5"),
    _length("that is a list without blanks", b" 5,5"),
    _length("that is a list of different ones", b" 5, 6"),
    _length("that is a list with an empty member", b" 5,"),
    _length("of sixteen digits", b" 1000000000000000"),
    _length("of 2 to the 64th", b" 18446744073709551616"),
    _length("of 2 to the 64th and five", b" 18446744073709551621"),
    _length("of five thousand digits", b" " + b"9" * 5000),
    _length("with too many zeros before it", b" " + b"0" * 5000 + b"5"),
    _both("two equal lengths", _LENGTH, _LENGTH, b"hello"),
    _both("two different lengths", _LENGTH, b"content-length: 6\r\n", b"hello!"),
    _both("a length and an empty one", _LENGTH, b"Content-Length:\r\n", b"hello"),
    _both("an empty length and another one", b"Content-Length:\r\n", _LENGTH, b"hello"),
    _both("two equal lengths with a line between them", _LENGTH + b"A: b\r\n", _LENGTH, b"hello"),
    refused(
        "two lengths in HTTP/1.0 are refused",
        "9112-6.3",
        b"POST / HTTP/1.0\r\nHost: pi\r\n" + _LENGTH + b"Content-Length: 6\r\n\r\nhello!",
    ),
    # --- both ---
    _both("a length and a coding", _LENGTH, _CODING),
    _both("a coding and a length", _CODING, _LENGTH),
    _both("a length and a coding in other case", b"CONTENT-LENGTH: 5\r\n", b"transfer-encoding: CHUNKED\r\n"),
    _both("a coding in other case and a length", b"tRANSFER-eNCODING: chunked\r\n", b"content-length: 0\r\n"),
    _both("an empty length and a coding", b"Content-Length:\r\n", _CODING),
    _both("a length and an unknown coding", _LENGTH, b"Transfer-Encoding: x\r\n"),
    _both("a length and an empty coding", _LENGTH, b"Transfer-Encoding:\r\n"),
    _both("a length that is named away and a coding", b"Connection: Content-Length\r\n" + _LENGTH, _CODING),
    refused("a length and a coding of GET are refused", "9112-6.3", GET + _LENGTH + _CODING + b"\r\n" + _CHUNKS),
    # --- codings ---
    taken(
        "chunks become a length",
        "9112-7.1",
        POST + _CODING + b"\r\n" + _CHUNKS,
        SEEN_POST + _LENGTH + b"\r\nhello",
    ),
    taken(
        "chunked may be in capitals",
        "9112-7",
        POST + b"TRANSFER-ENCODING:CHUNKED\r\n\r\n" + _CHUNKS,
        SEEN_POST + _LENGTH + b"\r\nhello",
    ),
    taken(
        "chunked may be in mixed letters, with blanks and tabs around it",
        "9112-7",
        POST + b"Transfer-Encoding: \tchUNked \r\n\r\n" + _CHUNKS,
        SEEN_POST + _LENGTH + b"\r\nhello",
    ),
    taken(
        "a length takes the place of the coding",
        "9112-6.1",
        POST + _CODING + b"X: y\r\n\r\n" + _CHUNKS,
        SEEN_POST + _LENGTH + b"X: y\r\n\r\nhello",
    ),
    taken("GET may have chunks", "9112-6.3", GET + _CODING + b"\r\n" + _CHUNKS, SEEN_GET + _LENGTH + b"\r\nhello"),
    taken(
        "GET with no chunk has a length of zero",
        "9112-6.3",
        GET + _CODING + b"\r\n0\r\n\r\n",
        SEEN_GET + b"Content-Length: 0\r\n\r\n",
    ),
    taken(
        "a coding that is named away still counts",
        "9112-6.1",
        POST + b"Connection: Transfer-Encoding\r\n" + _CODING + b"\r\n" + _CHUNKS,
        SEEN_POST + _LENGTH + b"\r\nhello",
    ),
    _coding("gzip", b" gzip"),
    _coding("gzip before chunked", b" gzip, chunked"),
    _coding("gzip behind chunked", b" chunked, gzip"),
    _coding("chunked twice", b" chunked, chunked"),
    _coding("identity", b" identity", "9112-7"),
    _coding("identity before chunked", b" identity, chunked", "9112-7"),
    _coding("identity behind chunked", b" chunked, identity"),
    _coding("an empty coding", b"", "9112-7"),
    _coding("an empty member before chunked", b" , chunked", "9112-7"),
    _coding("an empty member behind chunked", b" chunked,", "9112-7"),
    _coding("a letter before chunked", b" xchunked", "9112-7"),
    _coding("a letter behind chunked", b" chunkedx", "9112-7"),
    _coding("a word behind chunked", b" chunked x", "9112-7"),
    _coding("half of chunked", b" chunk", "9112-7"),
    _coding("a parameter of chunked", b" chunked;q=1", "9112-7"),
    _coding("chunked in quotes", b' "chunked"', "9112-7"),
    _coding("chunked in single quotes", b" 'chunked'", "9112-7"),
    _coding("a no-break space before chunked", b" \xa0chunked", "9112-7"),
    _coding("a next line behind chunked", b" chunked\x85", "9112-7"),
    _coding("a Kelvin sign in chunked", b" chun\xe2\x84\xaaed", "9112-7"),
    refused(
        "a vertical tab before chunked is refused",
        "9110-5.5",
        POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + _CHUNKS,
    ),
    _both("two codings", _CODING, _CODING),
    _both("a coding and another one in its own line", _CODING, b"Transfer-Encoding: identity\r\n"),
    _both("an empty coding and another one", b"Transfer-Encoding:\r\n", _CODING),
    _both("gzip and chunked in lines of their own", b"Transfer-Encoding: gzip\r\n", _CODING),
    refused(
        "a coding in HTTP/1.0 is refused",
        "9112-6.1",
        b"POST / HTTP/1.0\r\nHost: pi\r\n" + _CODING + b"\r\n" + _CHUNKS,
    ),
    refused(
        "a coding in HTTP/1.0 is refused where the connection would be kept, too",
        "9112-6.1",
        b"POST / HTTP/1.0\r\nHost: pi\r\nConnection: keep-alive\r\n" + _CODING + b"\r\n" + _CHUNKS,
    ),
)

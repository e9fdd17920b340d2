"""In what HAProxy and nginx differ from smgwproxy, and why it is so."""

from __future__ import annotations

from dataclasses import dataclass

PASSES = "passes it on"
WAITS = "waits for more"
CLOSES = "closes behind it"
OTHER = "speaks HTTP/2"
EITHER = f"400 or {PASSES}"
"""One process refuses it each time, the next one never does."""

VERSIONS = {"haproxy": "2.6.12-1+deb12u4", "nginx": "1.22.1"}
"""Those that the differences were seen with, as the programs tell them."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows that HAProxy or nginx take in another way, all for the same reason.

    ``rows`` holds their claims by what becomes of them: a verdict, or a status, of HAProxy and of nginx.
    """

    sent: str
    why: str
    rows: dict[tuple[str, str], tuple[str, ...]]


EXPLAINED: tuple[Difference, ...] = (
    Difference(
        "more than one empty line, or half of one, before a request",
        "One empty line is what old clients send behind a body (RFC 9112 section 2.2); nobody sends more.",
        {
            (PASSES, PASSES): (
                "two empty lines before a request are refused",
                "a bare LF before a request is refused",
                "two empty lines behind a body are refused",
            ),
            ("400", PASSES): ("a bare CR before a request is refused",),
        },
    ),
    Difference(
        "bare LF as a line's end",
        (
            "A recipient may take it for an end (RFC 9112 section 2.2), or not, and then reads other "
            "lines: smuggling begins there."
        ),
        {
            (PASSES, PASSES): (
                "a bare LF as the end of the request line is refused",
                "a request with bare LFs only is refused",
                "a bare LF in a value is refused",
                "a bare LF behind a line is refused",
                "a bare LF between two lines is refused",
                "a bare LF for the empty line is refused",
                "two bare LFs at the end of the head are refused",
            ),
        },
    ),
    Difference(
        "bare CR at a line's end",
        "It is invalid, or a blank (RFC 9112 section 2.2); nginx takes it for part of the line's end.",
        {
            ("400", PASSES): (
                "a bare CR at the end of a value is refused",
                "CR CR LF behind a line is refused",
            ),
        },
    ),
    Difference(
        "other blanks in the request line than one between two words",
        "RFC 9112 section 3 allows to be lenient, and warns of it: two programs divide such a line in two ways.",
        {
            (PASSES, PASSES): (
                "two blanks before the target are refused",
                "two blanks before the version are refused",
                "a good request behind a bad one is not read",
            ),
            (PASSES, "400"): (
                "a tab before the target is refused",
                "a tab before the version is refused",
            ),
            ("400", PASSES): ("a blank behind the version is refused",),
        },
    ),
    Difference(
        "HTTP/0.9",
        (
            "It has no header lines, so no Host, and its answers have no status; RFC 9112 section 2.3 "
            "knows no such version."
        ),
        {
            ("400", PASSES): (
                "the simple request of HTTP/0.9 is refused at once",
                "the simple request of HTTP/0.9 with a bare LF is refused at once",
            ),
            (PASSES, "400"): ("HTTP/0.9 is refused with 505",),
        },
    ),
    Difference(
        "other versions",
        (
            "RFC 9110 section 2.5 would take 1.2 to 1.9 for 1.1, but nobody speaks them. 505 is for "
            "versions that are not taken (section 15.6.6), 400 for what is not one digit, a dot and "
            "one digit (RFC 9112 section 2.3)."
        ),
        {
            ("400", "505"): (
                "a version is refused at once",
                "a major of two digits is refused with 400",
            ),
            (PASSES, PASSES): (
                "HTTP/1.9 is refused with 505",
                "HTTP/1.2 is refused with 505",
            ),
            (PASSES, "505"): (
                "HTTP/2.0 is refused with 505",
                "HTTP/9.9 is refused with 505",
            ),
            ("400", PASSES): (
                "a minor of two digits is refused with 400",
                "a minor with a zero before it is refused with 400",
            ),
        },
    ),
    Difference(
        "the preface of HTTP/2",
        "HAProxy speaks it. smgwproxy does not, and says so (RFC 9110 section 15.6.6).",
        {
            (OTHER, "400"): ("the preface of HTTP/2 is refused with 505",),
        },
    ),
    Difference(
        "CONNECT and TRACE",
        (
            "A gateway is no way to somewhere else (RFC 9110 section 9.3.6), and an echo of a request "
            "gives its cookies away (section 9.3.8); 501 is for methods that are not taken (section "
            "15.6.2)."
        ),
        {
            (PASSES, "400"): ("CONNECT is refused with 501",),
            ("400", "405"): ("CONNECT with a path is refused with 501",),
            (PASSES, "405"): ("TRACE is refused with 501",),
        },
    ),
    Difference(
        "characters that a URL cannot have, in the target",
        (
            "smgwproxy takes what RFC 3986 sections 3.3 and 3.4 have, and what browsers send "
            "unencoded all the same. The rest comes from no link that anybody followed, and each "
            "program reads it in its own way."
        ),
        {
            (PASSES, PASSES): (
                "a quote in the path is refused",
                "a less-than sign in the path is refused",
                "a greater-than sign in the path is refused",
                "a quote in the query is refused",
                "a tag in the query is refused",
                "a backslash in the path is refused",
                "a curly bracket in the path is refused",
                "a caret in the path is refused",
                "a backtick in the path is refused",
                "a no-break space in the target is refused",
                "a curly bracket in an absolute target's path is refused",
            ),
            (PASSES, "400"): ("a delete in the target is refused",),
            ("400", PASSES): (
                "an octet above ASCII in the path is refused",
                "UTF-8 in the query is refused",
            ),
        },
    ),
    Difference(
        "a fragment in the target",
        (
            "It is the client's own (RFC 9110 section 7.1), and no form of target has one (RFC 9112 "
            "section 3.2): for one program the target ends there, for another it does not."
        ),
        {
            ("400", PASSES): (
                "a fragment is refused",
                "an empty fragment is refused",
                "a fragment behind a query is refused",
                "a fragment of an absolute target is refused",
            ),
        },
    ),
    Difference(
        "a percent sign that encodes nothing",
        (
            "Two hexadecimal digits stand behind each (RFC 3986 section 2.1); what else is made of "
            "one is each decoder's own idea."
        ),
        {
            (PASSES, "400"): (
                "a lone percent sign is refused",
                "a percent sign and letters that are no digits is refused",
                "a percent sign and one digit is refused",
                "a percent sign and one digit before another letter is refused",
                "the encoding of JavaScript is refused",
            ),
            (PASSES, PASSES): ("a percent sign in the query is refused",),
        },
    ),
    Difference(
        "an asterisk for another method than OPTIONS, or not alone",
        "Only OPTIONS asks about a server as a whole (RFC 9112 section 3.2.4).",
        {
            (PASSES, "400"): (
                "GET of an asterisk is refused",
                "POST of an asterisk is refused",
                "OPTIONS of two asterisks is refused",
                "an asterisk with a query is refused",
            ),
        },
    ),
    Difference(
        "absolute targets of another scheme, or of the other door's",
        (
            "The scheme is part of what is asked for: what belongs to another connection is 421 (RFC "
            "9110 section 7.4), and no gateway serves ftp or files."
        ),
        {
            (PASSES, PASSES): (
                "the scheme ftp is refused",
                "the scheme ws is refused",
                "a target of the other door's scheme is refused with 421",
            ),
            (PASSES, "400"): ("the scheme file is refused",),
        },
    ),
    Difference(
        "absolute targets with a user, without a host, or with an impossible one",
        (
            "A user is an error where it comes from strangers (RFC 9110 section 4.2.4), and a URL "
            "without host is invalid (section 4.2.1)."
        ),
        {
            (PASSES, "400"): (
                "an empty authority is refused",
                "an absolute target with nothing behind its slashes is refused",
                "a user within the target is refused",
                "a user and a password within the target are refused",
            ),
            ("400", PASSES): (
                "a port above 65535 within the target is refused",
                "an address that is none within the target is refused",
            ),
        },
    ),
    Difference(
        "no Host, two, or an empty one",
        (
            "RFC 9112 section 3.2 demands 400 for none and for two; nobody knows which of two another "
            "program goes by. An empty one names no proxy."
        ),
        {
            (PASSES, "400"): (
                "a name that only looks like Host is no Host",
                "two equal Hosts are refused",
                "an empty Host is refused",
                "a Host of blanks is refused",
                "an absolute target does not make up for a missing Host",
                "an absolute target does not make up for a second Host",
                "a good request before a bad one is answered",
                "no Host in HTTP/1.1 is refused",
                "an empty Host in HTTP/1.0 is refused",
            ),
        },
    ),
    Difference(
        "a Host that is no host and port",
        (
            "RFC 9112 section 3.2 demands 400 for an invalid one (RFC 3986 sections 3.2.2 and 3.2.3). "
            "By its Host a request is let in or not, so nobody else may read another name in it."
        ),
        {
            (PASSES, "400"): (
                "a Host with a blank within is refused",
                "a Host with a tab within is refused",
                "a Host with a path is refused",
                "a Host with a slash behind it is refused",
                "a Host that is a URL is refused",
                "a Host that is a list is refused",
                "a Host of a port alone is refused",
                "a Host with a blank before its port is refused",
                "a Host with a bracket that was never opened is refused",
            ),
            (PASSES, PASSES): (
                "a Host with a user is refused",
                "a Host with a user and a password is refused",
                "a Host with a query is refused",
                "a Host with a backslash is refused",
                "a Host in quotes is refused",
                "a Host with a less-than sign is refused",
                "a Host that is a list of equal names is refused",
                "a Host with an octet above ASCII is refused",
                "a Host in UTF-8 is refused",
                "a Host with a malformed encoding is refused",
                "a Host with a port of letters is refused",
                "a Host with a port and a letter is refused",
                "a Host with a port above 65535 is refused",
                "a Host with a port of six digits is refused",
                "a Host with a negative port is refused",
                "a Host with a signed port is refused",
                "a Host with two ports is refused",
                "a Host with an open bracket is refused",
                "a Host with an IPv6 address without brackets is refused",
                "a Host with brackets around no address is refused",
                "a Host with empty brackets is refused",
                "a Host with an IPv4 address in brackets is refused",
                "a Host with an address that abbreviates twice is refused",
                "a Host with letters behind its bracket is refused",
                "a Host with a port of letters behind its bracket is refused",
                "a Host with a fragment is refused",
            ),
        },
    ),
    Difference(
        "characters that a name cannot have, and lines without colon",
        (
            "nginx drops such lines and passes on the rest. A line that one program drops may frame "
            "the body for another (RFC 9110 section 5.1, RFC 9112 section 5)."
        ),
        {
            ("400", PASSES): (
                "a line without colon is refused",
                "an octet above ASCII in a name is refused",
                "a no-break space in a name is refused",
                "a round bracket in a name is refused",
                "a square bracket in a name is refused",
                "a quote in a name is refused",
                "a slash in a name is refused",
                "a comma in a name is refused",
                "an at sign in a name is refused",
            ),
        },
    ),
    Difference(
        "controls in a value",
        (
            "RFC 9110 section 5.5 has CR, LF and NUL refused or made blanks, and other controls kept "
            "only where that is safe. In a gateway's C program, a log or a terminal they are not."
        ),
        {
            (PASSES, "400"): (
                "a NUL in a value is refused",
                "a NUL at the end of a value is refused",
            ),
            (PASSES, PASSES): (
                "a start-of-heading in a value is refused",
                "a backspace in a value is refused",
                "a vertical tab in a value is refused",
                "a form feed in a value is refused",
                "an escape in a value is refused",
                "a unit separator in a value is refused",
                "a delete in a value is refused",
            ),
        },
    ),
    Difference(
        "folded lines",
        (
            "They may be refused or put together (RFC 9112 section 5.2); who does neither takes the "
            "second half for a line of its own."
        ),
        {
            (PASSES, "400"): (
                "a line folded with a blank is refused",
                "a line folded with a tab is refused",
                "a line folded before its value is refused",
                "a line folded into nothing is refused",
                "a folded line that looks like another one is refused",
            ),
        },
    ),
    Difference(
        "both Content-Length and Transfer-Encoding",
        (
            "RFC 9112 section 6.3 lets a proxy drop the length if it closes the connection. Only who "
            "tries to smuggle sends both."
        ),
        {
            (PASSES, "400"): (
                "a length and a coding are refused",
                "a coding and a length are refused",
                "a length and a coding in other case are refused",
                "a coding in other case and a length are refused",
                "a length that is named away and a coding are refused",
                "a length and a coding of GET are refused",
            ),
            ("400", "501"): (
                "a length and an unknown coding are refused",
                "a length and an empty coding are refused",
            ),
        },
    ),
    Difference(
        "Content-Length twice, or as a list",
        (
            "Equal ones may be taken for one (RFC 9110 section 8.6), but whoever has put them "
            "together may have read something else."
        ),
        {
            (PASSES, "400"): (
                "a length that is a list of equal ones is refused",
                "a length that is a list without blanks is refused",
                "two equal lengths are refused",
                "two equal lengths with a line between them are refused",
            ),
        },
    ),
    Difference(
        "a Content-Length longer than any number",
        (
            "RFC 9110 section 8.6 warns of overflow, and rightly: for this HAProxy 2 to the 64th is "
            "no body at all, and what is the body becomes the next request. Fifteen digits do for "
            "smgwproxy."
        ),
        {
            (WAITS, WAITS): ("a length of sixteen digits is refused",),
            (PASSES, "400"): ("a length of 2 to the 64th is refused",),
            (PASSES, PASSES): ("a length with too many zeros before it is refused",),
        },
    ),
    Difference(
        "Transfer-Encoding in HTTP/1.0",
        (
            "RFC 9112 section 6.1 has such a message taken for badly framed: somebody on its way did "
            "not know chunks."
        ),
        {
            (PASSES, "400"): (
                "a coding in HTTP/1.0 is refused",
                "a coding in HTTP/1.0 is refused where the connection would be kept, too",
            ),
        },
    ),
    Difference(
        "transfer codings other than one chunked",
        (
            "501 for every coding that smgwproxy does not know (RFC 9112 section 6.1), where chunked is not the "
            "last one and section 6.3 names 400, too. An empty member counts for nothing in a list (RFC 9110 "
            "section 5.6.1), but no client sends one."
        ),
        {
            ("400", "501"): (
                "gzip is refused with 501",
                "gzip behind chunked is refused with 501",
                "chunked twice is refused with 501",
                "identity is refused with 501",
                "identity behind chunked is refused with 501",
                "an empty coding is refused with 501",
                "a letter before chunked is refused with 501",
                "a letter behind chunked is refused with 501",
                "a word behind chunked is refused with 501",
                "half of chunked is refused with 501",
                "a parameter of chunked is refused with 501",
                "chunked in quotes is refused with 501",
                "chunked in single quotes is refused with 501",
                "a no-break space before chunked is refused with 501",
                "a next line behind chunked is refused with 501",
                "a Kelvin sign in chunked is refused with 501",
                "a vertical tab before chunked is refused",
            ),
            ("422", "501"): (
                "gzip before chunked is refused with 501",
                "identity before chunked is refused with 501",
                "an empty member before chunked is refused with 501",
            ),
            (PASSES, "501"): ("an empty member behind chunked is refused with 501",),
            (PASSES, "400"): ("an empty coding and another one are refused",),
            ("422", "400"): ("gzip and chunked in lines of their own are refused",),
        },
    ),
    Difference(
        "chunk sizes of more digits than twelve",
        (
            "RFC 9112 section 7.1 warns of overflow. The others skip zeros without end, or believe "
            "any number and wait."
        ),
        {
            (WAITS, WAITS): (
                "a chunk size of thirteen digits is refused",
                "a chunk size of 2 to the 32nd and five, with zeros is refused",
            ),
            (PASSES, PASSES): (
                "a chunk size of thirteen digits with zeros before it is refused",
                "a chunk size without end is refused",
            ),
        },
    ),
    Difference(
        "other blanks in a chunk's line than those around an extension",
        "Blanks stand around a semicolon or an equals sign, and nowhere else (RFC 9112 section 7.1.1).",
        {
            (PASSES, PASSES): (
                "a chunk size with a blank behind it is refused",
                "a chunk size with a tab behind it is refused",
                "a blank at the end of an extension is refused",
            ),
            ("400", PASSES): (
                "a chunk size with a blank within is refused",
                "an extension without semicolon is refused",
            ),
        },
    ),
    Difference(
        "bare LF as the end of a chunk's line, or behind its data",
        (
            "RFC 9112 section 2.2 has it for start lines and fields only; in the grammar of section "
            "7.1 it ends nothing, so one program's end is another one's extension."
        ),
        {
            (PASSES, PASSES): (
                "a bare LF behind a size is refused",
                "a bare LF behind the data is refused",
                "a bare LF behind the last size is refused",
                "a bare LF behind the last chunk is refused",
                "bare LFs only is refused",
                "a bare LF at the end of an extension is refused",
            ),
        },
    ),
    Difference(
        "extensions that are none, or long",
        (
            "RFC 9112 section 7.1.1 has a grammar for them, and tells to limit their length; the "
            "others skip whatever stands before the line's end."
        ),
        {
            (PASSES, PASSES): (
                "a NUL in an extension is refused",
                "an extension without name is refused",
                "an extension with a value and no name is refused",
                "an extension with an empty value is refused",
                "an extension whose quote does not end is refused",
                "an octet above ASCII in the name of an extension is refused",
                "an extension longer than a line may be is refused",
                "more than 16 KiB of extensions in one body is refused",
            ),
        },
    ),
    Difference(
        "trailers that are no header lines",
        (
            "smgwproxy drops trailers, but reads them as header lines (RFC 9112 section 7.1.2): what "
            "is none may be a request to somebody else. HAProxy does one or the other from one start to the next."
        ),
        {
            ("400", PASSES): (
                "a trailer without colon is refused",
                "a trailer without name is refused",
                "a request in the place of trailers is refused",
            ),
            (EITHER, PASSES): (
                "a trailer with a blank before its colon is refused",
                "a trailer folded behind the last chunk is refused",
            ),
            (PASSES, PASSES): (
                "a folded trailer is refused",
                "a NUL in a trailer is refused",
                "a bare LF behind a trailer is refused",
                "a bare LF behind the trailers is refused",
            ),
        },
    ),
    Difference(
        "more than a hundred lines, 32 KiB of head or trailers, or 16 KiB of request line",
        (
            "The limits are smgwproxy's own, and 431 and 414 tell which one it was (RFC 6585 section "
            "5, RFC 9110 section 15.5.15). The others have other buffers."
        ),
        {
            (PASSES, PASSES): (
                "a request line above 16 KiB is refused with 414",
                "a head of 32 KiB and one octet is refused with 431",
                "many short lines above 32 KiB are refused with 431",
                "a trailer without end is refused",
                "more than 32 KiB of trailers is refused",
            ),
            ("400", "414"): ("a request line above the limit of the head is refused with 414",),
            ("400", "400"): (
                "a request line without end is refused with 414",
                "ten thousand lines are refused with 431",
                "a name without end is refused with 431",
            ),
            ("400", PASSES): (
                "a hundred and one lines are refused with 431",
                "a hundred and one trailers is refused",
            ),
            (PASSES, "400"): ("a value without end is refused with 431",),
        },
    ),
    Difference(
        "chunked bodies above the limit",
        (
            "smgwproxy gathers them, since gateways want a length, and must have a limit (RFC 9110 "
            "section 15.5.14); the others were given none."
        ),
        {
            (PASSES, PASSES): (
                "a body above the limit is refused",
                "a body above the limit in many chunks is refused",
                "a body far above the limit is refused",
            ),
        },
    ),
    Difference(
        "an expectation other than 100-continue",
        "RFC 9110 section 10.1.1 lets it be refused: who sends one relies on what nobody here does.",
        {
            (PASSES, PASSES): (
                "another expectation is refused with 417",
                "another expectation beside 100-continue is refused with 417",
                "100-continue with a value is another expectation",
            ),
            (PASSES, "400"): ("another expectation in a second line is refused with 417",),
        },
    ),
    Difference(
        "an absolute target whose authority is not that of Host",
        (
            "A proxy ignores Host then (RFC 9112 section 3.2.2). smgwproxy checks both, and the "
            "gateway sees neither."
        ),
        {
            ("400", PASSES): (
                "an absolute target becomes its path and query",
                "the authority of an absolute target stands above Host",
                "an absolute target without path keeps its query",
                "an absolute target may name an IPv6 address",
            ),
        },
    ),
    Difference(
        "trailers with names that frame",
        "They may not be merged into the head (RFC 9110 section 6.5.1). smgwproxy merges none: all are dropped.",
        {
            ("400", PASSES): ("trailers that would frame are dropped",),
        },
    ),
    Difference(
        "methods in small letters, or of characters other than letters, - and _",
        (
            "Any token is a method, and its case counts (RFC 9110 section 9.1); which ones there are "
            "is the gateway's affair."
        ),
        {
            (PASSES, "400"): (
                "a method in small letters passes as it is",
                "a method of all characters that a token may have passes",
            ),
        },
    ),
    Difference(
        "paths with dots above the root, or an encoded NUL",
        (
            "nginx decodes the path to find out what it is for. smgwproxy need not, and passes it on "
            "as it is (RFC 3986 section 3.3 allows both)."
        ),
        {
            (PASSES, "400"): (
                "dots that lead above the root pass",
                "an encoded NUL stays encoded",
            ),
        },
    ),
    Difference(
        "OPTIONS of an asterisk",
        "It asks about the server as a whole (RFC 9112 section 3.2.4).",
        {
            (PASSES, "400"): ("OPTIONS of an asterisk passes",),
        },
    ),
    Difference(
        "a tab around a value",
        "Blanks and tabs may stand there (RFC 9112 section 5); nginx knows blanks only.",
        {
            (PASSES, "400"): (
                "a Host with blanks and tabs around it is taken",
                "blanks and tabs around a length do not count",
            ),
            (PASSES, "501"): ("chunked may be in mixed letters, with blanks and tabs around it",),
        },
    ),
    Difference(
        "Connection with an option that has close in its name",
        "Options are compared whole (RFC 9110 section 7.6.1); nginx looks for the word anywhere.",
        {
            (PASSES, CLOSES): ("an option with close in its name is another one",),
        },
    ),
)

"""What the tests of Go's ReverseProxy assert, and what becomes of each behaviour here.

``python -m tests.gateway.go_reverse_proxy`` prints the section of docs/go-reverse-proxy.md.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Literal

GO_VERSION = "1.27.3"
"""Whose src/net/http/httputil/reverseproxy_test.go was read."""

GO_TESTS = (
    "TestReverseProxy",
    "TestReverseProxyStripHeadersPresentInConnection",
    "TestReverseProxyStripEmptyConnection",
    "TestXForwardedFor",
    "TestXForwardedFor_Omit",
    "TestReverseProxyRewriteStripsForwarded",
    "TestReverseProxyQuery",
    "TestReverseProxyFlushInterval",
    "TestReverseProxyResponseControllerFlushInterval",
    "TestReverseProxyFlushIntervalHeaders",
    "TestReverseProxyCancellation",
    "TestNilBody",
    "TestUserAgentHeader",
    "TestReverseProxyGetPutBuffer",
    "TestReverseProxy_Post",
    "TestReverseProxy_NilBody",
    "TestReverseProxy_AllocatedHeader",
    "TestReverseProxyModifyResponse",
    "TestReverseProxyErrorHandler",
    "TestReverseProxy_CopyBuffer",
    "TestServeHTTPDeepCopy",
    "TestClonesRequestHeaders",
    "TestModifyResponseClosesBody",
    "TestReverseProxy_PanicBodyError",
    "TestReverseProxy_PanicClosesIncomingBody",
    "TestSelectFlushInterval",
    "TestReverseProxyWebSocket",
    "TestReverseProxyWebSocketCancellation",
    "TestReverseProxyWebSocketHalfTCP",
    "TestReverseProxyUpgradeNoCloseWrite",
    "TestUnannouncedTrailer",
    "TestSetURL",
    "TestSingleJoinSlash",
    "TestJoinURLPath",
    "TestReverseProxyRewriteReplacesOut",
    "Test1xxHeadersNotModifiedAfterRoundTrip",
    "Test1xxResponses",
    "TestReverseProxyQueryParameterSmugglingDirectorDoesNotParseForm",
    "TestReverseProxyQueryParameterSmugglingDirectorParsesForm",
    "TestReverseProxyQueryParameterSmugglingRewrite",
    "TestReverseProxyQueryParameterSmugglingRewritePreservesRawQuery",
    "TestReverseProxyHijackCopyError",
    "TestReverseProxyCONNECT",
)
"""All tests of that file, in its order."""

Verdict = Literal["kept", "bettered", "declined"]

_HERE = "tests/gateway/test_go_reverse_proxy.py"
_BYTES = "tests/test_transparency.py"
_ERRORS = "tests/test_errors.py"
_DEADLINES = "tests/door/test_deadlines.py"
_NO_HOOK = "No such hook. Whoever wants one wraps the WSGI callable, which is where Python has its middleware."
_NO_UPGRADE = "No upgrade, so no stream behind one; see TestReverseProxyWebSocket."
_ONE_ADDRESS = "The target is an address and has no path or query; what the client asked for passes byte for byte."


@dataclass(frozen=True, slots=True)
class Row:
    """One behaviour that the test ``go_test`` of Go's asserts.

    ``shown_by`` is the test of ours that shows what is done ``here``, as ``file::name``; empty where there is
    nothing to show.
    """

    go_test: str
    asserts: str
    verdict: Verdict
    here: str
    shown_by: str = ""


ROWS = (
    Row(
        "TestReverseProxy",
        "Status, header lines, each of several values, cookies and body of an answer reach the client.",
        "bettered",
        "They keep their order and case, too; Go writes names in its own case, and sorts them.",
        f"{_BYTES}::test_answer_lines_keep_order_case_number_and_bytes",
    ),
    Row(
        "TestReverseProxy",
        "Connection, Proxy-Connection and Upgrade of a request do not reach the backend.",
        "kept",
        "So it is with every field that belongs to one connection (RFC 9110 section 7.6.1).",
        f"{_BYTES}::test_hop_by_hop_lines_stay_on_the_proxys_side",
    ),
    Row(
        "TestReverseProxy",
        "Such fields of an answer do not reach the client; Trailers, which is none of them, does.",
        "kept",
        "The same.",
        f"{_HERE}::test_hop_by_hop_lines_of_an_answer_stay_on_the_gateways_side",
    ),
    Row(
        "TestReverseProxy",
        "TE: trailers reaches the backend, other transfer codings in it do not.",
        "declined",
        "TE is for one connection, and needs a Connection line of the proxy's own (RFC 9110 section 10.1.4). The "
        "gateway gets neither; trailers that it sends all the same pass.",
        f"{_BYTES}::test_hop_by_hop_lines_stay_on_the_proxys_side",
    ),
    Row(
        "TestReverseProxy",
        "X-Forwarded-For is added.",
        "declined",
        "The gateway sees what it would see without a proxy.",
        f"{_BYTES}::test_nothing_is_added_to_a_request",
    ),
    Row(
        "TestReverseProxy",
        "The backend sees the Host that the client sent.",
        "declined",
        "It sees its own, as from a client that connects directly: an EMH gateway answers no other.",
        f"{_BYTES}::test_header_lines_keep_order_case_number_and_bytes",
    ),
    Row(
        "TestReverseProxy",
        "A request without body reaches the backend without a transfer coding.",
        "bettered",
        "None has one: a chunked upload is gathered and gets a Content-Length, since gateways want that.",
        f"{_BYTES}::test_chunked_upload_is_gathered_and_gets_a_content_length",
    ),
    Row(
        "TestReverseProxy",
        "Trailers reach the client behind the body, whether Trailer had announced them or not.",
        "kept",
        "The same, where the client's own answer is chunked.",
        f"{_HERE}::test_trailers_reach_the_client_announced_or_not",
    ),
    Row(
        "TestReverseProxy",
        "A backend that hangs up instead of answering makes 502.",
        "bettered",
        "The answer tells what happened, and the likely cause: a gateway does so at a wrong password.",
        f"{_ERRORS}::test_connection_closed_without_an_answer_is_told_with_the_likely_cause",
    ),
    Row(
        "TestReverseProxyStripHeadersPresentInConnection",
        "What several Connection lines name goes with them, both ways.",
        "kept",
        "The same.",
        f"{_HERE}::test_what_several_connection_lines_name_stays_on_its_side_both_ways",
    ),
    Row(
        "TestReverseProxyStripHeadersPresentInConnection",
        "The request that the proxy was given is still as it was.",
        "kept",
        "Logs and reports have it as the client sent it.",
        f"{_HERE}::test_request_is_reported_as_the_client_sent_it",
    ),
    Row(
        "TestReverseProxyStripEmptyConnection",
        "An empty Connection line goes, and hides no other one.",
        "kept",
        "The same.",
        f"{_HERE}::test_empty_connection_line_goes_and_hides_no_other_one",
    ),
    Row(
        "TestXForwardedFor",
        "The client's address is added to an X-Forwarded-For that the client sent.",
        "declined",
        "What the client sent passes as it is, and nothing is added.",
        f"{_HERE}::test_forwarding_lines_of_the_client_pass_as_they_are",
    ),
    Row(
        "TestXForwardedFor_Omit",
        "A Director can see to it that there is no X-Forwarded-For.",
        "bettered",
        "Nobody needs to: none is ever added.",
        f"{_BYTES}::test_nothing_is_added_to_a_request",
    ),
    Row(
        "TestReverseProxyRewriteStripsForwarded",
        "With Rewrite, Forwarded and X-Forwarded-* of the client do not reach the backend.",
        "declined",
        "They pass, as they would without a proxy: a gateway that believed them could be told so directly.",
        f"{_HERE}::test_forwarding_lines_of_the_client_pass_as_they_are",
    ),
    Row(
        "TestReverseProxyQuery",
        "The client's query reaches the backend.",
        "bettered",
        "Byte for byte, as the whole target does: Digest signs it.",
        f"{_BYTES}::test_target_reaches_the_gateway_byte_for_byte",
    ),
    Row(
        "TestReverseProxyQuery",
        "A query in the target's URL stands before the client's.",
        "declined",
        _ONE_ADDRESS,
    ),
    Row(
        "TestReverseProxyFlushInterval",
        "With an interval for flushing, an answer arrives whole.",
        "bettered",
        "There is no interval: each piece passes at once.",
        f"{_BYTES}::test_each_piece_of_a_chunked_answer_passes_at_once",
    ),
    Row(
        "TestReverseProxyResponseControllerFlushInterval",
        "Flushing reaches a ResponseWriter that another one wraps.",
        "declined",
        "No such interface: a WSGI server sends each piece before it asks for the next (PEP 3333).",
    ),
    Row(
        "TestReverseProxyFlushIntervalHeaders",
        "The head reaches the client before there is a body.",
        "kept",
        "Without an interval.",
        f"{_BYTES}::test_head_goes_out_before_the_first_byte_of_the_body",
    ),
    Row(
        "TestReverseProxyCancellation",
        "A client that leaves ends the request at the backend.",
        "kept",
        "Within a second; who waits for the gateway leaves its queue as well.",
        f"{_DEADLINES}::test_client_that_leaves_while_the_gateway_thinks_frees_its_place",
    ),
    Row(
        "TestNilBody",
        "A request of HTTP/1.0 without a body is answered.",
        "kept",
        "The same.",
        f"{_HERE}::test_request_without_any_header_line_reaches_the_gateway",
    ),
    Row(
        "TestUserAgentHeader",
        "User-Agent reaches the backend as it is, and none is made up where there was none.",
        "kept",
        "So it is with every other field.",
        f"{_HERE}::test_user_agent_passes_and_none_is_made_up",
    ),
    Row(
        "TestReverseProxyGetPutBuffer",
        "Buffers come from a BufferPool, and go back there.",
        "declined",
        "No such hook; bodies of any length pass in bounded memory.",
        f"{_BYTES}::test_bodies_pass_in_bounded_memory",
    ),
    Row(
        "TestReverseProxy_Post",
        "An upload of a mebibyte arrives whole.",
        "kept",
        "The same.",
        f"{_HERE}::test_upload_of_a_mebibyte_arrives_whole",
    ),
    Row(
        "TestReverseProxy_NilBody",
        "A request without body is sent on without one.",
        "kept",
        "Without length and coding, unless its method wants a body: an empty POST gets Content-Length: 0.",
        f"{_BYTES}::test_nothing_is_added_to_a_request",
    ),
    Row(
        "TestReverseProxy_AllocatedHeader",
        "A request without any header line can be sent on.",
        "kept",
        "With the Host that the gateway wants.",
        f"{_HERE}::test_request_without_any_header_line_reaches_the_gateway",
    ),
    Row("TestReverseProxyModifyResponse", "ModifyResponse may refuse an answer.", "declined", _NO_HOOK),
    Row(
        "TestReverseProxyErrorHandler",
        "Without an ErrorHandler, a backend that cannot be reached makes 502.",
        "bettered",
        "502, 503 or 504, with a page or JSON (RFC 9457) that tells what to do.",
        f"{_ERRORS}::test_refused_connection_is_told",
    ),
    Row("TestReverseProxyErrorHandler", "An ErrorHandler answers instead.", "declined", _NO_HOOK),
    Row(
        "TestReverseProxy_CopyBuffer",
        "An answer that breaks off is told in the log.",
        "kept",
        "The same.",
        f"{_HERE}::test_answer_that_breaks_off_is_told_in_the_log",
    ),
    Row(
        "TestServeHTTPDeepCopy",
        "The URL of the request that the proxy was given is still as it was.",
        "kept",
        "Logs and reports have it as the client sent it.",
        f"{_HERE}::test_request_is_reported_as_the_client_sent_it",
    ),
    Row(
        "TestClonesRequestHeaders",
        "Its header lines are, too.",
        "kept",
        "The same.",
        f"{_HERE}::test_request_is_reported_as_the_client_sent_it",
    ),
    Row(
        "TestModifyResponseClosesBody",
        "An answer that ModifyResponse refuses is closed, and the error is logged.",
        "kept",
        "There is no such hook, but a server that refuses an answer has the same effect.",
        "tests/test_library.py::test_server_that_refuses_an_answer_does_not_keep_the_gateway",
    ),
    Row(
        "TestReverseProxy_PanicBodyError",
        "An answer that breaks off ends the client's with a panic, so that it cannot look whole.",
        "bettered",
        "It never looks whole, also where only the end of the connection ends it: then the client sees a reset.",
        f"{_ERRORS}::test_answer_that_breaks_off_is_visibly_broken_for_the_client",
    ),
    Row(
        "TestReverseProxy_PanicClosesIncomingBody",
        "Uploads whose answers break off meanwhile do not bring the proxy down.",
        "kept",
        "The same.",
        f"{_HERE}::test_uploads_whose_answers_break_off_harm_nobody",
    ),
    Row(
        "TestSelectFlushInterval",
        "Server-sent events and answers without length are flushed at once, others after an interval.",
        "bettered",
        "All are, whatever their type and framing.",
        f"{_HERE}::test_pieces_of_any_answer_pass_at_once",
    ),
    Row(
        "TestReverseProxyWebSocket",
        "An upgrade passes, and what is sent over the connection after it.",
        "declined",
        "No gateway is known to offer one, and a stream that nobody reads would have the only connection for as "
        "long as it likes. The gateway sees the request without Upgrade and answers that; a 101 becomes 502.",
        f"{_HERE}::test_upgrade_is_not_passed_on_and_the_answer_to_the_rest_is",
    ),
    Row(
        "TestReverseProxyWebSocketCancellation",
        "A WebSocket ends when its request is cancelled.",
        "declined",
        _NO_UPGRADE,
    ),
    Row(
        "TestReverseProxyWebSocketHalfTCP",
        "Each direction of a WebSocket can be closed by itself.",
        "declined",
        _NO_UPGRADE,
    ),
    Row(
        "TestReverseProxyUpgradeNoCloseWrite",
        "A client that closes its side of an upgraded connection is seen by the backend.",
        "declined",
        _NO_UPGRADE,
    ),
    Row(
        "TestUnannouncedTrailer",
        "A trailer that nothing had announced reaches the client behind an empty body.",
        "kept",
        "The same.",
        f"{_HERE}::test_trailers_reach_the_client_announced_or_not",
    ),
    Row(
        "TestSetURL",
        "SetURL gives the backend its own Host.",
        "kept",
        "Always, or the one of `--host-header`.",
        f"{_BYTES}::test_nothing_is_added_to_a_request",
    ),
    Row(
        "TestSingleJoinSlash",
        "The paths of target and request are joined by one slash.",
        "declined",
        _ONE_ADDRESS,
        f"{_BYTES}::test_target_reaches_the_gateway_byte_for_byte",
    ),
    Row(
        "TestJoinURLPath",
        "What is percent-encoded in either stays so when they are joined.",
        "declined",
        _ONE_ADDRESS,
        f"{_BYTES}::test_target_reaches_the_gateway_byte_for_byte",
    ),
    Row(
        "TestReverseProxyRewriteReplacesOut",
        "Rewrite may send another request instead.",
        "declined",
        _NO_HOOK,
    ),
    Row(
        "Test1xxHeadersNotModifiedAfterRoundTrip",
        "Interim answers for a client that is leaving do no harm.",
        "kept",
        "The next client gets its own answer.",
        f"{_HERE}::test_client_that_leaves_behind_interim_answers_harms_nobody",
    ),
    Row(
        "Test1xxResponses",
        "Interim answers (103, 102) reach the client, each with its own lines.",
        "declined",
        "They are read past, though RFC 9110 section 15.2 would have them forwarded: no gateway is known to send "
        "any, WSGI has no place for them, and clients of home automation take a 103 for the final answer. That "
        "one has its own lines only.",
        f"{_HERE}::test_interim_answers_are_read_past_and_the_final_one_has_its_own_lines_only",
    ),
    Row(
        "TestReverseProxyQueryParameterSmugglingDirectorDoesNotParseForm",
        "With a Director, a=1&a=2;b=3 reaches the backend as it is.",
        "kept",
        "Nothing here reads a query, so nothing can read it in another way than the gateway.",
        f"{_HERE}::test_query_passes_byte_for_byte",
    ),
    Row(
        "TestReverseProxyQueryParameterSmugglingDirectorDoesNotParseForm",
        "So does a=%zz.",
        "declined",
        "It is refused with 400: a percent sign that encodes nothing is no URL (RFC 3986 section 2.1).",
        f"{_HERE}::test_query_with_a_percent_sign_that_encodes_nothing_is_refused",
    ),
    Row(
        "TestReverseProxyQueryParameterSmugglingDirectorDoesNotParseForm",
        "So does a query of 10,001 parameters in 40,003 bytes.",
        "declined",
        "It is refused with 414: a request line may have 16 KiB. A shorter one passes, however many there are.",
        f"{_HERE}::test_query_that_is_too_long_is_refused_and_one_of_many_parameters_is_not",
    ),
    Row(
        "TestReverseProxyQueryParameterSmugglingDirectorParsesForm",
        "If a Director has parsed the query, parameters that Go cannot parse are left out.",
        "declined",
        "A query is passed or refused, never changed: Digest signs it.",
        f"{_HERE}::test_query_passes_byte_for_byte",
    ),
    Row(
        "TestReverseProxyQueryParameterSmugglingRewrite",
        "With Rewrite, such parameters are left out, and all of them if there are more than 10,000.",
        "declined",
        "The same.",
        f"{_HERE}::test_query_passes_byte_for_byte",
    ),
    Row(
        "TestReverseProxyQueryParameterSmugglingRewritePreservesRawQuery",
        "With Rewrite and the raw query, they reach the backend as they are.",
        "kept",
        "As far as they are part of a URL; see TestReverseProxyQueryParameterSmugglingDirectorDoesNotParseForm.",
        f"{_HERE}::test_query_passes_byte_for_byte",
    ),
    Row(
        "TestReverseProxyHijackCopyError",
        "A fault in an upgraded connection does not make the proxy write a status into it.",
        "declined",
        _NO_UPGRADE,
    ),
    Row(
        "TestReverseProxyCONNECT",
        "CONNECT is refused with 405.",
        "kept",
        "With 501: it is not known here for any resource (RFC 9110 section 15.6.2). No byte reaches the gateway.",
        f"{_HERE}::test_connect_is_refused_and_the_gateway_hears_nothing",
    ),
)


# --- the documentation ----------------------------------------------------------------------------------


def section() -> str:
    """Write what docs/go-reverse-proxy.md has below its introduction."""
    verdicts = Counter(row.verdict for row in ROWS)
    intro = (
        f"{len(GO_TESTS)} tests assert {len(ROWS)} behaviours. Of these {verdicts['kept']} are kept, "
        f"{verdicts['bettered']} are bettered and {verdicts['declined']} are declined."
    )
    lines = [
        f"## The tests of Go {GO_VERSION}",
        "",
        intro,
        "",
        "| Go's test | asserts | here | how, or why not | shown by |",
        "|---|---|---|---|---|",
        *map(_line, ROWS),
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    shown = f"`{row.shown_by}`" if row.shown_by else ""
    return f"| `{row.go_test}` | {row.asserts} | {row.verdict} | {row.here} | {shown} |"


if __name__ == "__main__":
    sys.stdout.write(section())

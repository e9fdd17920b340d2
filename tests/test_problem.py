"""The pages and problem documents that a client gets instead of an answer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.errors import (
    BadRequest,
    BodyTooLarge,
    CertificateChanged,
    CertificateRevoked,
    ClientGone,
    ExchangeError,
    GatewayAnswerIncomplete,
    GatewayAnswerInvalid,
    GatewayBusy,
    GatewayClosed,
    GatewayConnectTimeout,
    GatewayHandshakeCut,
    GatewayNameUnknown,
    GatewayNotTLS,
    GatewayReadTimeout,
    GatewayRefused,
    GatewayTlsBroken,
    GatewayUnreachable,
    InternalError,
    PinRefused,
    PinWithdrawn,
    StorageFull,
    TrustStoreError,
    UnknownHost,
)
from smgwproxy.http1 import Lines, encoded_head, parse_answer_head, values
from smgwproxy.origin import Origin
from smgwproxy.problem import render, status_line

ORIGIN = Origin("10.11.120.2")
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)

ERRORS: list[tuple[ExchangeError, int, str]] = [
    (InternalError("m", "a"), 500, "proxy_internal_error"),
    (TrustStoreError("m", "a"), 500, "proxy_internal_error"),
    (BadRequest("m"), 400, "http_request_error"),
    (BadRequest("m", 501), 501, "http_request_error"),
    (BadRequest("m", 431), 431, "http_request_error"),
    (BadRequest("m", 505), 505, "http_request_error"),
    (BodyTooLarge(5), 413, "http_request_error"),
    (StorageFull(), 503, "proxy_internal_error"),
    (ClientGone(), 400, "http_request_error"),
    (GatewayRefused(ORIGIN), 502, "connection_refused"),
    (GatewayUnreachable(ORIGIN, "r"), 502, "destination_ip_unroutable"),
    (GatewayNameUnknown(ORIGIN, "r"), 502, "dns_error"),
    (GatewayConnectTimeout(ORIGIN, 10.0), 504, "connection_timeout"),
    (GatewayReadTimeout(ORIGIN, 180.0), 504, "connection_read_timeout"),
    (GatewayClosed(ORIGIN), 502, "connection_terminated"),
    (GatewayHandshakeCut(ORIGIN), 502, "connection_terminated"),
    (GatewayTlsBroken(ORIGIN, "r"), 502, "tls_protocol_error"),
    (GatewayNotTLS(ORIGIN, "r", "o"), 502, "tls_protocol_error"),
    (GatewayAnswerInvalid(ORIGIN, "r"), 502, "http_protocol_error"),
    (GatewayAnswerIncomplete(ORIGIN, "r"), 502, "http_response_incomplete"),
    (GatewayBusy(ORIGIN, 60.0), 503, "connection_limit_reached"),
    (CertificateChanged(ORIGIN, ("a" * 64,), "b" * 64, record="certs/x.json"), 502, "tls_certificate_error"),
    (CertificateChanged(ORIGIN, ("a" * 64,), "c" * 64), 502, "tls_certificate_error"),
    (CertificateRevoked(ORIGIN, "b" * 64), 502, "tls_certificate_error"),
    (PinWithdrawn(ORIGIN), 502, "tls_certificate_error"),
    (PinRefused(ORIGIN, "b" * 64), 502, "tls_certificate_error"),
]

# The error types of RFC 9209 section 2.3, with the status it recommends where it recommends one of ours.
RFC_9209 = {
    "dns_timeout": 504,
    "dns_error": 502,
    "destination_not_found": 500,
    "destination_unavailable": 503,
    "destination_ip_prohibited": 502,
    "destination_ip_unroutable": 502,
    "connection_refused": 502,
    "connection_terminated": 502,
    "connection_timeout": 504,
    "connection_read_timeout": 504,
    "connection_write_timeout": 504,
    "connection_limit_reached": 503,
    "tls_protocol_error": 502,
    "tls_certificate_error": 502,
    "tls_alert_received": 502,
    "http_request_error": None,
    "http_request_denied": 403,
    "http_response_incomplete": 502,
    "http_protocol_error": 502,
    "http_response_timeout": 504,
    "proxy_internal_response": None,
    "proxy_internal_error": 500,
    "proxy_configuration_error": 500,
    "proxy_loop_detected": 502,
}


ELEMENTS = [
    *("html", "head", "meta", "meta", "title", "link", "style"),
    *("body", "main", "h1", "p", "p", "strong", "footer"),
]
FACTS = {"dl", "dt", "dd", "code"}


def field(lines: Lines, name: str) -> str:
    (value,) = values(lines, name)
    return value


def shown(page: bytes) -> str:
    """Return the text that a browser shows, its style sheet left out."""
    pieces: list[str] = []
    names: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            names.append(tag)

        def handle_data(self, data: str) -> None:
            pieces.append(data)

    reader = Reader()
    reader.feed(page.decode())
    reader.close()
    assert [name for name in names if name not in FACTS] == ELEMENTS
    return "".join(pieces)


# --- negotiation (RFC 9110 section 12.5.1) ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        pytest.param(FIREFOX, True, id="firefox"),
        pytest.param(CHROME, True, id="chrome"),
        pytest.param("text/html, application/xhtml+xml, */*; q=0.01", True, id="old-browsers"),
        pytest.param("TEXT/HTML", True, id="any-case"),
        pytest.param("text/html;level=1", True, id="another-parameter"),
        pytest.param("text/html;q=0.5", True, id="html-alone"),
        pytest.param("text/html,application/json", True, id="both-alike"),
        pytest.param("application/json;q=0.9 , text/html", True, id="html-before-json"),
        pytest.param("text/html;q=0.8,application/json", False, id="json-before-html"),
        pytest.param("text/html;q=0.8,application/problem+json;q=0.9", False, id="problem-before-html"),
        pytest.param("text/html;q=0", False, id="anything-but-html"),
        pytest.param("text/html;q=x", False, id="a-weight-that-is-none"),
        pytest.param("text/html;q=nan", False, id="a-weight-that-is-no-number"),
        pytest.param("*/*", False, id="curl-requests-httpx-aiohttp"),
        pytest.param("", False, id="nothing-told"),
        pytest.param("application/json", False, id="a-program"),
        pytest.param("application/json, text/plain, */*", False, id="axios"),
        pytest.param("text/*", False, id="text"),
        pytest.param(",;,q=1;;=", False, id="garbage"),
    ],
)
def test_browsers_get_html_and_programs_a_problem_document(accept: str, html: bool) -> None:
    _, lines, body = render(GatewayRefused(ORIGIN), accept)
    if html:
        assert field(lines, "content-type") == "text/html; charset=utf-8"
        assert body.startswith(b"<!DOCTYPE html>")
    else:
        assert field(lines, "content-type") == "application/problem+json"
        assert json.loads(body)["status"] == 502


# --- contents -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [FIREFOX, "*/*"], ids=["html", "json"])
@pytest.mark.parametrize(("error", "status", "kind"), ERRORS, ids=lambda value: type(value).__name__)
def test_each_error_has_its_status_and_says_what_to_do(
    error: ExchangeError, status: int, kind: str, accept: str
) -> None:
    answered, lines, body = render(error, accept)
    assert answered == status
    assert field(lines, "content-length") == str(len(body))
    assert field(lines, "cache-control") == "no-store"
    assert field(lines, "proxy-status").startswith(f"smgwproxy; error={kind}; details=")
    # 503 says that it will pass, as the status that the RFC recommends for a fault of the proxy's own does not.
    assert RFC_9209[kind] in {None, status} or isinstance(error, StorageFull)
    text = shown(body) if accept == FIREFOX else "\n".join(map(str, json.loads(body).values()))
    for word in (error.title, error.message, error.advice, *(word for fact in error.facts for word in fact)):
        assert word in text
    head = parse_answer_head(encoded_head(f"HTTP/1.1 {status_line(status)}", lines))
    assert (head.status, head.lines) == (status, lines)


def test_a_problem_document_is_that_of_rfc_9457() -> None:
    error = CertificateChanged(ORIGIN, ("a" * 64,), "b" * 64, record="certs/10.11.120.2.json", pending=True)
    assert json.loads(render(error, "application/json")[2]) == {
        "title": "The gateway's certificate has changed",
        "status": 502,
        "detail": error.message,
        "advice": error.advice,
        "error": "tls_certificate_error",
        "facts": {
            "Pinned SHA-256": "a" * 64,
            "Presented SHA-256": "b" * 64,
            "Kept in": "certs/10.11.120.2.json",
        },
    }
    assert error.advice.endswith("smgwproxy trust approve --target 10.11.120.2")


def test_what_a_store_does_not_keep_cannot_be_approved() -> None:
    for error in (CertificateChanged(ORIGIN, ("a" * 64,), "b" * 64), PinRefused(ORIGIN, "b" * 64)):
        assert "approve" not in error.advice
        assert "add its fingerprint to the trust store" in error.advice


@pytest.mark.parametrize("accept", [FIREFOX, "*/*"], ids=["html", "json"])
def test_a_changed_certificate_is_told_with_every_fingerprint(accept: str) -> None:
    error = CertificateChanged(ORIGIN, ("a" * 64, "b" * 64), "c" * 64, record="certs/10.11.120.2.json")
    page = render(error, accept)[2].decode()
    for letter in "abc":
        assert letter * 64 in page


def test_only_who_should_come_back_is_told_when() -> None:
    assert field(render(GatewayBusy(ORIGIN, 60), "")[1], "retry-after") == "30"
    for error, _, _ in ERRORS:
        assert bool(values(render(error, "")[1], "retry-after")) is isinstance(error, GatewayBusy | StorageFull)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\"'><img src=x>", "&lt; &amp;", "{0} {title} %s"])
def test_html_in_messages_is_text(text: str) -> None:
    error = InternalError(f"m {text}", f"a {text}", ((f"l {text}", f"v {text}"),))
    page = shown(render(error, FIREFOX)[2])
    for letter in "malv":
        assert f"{letter} {text}\n" in page


def test_octets_of_file_names_that_are_no_text_do_not_spoil_the_answer() -> None:
    error = TrustStoreError("The trust record certs\udcff/\u00e4 cannot be read.", "Mend it.")
    assert "certs\\udcff/\u00e4 cannot" in shown(render(error, FIREFOX)[2])
    assert json.loads(render(error, "")[2])["detail"] == error.message


_WITHOUT_FILES = """
import os, sys, smgwproxy.commands.serve
from smgwproxy.errors import InternalError
from smgwproxy.language import Languages
from smgwproxy.problem import render
languages = Languages()
opened = []
try:
    while True:
        opened.append(os.dup(0))
except OSError:
    pass
body = render(InternalError("<m>", "a"), "text/html", languages.accepted(sys.argv[1]))[2]
os.write(1, body)
"""


@pytest.mark.parametrize("language", ["en", "de"])
def test_page_needs_no_file_since_there_may_be_no_more_handles(language: str) -> None:
    command = ["bash", "-c", 'ulimit -n 64; exec "$@"', "bash", sys.executable, "-c", _WITHOUT_FILES, language]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "&lt;m&gt;" in run.stdout
    assert f'<html lang="{language}">' in run.stdout


def test_an_option_in_the_advice_is_not_broken_across_lines() -> None:
    _, _, body = render(UnknownHost("a.example", "a.example"), "text/html")
    assert b"start the proxy with <code>--server-name</code> a.example." in body
    assert b"strong code { white-space: nowrap; }" in body


def test_a_status_line_has_its_phrase() -> None:
    assert status_line(502) == "502 Bad Gateway"
    assert status_line(431) == "431 Request Header Fields Too Large"


# --- Proxy-Status is an Item of RFC 9651 with parameters ----------------------------------------------------

_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')


def details(value: str) -> str:
    """Read ``details`` as RFC 9651 section 4.2.5 does."""
    match = re.fullmatch(r"smgwproxy; error=[a-z_]+; details=(.*)", value, re.DOTALL)
    assert match
    string = _STRING.fullmatch(match[1])
    assert string
    return re.sub(r"\\(.)", r"\1", string[1])


@settings(deadline=None)
@given(st.text())
def test_any_message_becomes_a_structured_string(text: str) -> None:
    value = field(render(InternalError(text, ""), "")[1], "proxy-status")
    assert details(value) == "".join(char if " " <= char <= "~" else "?" for char in text)


def test_quotes_and_line_ends_in_a_message_cannot_leave_the_field() -> None:
    value = field(render(InternalError('a"; error=x\\\r\nSet-Cookie: b\x7f\u00e4', ""), "")[1], "proxy-status")
    assert value == ('smgwproxy; error=proxy_internal_error; details="a\\"; error=x\\\\??Set-Cookie: b??"')

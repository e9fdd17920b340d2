"""The request target, brought to origin-form, and the Host that goes with it (RFC 9112 section 3.2); no I/O."""

from __future__ import annotations

import re

from smgwproxy.authority import Authority
from smgwproxy.http1 import MessageError, RequestHead, values
from smgwproxy.phrases import phrase

# Origin-form (RFC 9112 section 3.2.1) of RFC 3986's characters, and of those that browsers send as they are
# (https://url.spec.whatwg.org/, "percent-encoded bytes"): | and brackets in a path, all but " < > # in a query.
_PATH = r"/[A-Za-z0-9\-._~!$&'()*+,;=:@%/|\[\]]*"
_QUERY = r"\?[\x21\x24-\x3b\x3d\x3f-\x7e]*"
_ORIGIN_FORM = re.compile(rf"{_PATH}(?:{_QUERY})?")
# A user name within a URL is an error where it comes from strangers (RFC 9110 section 4.2.4).
_ABSOLUTE_FORM = re.compile(rf"(https?)://([^/?@]+)({_PATH})?({_QUERY})?", re.IGNORECASE)


def origin_form(head: RequestHead, scheme: str) -> RequestHead:
    """Return the request with its target in origin-form or ``*``, and with one Host that is none but right.

    An absolute-form target's authority replaces Host (RFC 9112 section 3.2.2). ``scheme`` is that of the
    connection. Raises `MessageError`: 400, or 421 for a target of the other scheme (RFC 9110 section 7.4).
    """
    hosts = values(head.lines, "host")
    if len(hosts) > 1 or (not hosts and head.minor == 1):
        raise MessageError(phrase("there must be exactly one Host line"))
    for host in hosts:
        Authority.parse(host)
    if _ORIGIN_FORM.fullmatch(head.target) or (head.target == "*" and head.method == "OPTIONS"):
        return head
    match = _ABSOLUTE_FORM.fullmatch(head.target)
    if match is None:
        raise MessageError(phrase("the request target is malformed"))
    told, authority, path, query = match.groups(default="")
    Authority.parse(authority)
    if told.lower() != scheme:
        raise MessageError(
            phrase(
                "the target is one of {told}, and this connection is one of {scheme}",
                told=told.lower(),
                scheme=scheme,
            ),
            421,
        )
    lines = [(name, authority if name.lower() == "host" else value) for name, value in head.lines]
    asterisk = head.method == "OPTIONS" and not path and not query
    return RequestHead(head.method, "*" if asterisk else (path or "/") + query, head.minor, lines)

"""What a client gets instead of the gateway's answer: HTML for browsers, RFC 9457 for programs; no I/O."""

from __future__ import annotations

import json
import re
from http import HTTPStatus

from smgwproxy.errors import ExchangeError
from smgwproxy.http1 import Lines
from smgwproxy.language import Language
from smgwproxy.phrases import phrase

_PROXY_NAME = "smgwproxy"
# As html.escape has it, which brings half a MiB of names of characters.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})
_OPTION = re.compile(r"(?<!\S)--[a-z]+(?:-[a-z]+)*")

# The empty icon keeps browsers from asking the gateway for one: with a wrong login that would count as a second
# attempt.
_PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; font: 1.05rem/1.5 system-ui, sans-serif; }}
body {{ max-width: 38rem; margin: 12vh auto 0; padding: 0 1.2rem; }}
h1 {{ font-size: 1.4rem; }}
p, dd {{ overflow-wrap: anywhere; }}
dt {{ font-weight: 600; }}
dd {{ margin: 0 0 .8rem; }}
code {{ font: .95rem/1.6 ui-monospace, monospace; }}
strong code {{ white-space: nowrap; }}
footer {{ margin-top: 3rem; font-size: .85rem; opacity: .7; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{message}</p>
{facts}
<p><strong>{advice}</strong></p>
</main>
<footer>{footer}</footer>
</body>
</html>
"""


def render(error: ExchangeError, accept: str, language: Language | None = None) -> tuple[int, Lines, bytes]:
    """Return status, header lines and body for ``error``; ``accept`` is the client's Accept field.

    The page is in ``language``, the problem document in English, whatever the client prefers: programs read it.
    The Proxy-Status field of RFC 9209 tells programs and logs that the proxy answers, not the gateway.
    """
    language = language or Language()
    if _prefers_html(accept):
        content_type, body = "text/html; charset=utf-8", _html(error, language)
        chosen: Lines = [("Content-Language", language.code), ("Vary", "Accept, Accept-Language")]
    else:
        content_type, body = "application/problem+json", _json(error)
        chosen = [("Vary", "Accept")]
    lines: Lines = [
        ("Content-Type", content_type),
        *chosen,
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Proxy-Status", f"{_PROXY_NAME}; error={error.proxy_error}; details={_structured_string(error.message)}"),
    ]
    if error.retry_after is not None:
        lines.append(("Retry-After", str(error.retry_after)))
    return error.status, lines, body


def status_line(status: int) -> str:
    """Return ``502 Bad Gateway`` for 502."""
    return f"{status} {HTTPStatus(status).phrase}"


def _html(error: ExchangeError, say: Language) -> bytes:
    footer = phrase("{status}, told by smgwproxy, not by the gateway.", status=status_line(error.status))
    page = _PAGE.format(
        language=say.code,
        title=_escape(say(error.title)),
        message=_escape(say(error.message)),
        facts=_facts(error.facts, say),
        advice=_OPTION.sub(r"<code>\g<0></code>", _escape(say(error.advice))),
        footer=_escape(say(footer)),
    )
    return page.encode(errors="backslashreplace")  # a file's name may hold octets that are no text


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)


def _facts(facts: tuple[tuple[str, str], ...], say: Language) -> str:
    """Put each value on a line of its own, so that two of them can be compared."""
    if not facts:
        return ""
    told = ((_escape(say(label)), _escape(say(value))) for label, value in facts)
    rows = "\n".join(f"<dt>{label}</dt>\n<dd><code>{value}</code></dd>" for label, value in told)
    return f"<dl>\n{rows}\n</dl>"


def _json(error: ExchangeError) -> bytes:
    document = {
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "advice": error.advice,
        "error": error.proxy_error,
        **({"facts": dict(error.facts)} if error.facts else {}),
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"


def _prefers_html(accept: str) -> bool:
    """Tell whether HTML is named and weighs no less than JSON (RFC 9110 section 12.5.1)."""
    weights = dict.fromkeys(("text/html", "application/json", "application/problem+json"), 0.0)
    for part in accept.lower().split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        if media_type in weights:
            weights[media_type] = _weight(parameters)
    html = weights.pop("text/html")
    return html > 0 and html >= max(weights.values())


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _structured_string(text: str) -> str:
    """Write a String of RFC 9651 section 3.3.3, which holds printable ASCII only."""
    printable = "".join(char if " " <= char <= "~" else "?" for char in text)
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'

"""What the tests of the status have in common: gateways that something has happened to, and a strict reader."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

from smgwproxy.errors import CertificateChanged, ExchangeError
from smgwproxy.headers import Site
from smgwproxy.language import TRANSLATED, Language
from smgwproxy.origin import Origin
from smgwproxy.proxy import Exchange, Request
from smgwproxy.status.kept import Kept
from smgwproxy.status.ledger import Ledger
from smgwproxy.status.page import Reader
from smgwproxy.status.watched import Watched
from smgwproxy.truststores.record import Pending, Pin
from tests.support import Identity

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CLOCK = 1_000_000.0
LANGUAGES = ("en", *TRANSLATED)
ORIGIN = Origin("10.11.120.2", 443)
_EMPTY = frozenset({"meta", "link", "rect", "line", "br"})


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = CLOCK

    def __call__(self) -> float:
        return self.now


def exchange(
    method: str = "GET", status: int = 200, error: ExchangeError | None = None, target: str = "/secret?token=1"
) -> Exchange:
    lines = [("Host", "pi"), ("Cookie", "secret-cookie"), ("Authorization", "secret-login")]
    request = Request(
        "192.168.0.66", method, target, "HTTP/1.1", lines, None, False, BytesIO(), Site("http", "pi")
    )
    return Exchange(request, status, error=error, reused=None if error else True)


def reader(language: str = "en") -> Reader:
    return Reader(Language.named(language), NOW, CLOCK)


def well(identity: Identity, name: str = "home") -> Watched:
    """A gateway that answers, with the certificate of ``identity``."""
    clock = Clock()
    ledger = Ledger(clock)
    for hours, seconds in ((3, 120.0), (2, 7.5), (1, 0.4), (0, 0.2)):
        clock.now = CLOCK - hours * 3600
        ledger.answered(seconds)
        ledger(exchange())
    return Watched(name, ORIGIN, ledger, Kept((Pin.of(identity.certificate, NOW - timedelta(days=30)),)), True)


def changed(identity: Identity, impostor: Identity, name: str = "cellar") -> Watched:
    """A gateway at whose place another certificate is presented, which waits for a person."""
    ledger = Ledger(Clock())
    presented = str(impostor.certificate.fingerprint)
    error = CertificateChanged(ORIGIN, (str(identity.certificate.fingerprint),), presented, pending=True)
    ledger(exchange(status=502, error=error))
    kept = Kept((Pin.of(identity.certificate, NOW),), (Pending(impostor.certificate, NOW, NOW),))
    return Watched(name, ORIGIN, ledger, kept, True)


def fresh(name: str = "new") -> Watched:
    """A gateway that nobody has asked for anything."""
    return Watched(name, ORIGIN, Ledger(Clock()), Kept(), True)


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    parent: Element | None
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, *tags: str) -> Sequence[Element]:
        """Return the elements of these kinds within, in their order."""
        found = []
        for child in self.children:
            if child.tag in tags:
                found.append(child)
            found += child.all(*tags)
        return found

    @property
    def whole_text(self) -> str:
        return " ".join([self.text, *(child.whole_text for child in self.children)])


class _Strict(HTMLParser):
    """Reads HTML of which every element is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.root = self.here = Element("", {}, None)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        element = Element(tag, dict(attrs), self.here)
        assert len(element.attributes) == len(attrs), f"{tag} has an attribute twice"
        self.here.children.append(element)
        if tag not in _EMPTY:
            self.here = element

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.here.children.append(Element(tag, dict(attrs), self.here))

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag, f"</{tag}> ends <{self.here.tag}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.text += data


def commands(page: str) -> Sequence[str]:
    """Return what the ``page`` tells to run."""
    found = re.findall(r"<pre><code>(.*?)</code></pre>", page, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]*>", "", one)) for one in found]


def parsed(page: str) -> Element:
    parser = _Strict()
    parser.feed(page)
    parser.close()
    assert parser.here is parser.root, f"<{parser.here.tag}> is never closed"
    return parser.root

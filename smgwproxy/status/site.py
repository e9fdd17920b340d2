"""The status as a plain WSGI callable (PEP 3333): it answers out of what is known, and asks nobody."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Protocol

from smgwproxy.http1 import Lines
from smgwproxy.language import Languages
from smgwproxy.problem import status_line
from smgwproxy.status import wording
from smgwproxy.status.page import Reader, notice, page
from smgwproxy.status.style import CSS
from smgwproxy.status.watched import Watched
from smgwproxy.wsgi import Environ, StartResponse

_METHODS = ("GET", "HEAD")
_TEXT = "text/plain; charset=utf-8"
_HTML = "text/html; charset=utf-8"

_POLICY = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_Answer = tuple[int, str, bytes]
"""Status, media type and content."""


class Numbers(Protocol):
    """The metrics, as `smgwproxy.status.metrics.Metrics` has them."""

    def page(self, accept: str) -> tuple[str, bytes]:
        """Return media type and content for the Accept field ``accept``."""
        ...


class StatusSite:
    """The pages about the gateways that ``watched`` returns, whose ledgers' times are on ``clock``."""

    def __init__(
        self,
        watched: Callable[[], Sequence[Watched]],
        numbers: Numbers,
        languages: Languages,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watched = watched
        self._languages = languages
        self._now = now
        self._clock = clock
        self._pages: dict[str, Callable[[Environ], _Answer]] = {
            "/": self._page,
            "/healthz": lambda _: (200, _TEXT, b"ok\n"),  # that it is answered says all
            "/readyz": lambda _: self._ready(),
            "/metrics": lambda environ: (200, *numbers.page(environ.get("HTTP_ACCEPT", ""))),
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; see PEP 3333."""
        lines: Lines = []
        answer = self._pages.get(environ.get("PATH_INFO", ""))
        if answer is None:
            status, media_type, content = self._notice(404, wording.NOT_FOUND, wording.NOT_FOUND_TOLD, environ)
        elif environ["REQUEST_METHOD"] not in _METHODS:
            lines.append(("Allow", ", ".join(_METHODS)))
            status, media_type, content = self._notice(405, wording.NOT_ALLOWED, wording.NOT_ALLOWED_TOLD, environ)
        else:
            status, media_type, content = answer(environ)
        lines += (("Content-Type", media_type), ("Content-Length", str(len(content))), *self._common)
        start_response(status_line(status), lines)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else content]

    @cached_property
    def _common(self) -> Lines:
        style = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
        return [
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", f"{_POLICY}; style-src 'sha256-{style}'"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Referrer-Policy", "no-referrer"),
            ("Vary", "Accept, Accept-Language"),
            ("X-Content-Type-Options", "nosniff"),
        ]

    def _page(self, environ: Environ) -> _Answer:
        return 200, _HTML, page(self._watched(), self._reader(environ)).encode()

    def _notice(self, status: int, title: str, told: str, environ: Environ) -> _Answer:
        return status, _HTML, notice(title, told, self._reader(environ)).encode()

    def _ready(self) -> _Answer:
        states = [(one.name, one.unready) for one in self._watched()]
        ready = bool(states) and not any(why for _, why in states)
        told = "".join(f"{name}: {why or 'ok'}\n" for name, why in states)
        return 200 if ready else 503, _TEXT, told.encode()

    def _reader(self, environ: Environ) -> Reader:
        language = self._languages.accepted(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
        return Reader(language, self._now(), self._clock())

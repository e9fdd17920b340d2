"""Turns an exchange that is over into log lines: one line a request, and at debug level what was said."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Literal

from smgwproxy.http1 import Lines, values
from smgwproxy.logs import Escaped, describe_body_start, describe_headers, details, request_line
from smgwproxy.proxy import Exchange, Report


class Line(partial[Escaped]):
    """A message for `logging`: a line made when it is first written, for which no request waits."""

    _made: Escaped | None = None

    def __str__(self) -> str:
        self._made = self._made or self()
        return self._made


class LogReport:
    """A `smgwproxy.proxy.Report` that writes to ``logger``."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def __call__(self, exchange: Exchange, /) -> None:
        """Write the request's line, the error if there was one, and at debug level headers and bodies."""
        request = exchange.request
        if self._logger.isEnabledFor(logging.INFO):
            line = Line(
                request_line,
                client=request.client,
                method=request.method,
                target=request.target,
                version=request.version,
                status=exchange.status,
                sent=exchange.sent,
                seconds=exchange.seconds,
                connection=_connection(exchange.reused),
            )
            # As `info` does it, but for where in this program it is called, which takes longer than all the rest.
            record = self._logger.makeRecord(self._logger.name, logging.INFO, "", 0, line, (), None)
            self._logger.handle(_as_of(exchange.ended or record.created, record))
        if exchange.error is not None:
            self._logger.warning("%s", exchange.error)
        if self._logger.isEnabledFor(logging.DEBUG):
            self._logger.debug(
                "request and answer of the line above",
                extra=details(
                    describe_headers(request.lines),
                    _body(request.lines, exchange.request_start, request.length),
                    describe_headers(exchange.answer_lines),
                    _body(exchange.answer_lines, exchange.answer_start, exchange.sent),
                ),
            )


class ReportLater:
    """A `smgwproxy.proxy.Report` that lets ``report`` be told by ``put_off``: see `smgwproxy.batching`.

    Of an exchange with an error it is told at once: that may hold on to much.
    """

    def __init__(self, report: Report, put_off: Callable[[Callable[[], None]], None]) -> None:
        self._report = report
        self._put_off = put_off

    def __call__(self, exchange: Exchange, /) -> None:
        """Report ``exchange`` as soon as nobody waits."""
        if exchange.error is None:
            self._put_off(partial(self._report, exchange))
        else:
            self._report(exchange)


def _as_of(created: float, record: logging.LogRecord) -> logging.LogRecord:
    """Let ``record`` be of the time ``created``, in seconds since the epoch."""
    record.relativeCreated -= (record.created - created) * 1000
    record.created, record.msecs = created, float(int(created % 1 * 1000))
    return record


def _connection(reused: bool | None) -> Literal["new", "reused", "none"]:
    if reused is None:
        return "none"
    return "reused" if reused else "new"


def _body(lines: Lines, start: bytes, total: int | None) -> tuple[str, ...]:
    if not start:
        return ()
    content_type, encoding = values(lines, "content-type"), values(lines, "content-encoding")
    return describe_body_start(
        content_type[0] if content_type else None, start, total=total, encoding=encoding[0] if encoding else None
    )

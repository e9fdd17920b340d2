"""The last hours as a picture: SVG whose width is that of its place, without a script; no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, log10

from smgwproxy.status.course import Span

_HEIGHT = 76  # pixels of a panel's bars
_TOPS = (40, 164)  # where the bars of the panels have their room
_BOTTOM = 258
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Labels:
    """All that is written in it.

    ``told`` is what it shows, in words; ``requests_top`` and ``latency_top`` are at the upper line of each panel,
    and ``times`` stand below, at equal distances from the first span to the last.
    """

    title: str
    told: str
    requests: str
    latency: str
    requests_top: str
    latency_top: str
    times: Sequence[str]


def nice(most: float, least: float) -> float:
    """Return 1, 2 or 5 times a power of ten that is no less than ``most``, nor ``least``."""
    wanted = max(most, least)
    power = 10.0 ** (ceil(log10(wanted)) - 1)
    return next(step * power for step in _STEPS if step * power >= wanted * (1 - 1e-9))


def requests_top(spans: Sequence[Span]) -> int:
    """Return how many requests reach the upper line."""
    return round(nice(max(span.requests for span in spans), 5))


def latency_top(spans: Sequence[Span]) -> float:
    """Return how many seconds reach the upper line."""
    return nice(max(span.longest for span in spans), 0.1)


def svg(spans: Sequence[Span], labels: Labels, identifier: str) -> str:
    """Draw ``spans``; what has a name for the page begins it with ``identifier``."""
    names = f'aria-labelledby="{identifier}-title" aria-describedby="{identifier}-told"'
    parts = [
        f'<svg role="img" {names} width="100%" height="{_BOTTOM}">',
        f'<title id="{identifier}-title">{escape(labels.title)}</title>',
        f'<desc id="{identifier}-told">{escape(labels.told)}</desc>',
        *_panel(labels.requests, labels.requests_top, _TOPS[0]),
        *_request_bars(spans, _TOPS[0] + _HEIGHT),
        *_panel(labels.latency, labels.latency_top, _TOPS[1]),
        *_latency_bars(spans, _TOPS[1] + _HEIGHT),
        *_times(labels.times),
        "</svg>",
    ]
    return "\n".join(parts)


def _panel(name: str, top: str, y: int) -> Iterator[str]:
    yield f'<text class="name" x="0" y="{y - 22}">{escape(name)}</text>'
    yield f'<text x="0" y="{y - 4}">{escape(top)}</text>'
    for line in (y, y + _HEIGHT):
        yield f'<line x1="0" x2="100%" y1="{line}" y2="{line}"/>'


def _request_bars(spans: Sequence[Span], ground: int) -> Iterator[str]:
    top = requests_top(spans)
    for place, span in enumerate(spans):
        answered = (span.requests - span.failed) / top
        failed = span.failed / top
        yield from _bar("answered", place, len(spans), 0.8, answered, ground)
        yield from _bar("failed", place, len(spans), 0.8, failed, ground - answered * _HEIGHT)


def _latency_bars(spans: Sequence[Span], ground: int) -> Iterator[str]:
    top = latency_top(spans)
    for place, span in enumerate(spans):
        yield from _bar("longest", place, len(spans), 0.3, span.longest / top, ground)
        yield from _bar("average", place, len(spans), 0.8, span.average / top, ground)


def _bar(kind: str, place: int, places: int, width: float, height: float, ground: float) -> Iterator[str]:
    """Draw a bar of ``height`` (1 reaches the upper line) in the middle of its place, as wide as a share of it."""
    if height:
        x = (place + (1 - width) / 2) / places
        pixels = max(height * _HEIGHT, 1.0)  # what is there can be seen
        yield (
            f'<rect class="{kind}" x="{x:.3%}" width="{width / places:.3%}" '
            f'y="{ground - pixels:.1f}" height="{pixels:.1f}"/>'
        )


def _times(times: Sequence[str]) -> Iterator[str]:
    last = len(times) - 1
    for place, text in enumerate(times):
        anchor = "start" if place == 0 else "end" if place == last else "middle"
        yield f'<text x="{place / last:.3%}" y="{_BOTTOM - 4}" text-anchor="{anchor}">{escape(text)}</text>'

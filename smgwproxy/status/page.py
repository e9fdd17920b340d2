"""The page for people: how each gateway and its trust is, and what the last hours were like; no I/O.

It takes no action, needs no script, and holds nothing of any request but its numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape

from smgwproxy import __version__
from smgwproxy.certificate import Fingerprint
from smgwproxy.errors import approval
from smgwproxy.language import Language
from smgwproxy.phrases import Phrase
from smgwproxy.status import wording as text
from smgwproxy.status.chart import Labels, latency_top, requests_top, svg
from smgwproxy.status.counting import Reach
from smgwproxy.status.course import SECONDS, SPANS, Span, together
from smgwproxy.status.style import CSS
from smgwproxy.status.watched import TrustState, Watched
from smgwproxy.truststores.record import Pending, Pin

_PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{css}</style>
</head>
<body>
<header>
<h1>{heading}</h1>
<p>{below}</p>
</header>
<main>
{content}
</main>
<footer>
{version}.
{ways}
</footer>
</body>
</html>
"""
_WAYS = ("/metrics", "/healthz", "/readyz")
_HOURS = round(SPANS * SECONDS / 3600)
_AN_HOUR = round(3600 / SECONDS)  # in spans
_TRUST = {
    None: text.NOT_LOOKED,
    TrustState.PINNED: text.PINNED,
    TrustState.FIRST_USE: text.FIRST_USE,
    TrustState.CHANGED: text.CHANGED,
    TrustState.REFUSED: text.REFUSED,
    TrustState.UNREADABLE: text.UNREADABLE,
}
_GOOD = frozenset({TrustState.PINNED})
_BAD = frozenset({TrustState.CHANGED, TrustState.REFUSED, TrustState.UNREADABLE})
_OPTION = re.compile(r"(?<!\S)--[a-z]+")
_AS_CODE = r'<code class="option">\g<0></code>'
_IN_ONE_LINE = r'<span class="option">\g<0></span>'
_GROUPS = 4  # of the fingerprint, in a line
_LONGEST_NAME = 240  # characters


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: in which language, at which time of the day (with a zone), which is ``clock`` on the ledgers'."""

    say: Language
    now: datetime
    clock: float

    def time(self, at: float, template: Callable[[datetime], Phrase] = text.moment) -> str:
        """Tell when that was, which is on the ledgers' clock."""
        return self.moment(self.now - timedelta(seconds=self.clock - at), template)

    def moment(self, moment: datetime, template: Callable[[datetime], Phrase] = text.moment) -> str:
        """Tell the day and the time, in this machine's time zone; or what ``template`` tells of it."""
        try:
            local = moment.astimezone()
        except (OverflowError, ValueError):  # a record's odd date, at an end of the calendar
            local = moment
        shown = escape(self.say(template(local)))
        return f'<time datetime="{local.isoformat(timespec="seconds")}">{shown}</time>'

    def duration(self, seconds: float) -> str:
        """Tell how long that is."""
        if seconds < 1:
            return self.say(text.milliseconds(round(seconds * 1000)))
        if seconds < 100:
            whole, tenths = divmod(round(seconds * 10), 10)
            return self.say(text.tenths(whole, tenths))
        return self.say(text.seconds(round(seconds)))


def page(watched: Sequence[Watched], reader: Reader) -> str:
    """Return the page about the gateways ``watched``."""
    say = reader.say
    well = all(_is_well(one) for one in watched)
    content = "\n".join(line for number, one in enumerate(watched, 1) for line in _gateway(one, number, reader))
    below = escape(say(text.as_of("\0"))).replace("\0", reader.moment(reader.now))
    return _whole(
        reader,
        title=f"{say(text.TITLE)}: {say(text.ALL_WELL if well else text.NOT_WELL)}",
        heading=say(text.TITLE),
        below=below,
        content=content,
    )


def notice(title: str, told: str, reader: Reader) -> str:
    """Return a page that says no more than ``told``, phrases both, and leads to the other one."""
    say = reader.say
    content = f'<p><a href="/">{escape(say(text.BACK))}</a></p>'
    return _whole(reader, title=say(title), heading=say(title), below=escape(say(told)), content=content)


def _whole(reader: Reader, *, title: str, heading: str, below: str, content: str) -> str:
    links = "".join(f'<li><a href="{way}">{way}</a></li>' for way in _WAYS)
    name, told = escape(reader.say(text.WAYS)), escape(reader.say(text.FOR_PROGRAMS))
    return _PAGE.format(
        language=reader.say.code,
        css=CSS,
        title=escape(title),
        heading=escape(heading),
        below=below,
        content=content,
        version=escape(reader.say(text.version(__version__))),
        ways=f'<nav aria-label="{name}">{told}<ul>{links}</ul></nav>',
    )


# --- one gateway ----------------------------------------------------------------------------------------


def _is_well(one: Watched) -> bool:
    troubled = one.numbers.reach is not None and not one.numbers.reach.answers
    return one.listening and not troubled and one.trust is not None and one.trust not in _BAD


def _gateway(one: Watched, number: int, reader: Reader) -> Iterator[str]:
    identifier = f"gateway-{number}"
    yield f'<section aria-labelledby="{identifier}">'
    yield f'<h2 id="{identifier}">{escape(one.name)}</h2>'
    yield from _reach(one, reader)
    yield from _certificate(one, reader)
    yield from _hours(one.numbers.course.spans(reader.clock), identifier, reader)
    yield "</section>"


def _reach(one: Watched, reader: Reader) -> Iterator[str]:
    say, reach, last = reader.say, one.numbers.reach, one.numbers.last
    facts = [(say(text.ADDRESS), f"<code>{escape(f'https://{one.origin}/')}</code>")]
    yield _state(*_reach_told(one.listening, reach, say))
    if reach is not None:
        label = text.ANSWERS_SINCE if reach.answers else text.TROUBLE_SINCE
        facts.append((say(label), reader.time(reach.since)))
    told = escape(say(text.NONE_YET))
    if last is not None:
        told = escape(say(text.last_answer_told("\0", last.status))).replace("\0", reader.time(last.at))
    yield _facts([*facts, (say(text.LAST_ANSWER), told)])


def _reach_told(listening: bool, reach: Reach | None, say: Language) -> tuple[str, str]:
    if not listening:
        return "bad", say(text.NOT_LISTENING)
    if reach is None:
        return "", say(text.UNASKED)
    if reach.answers:
        return "good", say(text.ANSWERS)
    return "bad", say(text.trouble(reach.trouble))


def _certificate(one: Watched, reader: Reader) -> Iterator[str]:
    say, trust = reader.say, one.trust
    yield f"<h3>{escape(say(text.CERTIFICATE))}</h3>"
    yield _state("good" if trust in _GOOD else "bad" if trust in _BAD else "", say(_TRUST[trust]))
    if one.kept is not None:
        for place, pin in enumerate(one.kept.pins):
            yield _pin(pin, reader, backup=place > 0)
        for pending in one.kept.pending:
            yield _pending(pending, one, reader)


def _pin(pin: Pin, reader: Reader, *, backup: bool) -> str:
    say = reader.say
    facts = [(say(text.BACKUP if backup else text.FINGERPRINT), _grouped(pin.fingerprint))]
    facts.append((say(text.SUBJECT), escape(_printable(pin.subject) or say(text.UNKNOWN))))
    if pin.pinned_at is not None:
        facts.append((say(text.PINNED_AT), reader.moment(pin.pinned_at)))
    facts.append((say(text.ENDS), escape(_ends(pin.ends, reader))))
    return _facts(facts)


def _pending(pending: Pending, one: Watched, reader: Reader) -> str:
    say = reader.say
    told = pending.certificate.description
    command = approval(one.origin)
    if one.kept is not None and len(one.kept.pending) > 1:
        command += f" --fingerprint {pending.fingerprint}"  # it would not know which
    facts = [
        (say(text.FINGERPRINT), _grouped(pending.fingerprint)),
        (say(text.SUBJECT), escape(_printable(told.subject) or say(text.UNKNOWN))),
        (say(text.ENDS), escape(_ends(told.not_after, reader))),
        (say(text.FIRST_SEEN), reader.moment(pending.first_seen)),
        (say(text.LAST_SEEN), reader.moment(pending.last_seen)),
    ]
    return "\n".join(
        (
            '<div class="pending">',
            f"<h3>{escape(say(text.PENDING))}</h3>",
            f"<p>{escape(say(text.PENDING_TOLD))}</p>",
            _facts(facts),
            f"<p>{_OPTION.sub(_AS_CODE, escape(say(text.PENDING_DO)))}</p>",
            f"<pre><code>{_OPTION.sub(_IN_ONE_LINE, escape(command))}</code></pre>",
            "</div>",
        )
    )


def _ends(ends: datetime | None, reader: Reader) -> str:
    if ends is None:
        return reader.say(text.UNKNOWN)
    day = reader.say(text.day(ends.astimezone(UTC)))
    days = (ends - reader.now).days
    if ends <= reader.now:
        return reader.say(text.ended(day))
    if days > 1:
        return reader.say(text.ends_in_days(day, days))
    return reader.say(text.ends_in_a_day(day) if days == 1 else text.ends_today(day))


# --- the last hours -------------------------------------------------------------------------------------


def _hours(spans: Sequence[Span], identifier: str, reader: Reader) -> Iterator[str]:
    say, whole = reader.say, together(spans)
    yield f"<h3>{escape(say(text.hours(_HOURS)))}</h3>"
    if not whole.requests:
        yield f"<p>{escape(say(text.NOTHING_YET))}</p>"
        return
    told = say(text.requests_told(whole.requests, whole.failed))
    if whole.answers:
        average, longest = reader.duration(whole.average), reader.duration(whole.longest)
        told += f" {say(text.latency_told(average, longest))}"
    labels = Labels(
        title=say(text.hours(_HOURS)),
        told=told,
        requests=say(text.requests_chart(round(SECONDS / 60))),
        latency=say(text.LATENCY_CHART),
        requests_top=str(requests_top(spans)),
        latency_top=reader.duration(latency_top(spans)),
        times=[*(say(text.hours_ago(hours)) for hours in range(_HOURS, 0, -2)), say(text.NOW)],
    )
    kinds = (
        ("answered", text.ANSWERED),
        ("failed", text.FAILED),
        ("average", text.AVERAGE),
        ("longest", text.LONGEST),
    )
    yield "<figure>"
    yield svg(spans, labels, identifier)
    yield f'<figcaption><p>{escape(told)}</p><ul class="legend">'
    for kind, name in kinds:
        swatch = f'<svg aria-hidden="true"><rect class="{kind}" width="100%" height="100%"/></svg>'
        yield f"<li>{swatch}{escape(say(name))}</li>"
    yield "</ul></figcaption>"
    yield "</figure>"
    yield from _table(spans, reader)


def _table(spans: Sequence[Span], reader: Reader) -> Iterator[str]:
    """Tell the same in rows of an hour, for those who do not see the chart."""
    say = reader.say
    names = (text.HOUR, text.REQUESTS, text.COLUMN_FAILED, text.COLUMN_AVERAGE, text.COLUMN_LONGEST)
    yield f"<details><summary>{escape(say(text.AS_TABLE))}</summary>"
    heads = "".join(f'<th scope="col">{escape(say(name))}</th>' for name in names)
    yield f"<table><thead><tr>{heads}</tr></thead>"
    yield "<tbody>"
    for start in range(0, SPANS, _AN_HOUR):
        hour = together(spans[start : start + _AN_HOUR])
        durations = (hour.average, hour.longest) if hour.answers else ()
        cells = [
            str(hour.requests),
            str(hour.failed),
            *(map(reader.duration, durations) if durations else ("\N{EN DASH}", "\N{EN DASH}")),
        ]
        row = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        yield f'<tr><th scope="row">{reader.time(hour.start, text.clock)}</th>{row}</tr>'
    yield "</tbody></table></details>"


# --- small things ---------------------------------------------------------------------------------------


def _state(kind: str, told: str) -> str:
    return f'<p class="state{f" {kind}" if kind else ""}">{escape(told)}</p>'


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    """Set labels, and values that are HTML already."""
    rows = "\n".join(f"<dt>{escape(label)}</dt>\n<dd>{value}</dd>" for label, value in facts)
    return f"<dl>\n{rows}\n</dl>"


def _grouped(fingerprint: Fingerprint) -> str:
    groups = fingerprint.groups.split()
    lines = "\n".join(" ".join(groups[start : start + _GROUPS]) for start in range(0, len(groups), _GROUPS))
    return f'<code class="fingerprint">{lines}</code>'


def _printable(name: str) -> str:
    """Return what a certificate's maker wrote, without what turns letters round."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"

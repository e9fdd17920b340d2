"""What is counted: durations, spans of the last hours, names of a known number."""

from __future__ import annotations

import gc
from collections.abc import Callable
from itertools import pairwise
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smgwproxy.errors import (
    BodyTooLarge,
    CertificateChanged,
    CertificateRevoked,
    ClientGone,
    ExchangeError,
    GatewayBusy,
    GatewayNotTLS,
    GatewayRefused,
    PinRefused,
    PinWithdrawn,
    TooManyClients,
)
from smgwproxy.status import labels
from smgwproxy.status.counting import Reach
from smgwproxy.status.course import SECONDS, SPANS, Course, together
from smgwproxy.status.histogram import Histogram
from smgwproxy.status.kept import Kept
from smgwproxy.status.ledger import Ledger
from smgwproxy.status.watched import TrustState, Watched
from smgwproxy.truststores.record import Pending, Pin
from tests.status.support import NOW, ORIGIN, Clock, exchange
from tests.support import Identity

METHODS = {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"}

# --- durations ------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1000)))
def test_histogram_counts_every_duration_up_to_each_bound(durations: list[float]) -> None:
    histogram = Histogram((0.1, 1.0, 10.0))
    for seconds in durations:
        histogram.note(seconds)
    wanted = [sum(seconds <= bound for seconds in durations) for bound in (0.1, 1.0, 10.0)]
    assert list(histogram.cumulative) == [*wanted, len(durations)]
    assert histogram.sum == pytest.approx(sum(durations))


# --- the last hours -------------------------------------------------------------------------------------


def test_spans_are_the_last_hours_with_empty_ones_where_nothing_happened() -> None:
    course = Course()
    course.ended(1000.0, failed=False)
    course.answered(1000.0, 0.5)
    course.answered(1001.0, 1.5)
    course.ended(1000.0 + 2 * SECONDS, failed=True)

    spans = course.spans(1000.0 + 3 * SECONDS)

    assert len(spans) == SPANS
    assert [span.requests for span in spans[-4:]] == [1, 0, 1, 0]
    assert [span.failed for span in spans[-4:]] == [0, 0, 1, 0]
    assert (spans[-4].average, spans[-4].longest) == (1.0, 1.5)
    assert all(later.start - earlier.start == SECONDS for earlier, later in pairwise(spans))


def test_what_is_older_than_the_last_hours_is_forgotten() -> None:
    course = Course()
    for number in range(10 * SPANS):
        course.ended(number * SECONDS, failed=False)
    assert len(course._spans) == SPANS
    assert together(course.spans(9 * SPANS * SECONDS + SECONDS * SPANS - 1)).requests == SPANS
    assert not together(course.spans(100 * SPANS * SECONDS)).requests


# --- names ----------------------------------------------------------------------------------------------


@given(st.text(), st.integers())
def test_no_client_and_no_gateway_can_make_further_names(method: str, status: int) -> None:
    assert labels.method(method) in METHODS | {"other"}
    assert labels.status(status) == "other" or 100 <= status < 600


def test_reasons_are_named_after_our_errors_alone() -> None:
    class OfAPlugIn(GatewayRefused):
        pass

    assert labels.reason(TooManyClients(1, 1)) == "too_many_clients"
    assert labels.reason(GatewayNotTLS(ORIGIN, "", "")) == "gateway_not_tls"
    assert labels.reason(OfAPlugIn(ORIGIN)) == "gateway_refused"


# --- a gateway's ledger ---------------------------------------------------------------------------------


def ledger_after(*errors: ExchangeError) -> Ledger:
    ledger = Ledger(Clock())
    for error in errors:
        ledger(exchange(status=error.status, error=error))
    return ledger


def test_requests_and_refusals_are_counted() -> None:
    ledger = Ledger(Clock())
    ledger(exchange("POST", 200))
    ledger(exchange("BREW", 799))
    ledger(exchange("GET", 502, GatewayRefused(ORIGIN)))
    ledger.refused(BodyTooLarge(1))

    assert ledger.numbers.requests == {("POST", "200"): 1, ("other", "other"): 1, ("GET", "502"): 1}
    assert ledger.numbers.refusals == {"gateway_refused": 1, "body_too_large": 1}
    assert together(ledger.numbers.course.spans(Clock().now)).requests == 3


def test_what_is_noted_is_counted_before_anybody_looks() -> None:
    ledger = Ledger(Clock())
    for count in range(1, 251):
        ledger.waited(0.1)
        ledger.answered(0.2)
        ledger(exchange())
        if count % 50 == 0:
            numbers = ledger.numbers
            assert numbers.queue.cumulative[-1] == numbers.latency.cumulative[-1] == count
            assert numbers.requests == {("GET", "200"): count}


def test_what_is_noted_is_counted_while_the_gateway_is_waited_for() -> None:
    counted: list[int] = []
    ledger = Ledger(Clock(), lambda: counted.append(len(ledger._noted)))
    ledger.waited(0.1)
    ledger.asked()
    assert (counted, ledger._noted) == ([1], [])


def test_notes_do_not_pile_up_without_end() -> None:
    ledger = Ledger(Clock())
    for _ in range(1000):
        ledger.waited(0.1)
    assert len(ledger._noted) < 100


def test_nothing_is_kept_of_what_failed() -> None:
    error = GatewayRefused(ORIGIN)
    ledger = ledger_after(error)
    gone = ref(error)
    del error
    gc.collect()
    assert gone() is None
    assert ledger.numbers.refusals == {"gateway_refused": 1}


def test_gateway_is_reachable_since_the_first_answer_after_trouble() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    happenings: tuple[Callable[[], None], ...] = (
        lambda: None,
        lambda: ledger.answered(0.1),
        lambda: ledger.answered(0.1),
        lambda: ledger(exchange(error=GatewayRefused(ORIGIN))),
        lambda: ledger(exchange(error=GatewayNotTLS(ORIGIN, "odd", ""))),
        lambda: ledger.answered(0.1),
    )
    told = []
    for happens in happenings:
        clock.now += 10
        happens()
        told.append(ledger.numbers.reach)
    start = clock.now - 40
    assert told == [
        None,
        Reach(answers=True, since=start),
        Reach(answers=True, since=start),
        Reach(answers=False, since=start + 20, trouble=GatewayRefused.title),
        Reach(answers=False, since=start + 20, trouble=GatewayNotTLS.title),
        Reach(answers=True, since=start + 40),
    ]


@pytest.mark.parametrize("error", [GatewayBusy(ORIGIN, 1.0), ClientGone(), PinWithdrawn(ORIGIN)])
def test_what_the_gateway_has_not_done_says_nothing_about_it(error: ExchangeError) -> None:
    assert ledger_after(error).numbers.reach is None


# --- trust ----------------------------------------------------------------------------------------------

States = Callable[[Identity, Identity], tuple[Kept | None, Ledger]]


def pin(who: Identity) -> tuple[Pin, ...]:
    return (Pin.of(who.certificate),)


def changed(who: Identity) -> Ledger:
    return ledger_after(CertificateChanged(ORIGIN, (), str(who.certificate.fingerprint)))


def revoked(who: Identity) -> Ledger:
    return ledger_after(CertificateRevoked(ORIGIN, str(who.certificate.fingerprint)))


def refused(who: Identity) -> Ledger:
    return ledger_after(PinRefused(ORIGIN, str(who.certificate.fingerprint)))


@pytest.mark.parametrize(
    ("state", "situation"),
    [
        (None, lambda _, __: (None, Ledger())),
        (TrustState.FIRST_USE, lambda _, __: (Kept(), Ledger())),
        (TrustState.PINNED, lambda ours, _: (Kept(pin(ours)), Ledger())),
        (TrustState.UNREADABLE, lambda ours, _: (Kept(pin(ours), trouble="It fails"), Ledger())),
        (TrustState.CHANGED, lambda ours, his: (Kept(pin(ours), (Pending(his.certificate, NOW, NOW),)), Ledger())),
        (TrustState.CHANGED, lambda ours, his: (Kept(pin(ours)), changed(his))),
        (TrustState.CHANGED, lambda ours, his: (Kept(pin(ours)), revoked(his))),
        (TrustState.REFUSED, lambda _, __: (Kept(first_use=False), Ledger())),
        (TrustState.REFUSED, lambda _, his: (Kept(), refused(his))),
        # what was pinned then was removed since, so that the next one will be pinned:
        (TrustState.FIRST_USE, lambda _, his: (Kept(), changed(his))),
        # nobody has tried, and nobody needs to: no pin, and the last one was revoked
        (TrustState.REFUSED, lambda _, his: (Kept(), revoked(his))),
        # approved since it was presented:
        (TrustState.PINNED, lambda _, his: (Kept(pin(his)), changed(his))),
    ],
)
def test_state_of_trust(
    state: TrustState | None, situation: States, identity: Identity, impostor: Identity
) -> None:
    kept, ledger = situation(identity, impostor)
    assert Watched("home", ORIGIN, ledger, kept, True).trust is state

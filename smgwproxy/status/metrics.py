"""The numbers for Prometheus, as `prometheus_client` writes them. Imported only where they are wanted.

https://prometheus.io/docs/practices/naming/ says how they are called. Every label's values are of a known number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from platform import python_version

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from smgwproxy import __version__
from smgwproxy.status.histogram import Histogram
from smgwproxy.status.watched import TrustState, Watched

_DAY = timedelta(days=1)
_OPEN_METRICS = "application/openmetrics-text"


class Metrics:
    """The metrics of the gateways that ``watched`` returns; ``now`` is the time of the day, with a time zone."""

    def __init__(self, watched: Callable[[], Sequence[Watched]], now: Callable[[], datetime]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Numbers(watched, now))

    def page(self, accept: str) -> tuple[str, bytes]:
        """Return media type and content: OpenMetrics where the Accept field ``accept`` names it."""
        # The library fails at parameters that it does not expect, so it sees none of the client's.
        encode, content_type = choose_encoder(_OPEN_METRICS if _names_open_metrics(accept) else "")
        return content_type, encode(self._registry)


def _names_open_metrics(accept: str) -> bool:
    return any(part.partition(";")[0].strip() == _OPEN_METRICS for part in accept.lower().split(","))


class _Numbers(Collector):
    def __init__(self, watched: Callable[[], Sequence[Watched]], now: Callable[[], datetime]) -> None:
        self._watched = watched
        self._now = now

    def describe(self) -> Sequence[Metric]:
        """Return nothing: the registry would collect all of it to learn the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Return what is known now, and ask nobody."""
        watched = self._watched()
        yield InfoMetricFamily(
            "smgwproxy_build",
            "The program that runs.",
            value={"version": __version__, "python": python_version()},
        )
        yield from _requests(watched)
        yield from _times(watched)
        yield from _gateways(watched)
        yield from _trust(watched, self._now())


def _requests(watched: Sequence[Watched]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "smgwproxy_requests",
        "Requests that came in and are over, by method and by the status that the client got.",
        labels=("gateway", "method", "status"),
    )
    refusals = CounterMetricFamily(
        "smgwproxy_refusals",
        "Requests that did not get the gateway's whole answer, by reason; those refused at the door, too.",
        labels=("gateway", "reason"),
    )
    handshakes = CounterMetricFamily(
        "smgwproxy_gateway_handshakes",
        "TLS handshakes with the gateway that came to their end: full ones, and resumed ones.",
        labels=("gateway", "kind"),
    )
    for one in watched:
        for (method, status), count in sorted(one.numbers.requests.items()):
            requests.add_metric((one.name, method, status), count)
        for reason, count in sorted(one.numbers.refusals.items()):
            refusals.add_metric((one.name, reason), count)
        for resumed, kind in ((False, "full"), (True, "resumed")):
            handshakes.add_metric((one.name, kind), one.numbers.handshakes[resumed])
    yield from (requests, refusals, handshakes)


def _times(watched: Sequence[Watched]) -> Iterator[Metric]:
    latency = HistogramMetricFamily(
        "smgwproxy_gateway_latency_seconds",
        "From a request's turn at the gateway to the head of the answer, with a handshake if there was one.",
        labels=("gateway",),
    )
    queue = HistogramMetricFamily(
        "smgwproxy_queue_seconds",
        "How long was waited for a turn at the gateway, whether it came or not.",
        labels=("gateway",),
    )
    for one in watched:
        _add(latency, one.name, one.numbers.latency)
        _add(queue, one.name, one.numbers.queue)
    yield from (latency, queue)


def _add(family: HistogramMetricFamily, name: str, histogram: Histogram) -> None:
    bounds = [*map(floatToGoString, histogram.bounds), "+Inf"]
    family.add_metric((name,), list(zip(bounds, histogram.cumulative, strict=True)), histogram.sum)


def _gateways(watched: Sequence[Watched]) -> Iterator[Metric]:
    answers = GaugeMetricFamily(
        "smgwproxy_gateway_up",
        "1 when the gateway answered when it was last asked for something, 0 when not; absent before that.",
        labels=("gateway",),
    )
    listening = GaugeMetricFamily(
        "smgwproxy_ready",
        "1 when clients can come to the gateway's door and its trust store answers, as /readyz has it.",
        labels=("gateway",),
    )
    for one in watched:
        if one.numbers.reach is not None:
            answers.add_metric((one.name,), float(one.numbers.reach.answers))
        listening.add_metric((one.name,), float(not one.unready))
    yield from (answers, listening)


def _trust(watched: Sequence[Watched], now: datetime) -> Iterator[Metric]:
    trust = GaugeMetricFamily(
        "smgwproxy_trust_state",
        f"1 for the state that the trust in the gateway is in ({', '.join(TrustState)}), 0 for the others.",
        labels=("gateway", "state"),
    )
    days = GaugeMetricFamily(
        "smgwproxy_certificate_days_left",
        "Days until the pinned certificate ends, below 0 when it has; it is used all the same.",
        labels=("gateway",),
    )
    for one in watched:
        current = one.trust
        if current is not None:
            for state in TrustState:
                trust.add_metric((one.name, state), float(state is current))
        if one.kept is not None and one.kept.pins and (ends := one.kept.pins[0].ends) is not None:
            days.add_metric((one.name,), (ends - now) / _DAY)
    yield from (trust, days)

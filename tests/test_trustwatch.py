"""What a running proxy tells of its trust store, and when."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import cast
from weakref import ref

import gevent
import gevent.event
import pytest

from smgwproxy.backend import threaded
from smgwproxy.certificate import Certificate
from smgwproxy.cooperative import cooperative
from smgwproxy.errors import PinWithdrawn, TrustStoreError
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.lookout import Lookout
from smgwproxy.origin import Origin
from smgwproxy.truststores import rules
from smgwproxy.truststores.base import EditableTrustStore, TrustStore, utc_now
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.guard import Guard
from smgwproxy.truststores.record import Pin
from smgwproxy.trustwatch import TrustWatch, see_out
from tests.contract.settled_stores import settled_database, settled_file
from tests.support import OK, PATIENCE, Identity, Peer, RawGateway, make_identity

StartGateway = Callable[..., RawGateway]
SOON = 0.01  # seconds to the next look


class Clock:
    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> object:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watching(
    caplog: pytest.LogCaptureFixture, clock: Clock
) -> Iterator[Callable[[Origin, TrustStore], TrustWatch]]:
    caplog.set_level(logging.INFO)
    opened: list[Gateway] = []

    def start(origin: Origin, store: TrustStore) -> TrustWatch:
        gateway = Gateway(origin, store)
        opened.append(gateway)
        guard = Guard(store, threaded().call, PATIENCE)
        return TrustWatch(gateway, guard, logging.getLogger("smgwproxy"), clock)  # type: ignore[arg-type]  # a clock

    yield start
    for gateway in opened:
        gateway.close()


Watching = Callable[[Origin, TrustStore], TrustWatch]


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    caplog.clear()
    return lines


def test_start_pins_the_gateway_and_says_so_once(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    identity: Identity,
    watching: Watching,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway = raw_gateway(OK)
    watch = watching(gateway.origin, store)
    watch.begin()
    ((level, text),) = told(caplog)
    assert level == "INFO"
    assert text.startswith(f"the gateway {gateway.origin} is pinned: SHA-256 {identity.certificate.fingerprint}")
    watch.step()
    assert told(caplog) == []


def test_start_lists_what_is_stored_and_what_cannot_be_read_hides_nothing_else(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    tmp_path: Path,
    watching: Watching,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway = raw_gateway(OK)
    store.pin(Origin("10.0.0.1"), Certificate(b"1"))
    store.pin(Origin("10.0.0.3"), Certificate(b"3"))
    (tmp_path / "certs/10.0.0.2.json").write_text("{")
    (tmp_path / "certs").chmod(0o777)
    watching(gateway.origin, store).begin()
    lines = told(caplog)
    assert [level for level, _ in lines] == ["WARNING", "INFO", "ERROR", "INFO", "INFO"]
    assert "may be written by other users" in lines[0][1]
    for (_, text), word in zip(lines[1:], ("10.0.0.1", "10.0.0.2.json", "10.0.0.3", "is pinned"), strict=True):
        assert word in text


def test_dead_gateway_is_told_and_does_not_end_the_watch(
    store: FileTrustStore, raw_gateway: StartGateway, watching: Watching, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = raw_gateway(OK)
    gateway.stop()
    watch = watching(gateway.origin, store)
    watch.begin()
    ((level, text),) = told(caplog)
    assert level == "WARNING"
    assert text.startswith(f"not pinned yet: The gateway {gateway.origin} refuses the connection")
    watch.step()
    assert told(caplog) == []


def test_change_of_pins_is_told_and_connections_under_the_old_one_end(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    impostor: Identity,
    watching: Watching,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway = raw_gateway(OK)
    watch = watching(gateway.origin, store)
    watch.begin()
    with watch._gateway.send("GET", "/", [("Host", "x")]) as answer:
        answer.read()
    told(caplog)
    store.change(gateway.origin, partial(rules.forget, now=utc_now()))
    watch.step()
    assert told(caplog) == [("WARNING", f"the gateway {gateway.origin} is not pinned any more")]
    assert gateway.peers[1].ended.wait(PATIENCE)
    store.pin(gateway.origin, impostor.certificate)
    watch.step()
    ((_, text),) = told(caplog)
    assert str(impostor.certificate.fingerprint) in text


def test_certificate_that_ends_is_told_at_start_and_every_day(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    tmp_path: Path,
    watching: Watching,
    caplog: pytest.LogCaptureFixture,
    clock: Clock,
) -> None:
    gateway = raw_gateway(OK, make_identity(tmp_path, days=20))
    watch = watching(gateway.origin, store)
    watch.begin()
    assert [level for level, _ in told(caplog)] == ["INFO", "WARNING"]
    clock.now += timedelta(hours=23)
    watch.step()
    assert told(caplog) == []
    clock.now += timedelta(days=20)
    watch.step()
    ((level, text),) = told(caplog)
    assert level == "WARNING"
    assert "ended on" in text
    assert "used all the same" in text


def test_trouble_with_the_store_is_told_once_while_it_lasts(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    tmp_path: Path,
    watching: Watching,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway = raw_gateway(OK)
    watch = watching(gateway.origin, store)
    watch.begin()
    told(caplog)
    record = tmp_path / f"certs/{gateway.origin}.json"
    good = record.read_bytes()
    for _ in range(2):
        record.write_bytes(b"{")
        watch.step()
        watch.step()
        ((level, text),) = told(caplog)
        assert (level, str(record) in text) == ("ERROR", True)
        record.write_bytes(good)
        watch.step()
        assert told(caplog) == []


def test_store_that_only_looks_up_and_pins_is_watched_too(
    raw_gateway: StartGateway, identity: Identity, watching: Watching, caplog: pytest.LogCaptureFixture
) -> None:
    class Constant:
        def lookup(self, origin: Origin) -> list[Pin]:
            return [Pin(identity.certificate.fingerprint)]

        def pin(self, origin: Origin, certificate: Certificate) -> list[Pin]:
            return self.lookup(origin)

    gateway = raw_gateway(OK)
    watching(gateway.origin, Constant()).begin()
    assert [level for level, _ in told(caplog)] == ["INFO"]


def test_faulty_store_does_not_end_the_watch(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    identity: Identity,
    watching: Watching,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Faulty(FileTrustStore):
        def warnings(self) -> list[str]:
            return cast(list[str], None)

    gateway = raw_gateway(OK)
    watch = watching(gateway.origin, Faulty(store._directory))
    watch.begin()
    (level, text), (_, pinned) = told(caplog)
    assert (level, text) == ("ERROR", "a fault while looking at the trust store")
    assert str(identity.certificate.fingerprint) in pinned


def test_exchange_that_outlives_its_gateway_ends_with_its_pin(
    raw_gateway: StartGateway, store: FileTrustStore, tmp_path: Path
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        peer.begun()

    gateway = Gateway(raw_gateway(script).origin, store)
    with gateway.send("GET", "/", [("Host", "x")]) as answer:
        assert answer.read() == b"first"
        gateway.close()
        (tmp_path / f"certs/{gateway.origin}.json").unlink()
        watching = gevent.spawn(see_out, ref(gateway), logging.getLogger("smgwproxy"))
        gevent.sleep(0)
        with pytest.raises(PinWithdrawn):
            answer.read()
        watching.kill()
    left = ref(gateway)
    del gateway, answer
    see_out(left, logging.getLogger("smgwproxy"))  # returns: nobody has it any more


def test_trouble_with_the_store_of_a_gateway_that_is_left_is_told_once(
    raw_gateway: StartGateway, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    looks = []

    class Broken(TrustStore):
        def lookup(self, origin: Origin) -> Sequence[Pin]:
            looks.append(origin)
            if len(looks) >= 3:
                over.set()
            raise TrustStoreError("gone", "mend it")

        def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:
            raise NotImplementedError

    over = gevent.event.Event()
    gateway = Gateway(raw_gateway(OK).origin, Broken(), backend=cooperative())
    gateway.close()
    watching = gevent.spawn(see_out, ref(gateway), logging.getLogger("smgwproxy"), SOON)
    assert over.wait(PATIENCE)
    watching.kill()
    assert len([record for record in caplog.records if "gone" in record.getMessage()]) == 1


# --- while it runs --------------------------------------------------------------------------------------


@pytest.fixture(params=[settled_file, settled_database])
def settled(request: pytest.FixtureRequest, tmp_path: Path) -> EditableTrustStore:
    """A store whose pins stand as soon as they are looked up."""
    opened: EditableTrustStore = request.param(str(tmp_path / "settled"))
    return opened


NEVER = 1e6  # seconds to the next beat
OFTEN = 0.05


@contextmanager
def running(gateway: Gateway, store: TrustStore, interval: float) -> Iterator[None]:
    guard = Guard(store, cooperative().call, PATIENCE)
    with gateway, closing(Lookout(interval=interval)) as lookout:
        watching = gevent.spawn(TrustWatch(gateway, guard, logging.getLogger("smgwproxy")).run, lookout)
        yield
        watching.kill()


def rests(gateway: Gateway) -> bool:
    """Tell whether the watch sleeps until something happens."""
    return bool(gateway.stirred.linkcount())  # type: ignore[attr-defined]  # it is gevent's


def comes_about(condition: Callable[[], object]) -> bool:
    """Wait until ``condition`` holds, while greenlets run; False when it does not in time."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        gevent.sleep(0.01)
    return bool(condition())


def test_change_of_pins_is_followed_without_request_and_beat(
    raw_gateway: StartGateway, settled: EditableTrustStore, identity: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    origin = raw_gateway(OK).origin
    settled.pin(origin, identity.certificate)
    gateway = Gateway(origin, settled, backend=cooperative())
    with running(gateway, settled, NEVER):
        assert comes_about(lambda: rests(gateway))
        settled.change(origin, partial(rules.forget, now=utc_now()))
        assert comes_about(lambda: "is not pinned any more" in caplog.text)


def test_idle_watch_sleeps_until_a_connection_is_made_and_again_once_it_has_ended(
    raw_gateway: StartGateway, settled: EditableTrustStore, identity: Identity
) -> None:
    peer = raw_gateway(OK)
    settled.pin(peer.origin, identity.certificate)
    gateway = Gateway(peer.origin, settled, Limits(keepalive=0.5), cooperative())
    with running(gateway, settled, OFTEN):
        for number in range(2):
            assert comes_about(lambda: rests(gateway))
            with gateway.send("GET", "/", [("Host", "x")]) as answer:
                answer.read()
            assert comes_about(lambda: not rests(gateway))
            assert comes_about(peer.peers[number].ended.is_set), "nobody asked for its end"


def test_pin_that_goes_while_there_is_a_connection_ends_it(
    raw_gateway: StartGateway, settled: EditableTrustStore, identity: Identity
) -> None:
    """Also the first one, at whose beginning the watch slept."""
    peer = raw_gateway(OK)
    settled.pin(peer.origin, identity.certificate)
    gateway = Gateway(peer.origin, settled, backend=cooperative())
    with running(gateway, settled, OFTEN):
        assert comes_about(lambda: rests(gateway))
        with gateway.send("GET", "/", [("Host", "x")]) as answer:
            answer.read()
        settled.change(peer.origin, partial(rules.forget, now=utc_now()))
        assert comes_about(peer.peers[0].ended.is_set)


def test_watch_that_rests_looks_at_nothing(
    raw_gateway: StartGateway, settled: EditableTrustStore, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do its own look-ups wake it: that of a database makes a log, and takes it away."""
    looks = 0
    look = TrustWatch.step

    def counted(watch: TrustWatch) -> object:
        nonlocal looks
        looks += 1
        return look(watch)

    monkeypatch.setattr(TrustWatch, "step", counted)
    origin = raw_gateway(OK).origin
    settled.pin(origin, identity.certificate)
    gateway = Gateway(origin, settled, backend=cooperative())
    with running(gateway, settled, OFTEN):
        settled.lookup(origin)
        assert comes_about(lambda: rests(gateway))
        gevent.sleep(1)  # what its looks have stirred up
        before = looks
        gevent.sleep(1)  # many beats
        assert looks == before


def test_store_that_does_not_say_where_its_pins_are_is_looked_at_by_beats(
    raw_gateway: StartGateway, identity: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    class Elsewhere:
        pins: tuple[Pin, ...] = (Pin(identity.certificate.fingerprint),)

        def lookup(self, origin: Origin) -> tuple[Pin, ...]:
            return self.pins

        def pin(self, origin: Origin, certificate: Certificate) -> tuple[Pin, ...]:
            return self.pins

    caplog.set_level(logging.INFO)
    store = Elsewhere()
    with running(Gateway(raw_gateway(OK).origin, store, backend=cooperative()), store, OFTEN):
        assert comes_about(lambda: "is pinned" in caplog.text)
        store.pins = ()
        assert comes_about(lambda: "is not pinned any more" in caplog.text)


def test_trouble_with_the_store_is_looked_at_by_beats_until_it_is_over(
    raw_gateway: StartGateway, tmp_path: Path, identity: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    store = settled_file(str(tmp_path / "settled"))
    origin = raw_gateway(OK).origin
    store.pin(origin, identity.certificate)
    gateway = Gateway(origin, store, backend=cooperative())
    record = tmp_path / "settled" / f"{origin}.json"
    good = record.read_bytes()
    with running(gateway, store, OFTEN):
        assert comes_about(lambda: rests(gateway))
        record.write_bytes(b"{")
        assert comes_about(lambda: "cannot be read" in caplog.text)
        assert not rests(gateway)
        record.write_bytes(good)
        assert comes_about(lambda: rests(gateway))

"""The disk that clients share is bounded, and given back; who finds no room there is told so."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from smgwproxy.errors import StorageFull
from smgwproxy.storage import Storage
from smgwproxy.truststores.file import FileTrustStore
from tests.support import OK, RawGateway, largest_file, raw_exchange, running_proxy

StartGateway = Callable[..., RawGateway]
MEMORY = 256 * 1024


def upload(size: int) -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: pi\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size)


def test_there_is_never_more_taken_than_there_is() -> None:
    storage = Storage(100)
    start = threading.Barrier(8)

    def take_what_there_is() -> int:
        start.wait()
        return sum(storage.take(1) for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert sum(done.result() for done in [pool.submit(take_what_there_is) for _ in range(8)]) == 100
    assert not storage.take(1)
    storage.give_back(100)
    assert storage.take(100)


def test_upload_that_finds_no_room_is_told_so_and_the_gateway_hears_nothing(
    raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store, storage=Storage(1_000_000)) as proxy:
        for _ in range(2):
            said = raw_exchange(proxy.port, upload(1_000_001))
            assert said.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nRetry-After: 10\r\n" in said
            assert isinstance(proxy.next_exchange().error, StorageFull)
        assert gateway.connections == 0
        for _ in range(2):
            assert raw_exchange(proxy.port, upload(1_000_000)).endswith(b"ok")
    assert gateway.received.count(b"\r\nContent-Length: 1000000\r\n") == 2


def test_small_upload_needs_no_room(raw_gateway: StartGateway, store: FileTrustStore) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store, storage=Storage(0)) as proxy:
        assert raw_exchange(proxy.port, upload(MEMORY)).endswith(b"ok")
        assert raw_exchange(proxy.port, upload(MEMORY + 1)).startswith(b"HTTP/1.1 503 ")


def test_disk_that_cannot_be_written_to_is_told_as_one_that_is_full(
    raw_gateway: StartGateway, store: FileTrustStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store) as proxy:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
        assert raw_exchange(proxy.port, upload(MEMORY + 1)).startswith(b"HTTP/1.1 503 ")
        assert raw_exchange(proxy.port, upload(MEMORY)).endswith(b"ok")
    assert gateway.received.count(b"POST ") == 1


@pytest.mark.parametrize("size", [600_000, 300_000 + 100], ids=["within", "at its end"])
def test_disk_that_fills_up_meanwhile_is_told_and_takes_no_room_for_ever(
    raw_gateway: StartGateway, store: FileTrustStore, size: int
) -> None:
    gateway = raw_gateway(OK)
    with running_proxy(gateway.origin, store, storage=Storage(1_000_000)) as proxy:
        with largest_file(300_000):
            for _ in range(3):
                assert raw_exchange(proxy.port, upload(size)).startswith(b"HTTP/1.1 503 ")
                assert isinstance(proxy.next_exchange().error, StorageFull)
        assert gateway.connections == 0
        assert raw_exchange(proxy.port, upload(1_000_000)).endswith(b"ok")

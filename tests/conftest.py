"""Fixtures that every test may use."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from smgwproxy import server
from smgwproxy.truststores.file import FileTrustStore
from tests.namespaces.fixtures import elsewhere, han, in_namespaces
from tests.support import Identity, RawGateway, Script, always, make_identity

__all__ = ["elsewhere", "han", "in_namespaces"]  # pytest finds them here

# How long anything takes is the machine's affair, and no claim of ours.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: the tests wait for a third of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist keep the order of the files: by their number of tests, a few long ones would come last."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> None:
    """Let Ctrl-C end the programs that tests start, in a shell's background too, where it is ignored by all."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def english() -> Iterator[None]:
    """Let programs speak English to the tests, whatever the locale of who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LC_ALL", "C.UTF-8")
        patch.delenv("LANGUAGE", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def watchful_server() -> Iterator[None]:
    """Let proxies within the tests see earlier than after a second that a client has left; programs keep to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_LOOK_AFTER_SECONDS", 0.05)
        yield


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """The gateway's own certificate."""
    return make_identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="session")
def impostor(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Another certificate with the same names."""
    return make_identity(tmp_path_factory.mktemp("impostor"))


@pytest.fixture
def store(tmp_path: Path) -> FileTrustStore:
    """A file store without records."""
    directory = tmp_path / "certs"
    directory.mkdir()
    return FileTrustStore(directory)


@pytest.fixture
def raw_gateway(identity: Identity) -> Iterator[Callable[..., RawGateway]]:
    """Start scripted gateways; all are stopped at the end."""
    started: list[RawGateway] = []

    def start(script: Script | bytes, who: Identity | None = identity, **options: object) -> RawGateway:
        chosen = always(script) if isinstance(script, bytes) else script
        gateway = RawGateway(who, chosen, **options)  # type: ignore[arg-type]  # port and host, as the tests need
        started.append(gateway)
        return gateway

    yield start
    for gateway in started:
        gateway.stop()

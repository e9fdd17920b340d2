"""Where the command runs in the tests: an empty directory, stores of each kind, somebody at a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from smgwproxy.commands.console import Console
from tests.support import Identity, make_identity
from tests.trust_command.support import GIVEN, ORIGIN, OTHER, STORES, Terminal, Trust, open_editable


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty directory, without a terminal, at 100 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))


@pytest.fixture(params=STORES)
def trust(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Trust:
    spec = f"{request.param}:{tmp_path / 'pins'}"
    return Trust(spec, open_editable(spec), capsys)


@pytest.fixture
def file_trust(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Trust:
    spec = f"file:{tmp_path / 'pins'}"
    return Trust(spec, open_editable(spec), capsys)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let somebody sit at a terminal, with an answer on the lips."""

    def sit(answer: str) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        monkeypatch.setattr(Console, "interactive", property(lambda _: True))

    return sit


@pytest.fixture(scope="module")
def renewed(identity: Identity, tmp_path_factory: pytest.TempPathFactory) -> tuple[Identity, Identity]:
    """Two certificates of one key."""
    key = ec.generate_private_key(ec.SECP256R1())
    directory = tmp_path_factory.mktemp("renewed")
    return make_identity(directory, "old", key), make_identity(directory, "new", key, days=800)


@pytest.fixture
def filled(trust: Trust, identity: Identity, impostor: Identity) -> Trust:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(impostor.certificate)
    trust.store.pin(OTHER, impostor.certificate)
    trust("revoke", "--fingerprint", str(GIVEN))
    return trust

"""Trust stores by name, ours and others': real distributions on the path, with real entry points."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from smgwproxy.errors import ConfigError
from smgwproxy.origin import Origin
from smgwproxy.truststores import TrustStore, open_truststore
from smgwproxy.truststores.file import FileTrustStore

STORE = """
class Store:
    def __init__(self, argument):
        self.argument = argument
    def lookup(self, origin):
        return ()
    def pin(self, origin, certificate):
        return ()
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution whose module ``plugin_<name>`` has ``source``, with an entry point ``name``."""

    def install(name: str, source: str, attribute: str = "Store") -> None:
        module = f"plugin_{name}"
        place = tmp_path / name
        about = place / f"smgw_{name}-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: smgw-{name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[smgwproxy.truststores]\n{name} = {module}:{attribute}\n")
        (place / f"{module}.py").write_text(source)
        monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(place)

    return install


def fault(spec: str) -> str:
    with pytest.raises(ConfigError) as caught:
        open_truststore(spec)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


def test_the_file_store_is_installed_like_any_other(tmp_path: Path) -> None:
    store = open_truststore(f"file:{tmp_path}/certs")
    assert isinstance(store, FileTrustStore)
    assert store.lookup(Origin("10.11.120.2")) == ()
    assert (tmp_path / "certs").is_dir()


def test_a_store_that_refuses_its_argument_says_so_itself() -> None:
    assert fault("file") == fault("file:") == "file: needs a directory, for example file:./certs"


@pytest.mark.parametrize("spec", ["fil", "File:x", "", ":x", "./certs", "redis:x"])
def test_an_unknown_name_lists_what_is_installed(install: Install, spec: str) -> None:
    install("vault", STORE)
    text = fault(spec)
    assert repr(spec.partition(":")[0]) in text
    assert "installed: file, vault" in text


@pytest.mark.parametrize(
    ("spec", "argument"),
    [("other", ""), ("other:", ""), ("other:a", "a"), ("other::a:/b c?d=e:", ":a:/b c?d=e:")],
)
def test_what_stands_behind_the_first_colon_is_the_argument(install: Install, spec: str, argument: str) -> None:
    install("other", STORE)
    store = open_truststore(spec)
    assert isinstance(store, TrustStore)
    assert vars(store) == {"argument": argument}


def test_only_the_store_that_is_named_is_imported(install: Install) -> None:
    install("named", STORE)
    install("unnamed", "raise RuntimeError")
    open_truststore("named:x")
    assert "plugin_named" in sys.modules
    assert "plugin_unnamed" not in sys.modules


@pytest.mark.parametrize(
    ("source", "word"),
    [
        pytest.param("import there_is_no_such_module", "there_is_no_such_module", id="import-error"),
        pytest.param("def", "invalid syntax", id="syntax-error"),
        pytest.param("raise RuntimeError('no\\nlicence')", "no licence", id="any-error"),
        pytest.param("raise RuntimeError", "RuntimeError", id="an-error-without-text"),
        pytest.param("", "Store", id="no-factory"),
    ],
)
def test_a_store_that_cannot_be_imported_is_named(install: Install, source: str, word: str) -> None:
    install("broken", source)
    text = fault("broken:x")
    assert "'broken' cannot be loaded" in text
    assert word in text


@pytest.mark.parametrize(
    ("source", "word"),
    [
        pytest.param("def Store(argument): raise ValueError('no\\nhost')", "no host", id="any-error"),
        pytest.param("def Store(): ...", "argument", id="a-factory-without-argument"),
        pytest.param("Store = 5", "callable", id="a-factory-that-is-none"),
    ],
)
def test_a_store_that_cannot_be_opened_is_named(install: Install, source: str, word: str) -> None:
    install("closed", source)
    text = fault("closed:x")
    assert "'closed' cannot be opened" in text
    assert word in text


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(STORE.replace("def lookup", "def look_up"), id="no-lookup"),
        pytest.param(STORE.replace("def pin", "def set"), id="no-pin"),
        pytest.param("def Store(argument): return None", id="no-store-at-all"),
    ],
)
def test_a_store_that_lacks_a_method_is_named(install: Install, source: str) -> None:
    install("half", source)
    text = fault("half:x")
    assert "'half' lacks lookup() or pin()" in text

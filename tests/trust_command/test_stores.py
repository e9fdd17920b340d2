"""``smgwproxy trust`` over stores that take no edits, or fail, and over those of one's own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from smgwproxy.cli import main
from tests.support import OK
from tests.trust_command.support import GIVEN, MODULE, ORIGIN, SCRIPT, Ended, StartGateway, run

PINNED = f"pinned:{GIVEN}"


def test_a_store_that_takes_no_edits_is_shown_and_says_where_its_pins_are_edited(
    capsys: pytest.CaptureFixture[str], raw_gateway: StartGateway
) -> None:
    trust = partial(_with_pinned, capsys)
    assert str(GIVEN) in trust("list").out
    assert "aaaa aaaa aaaa aaaa" in trust("show").out
    assert list(trust("export").document["gateways"]) == [str(ORIGIN)]
    gateway = raw_gateway(OK)
    assert "It is not pinned" in trust("scan", "--target", str(gateway.origin)).out
    for words in (
        ["approve", "--fingerprint", str(GIVEN)],
        ["add", "--fingerprint", str(GIVEN)],
        ["remove", "--fingerprint", str(GIVEN)],
        ["remove", "--yes"],
        ["revoke", "--fingerprint", str(GIVEN)],
        ["revoke", "--yes"],
        ["import", "x"],
    ):
        ended = trust(*words)
        assert ended.code == 1
        assert "The trust store pinned takes no edits here. Its pins come from " in ended.fault
    ended = trust("history")
    assert ended.code == 1
    assert "keeps no history" in ended.fault


def _with_pinned(capsys: pytest.CaptureFixture[str], *words: str) -> Ended:
    code = main(["trust", *words, "--truststore", PINNED])
    told = capsys.readouterr()
    return Ended(code, told.out, told.err)


PLUGIN = """
import threading
from smgwproxy.truststores import EditableTrustStore, Pin, Record

class Bare:
    def __init__(self, argument): pass
    def lookup(self, origin): return ()
    def pin(self, origin, certificate): return ()

class Lying(Bare):
    def lookup(self, origin): return ["no pin"]

class Hanging(Bare):
    def lookup(self, origin): threading.Event().wait(60)

class Failing(Bare):
    def lookup(self, origin): raise RuntimeError("no\\nlicence")

class LyingEditable(EditableTrustStore):
    def __init__(self, argument): pass
    def record(self, origin): return None
    def origins(self): return ()
    def change(self, origin, edit): return None
"""


@pytest.fixture
def plugin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ended]:
    """Run a command with a store of a module that lies in the working directory."""
    module = f"plugin_of_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{module}.py").write_text(PLUGIN)

    def run_with(factory: str, *words: str) -> Ended:
        code = main(["trust", *words, "--store-timeout=0.2", "--truststore", f"{module}:{factory}:secret"])
        told = capsys.readouterr()
        return Ended(code, told.out, told.err)

    return run_with


def test_a_bare_plug_in_has_no_place_to_name_but_its_option(plugin: Callable[..., Ended]) -> None:
    fault = plugin("Bare", "revoke", "--yes").fault
    assert "takes no edits here. Its pins come from where --truststore says" in fault
    assert "secret" not in fault


@pytest.mark.parametrize(
    ("factory", "words", "told"),
    [
        ("Lying", ["show"], "returned something else than pins"),
        ("Hanging", ["show"], "did not answer within 0.2 s"),
        ("Failing", ["show"], "failed with RuntimeError: no licence"),
        ("LyingEditable", ["show"], "returned something else than a record"),
        ("LyingEditable", ["add", "--fingerprint", "a" * 64], "returned something else than a record"),
    ],
)
def test_a_store_that_fails_is_told_in_one_line(
    plugin: Callable[..., Ended], factory: str, words: list[str], told: str
) -> None:
    ended = plugin(factory, *words)
    assert ended.code == 1
    assert told in ended.fault


@pytest.mark.parametrize("command", [MODULE, SCRIPT], ids=["module", "script"])
def test_a_store_beside_ones_own_program_is_found(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "my_store.py").write_text(PLUGIN)
    ended = run("show", "--truststore", "my_store:Bare", cwd=tmp_path, command=command)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_nothing_is_looked_for_in_the_working_directory_where_python_was_told_not_to(tmp_path: Path) -> None:
    (tmp_path / "my_store.py").write_text(PLUGIN)
    command = (sys.executable, "-P", "-m", "smgwproxy", "trust")
    ended = run("show", "--truststore", "my_store:Bare", cwd=tmp_path, command=command)
    assert ended.returncode == 2


def test_a_working_directory_that_is_gone_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["trust", "list", "--truststore", f"file:{tmp_path}/pins"]) == 0
    assert "holds no gateway yet" in " ".join(capsys.readouterr().out.split())

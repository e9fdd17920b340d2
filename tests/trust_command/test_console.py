"""``smgwproxy trust`` at a real terminal, and with streams that are closed, full, or of few letters."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from smgwproxy.cli import main
from smgwproxy.commands.console import Console
from tests.support import PATIENCE, Identity
from tests.trust_command.support import MODULE, ORIGIN, Ended, Trust, prepared, run


class Sitting:
    """A process at a real terminal."""

    def __init__(self, *words: str, cwd: Path, columns: int = 80) -> None:
        self._master, slave = pty.openpty()
        environ = {**os.environ, "COLUMNS": str(columns)}
        self.process = subprocess.Popen(
            [*MODULE, *words],
            cwd=cwd,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environ,
            start_new_session=True,
        )
        os.close(slave)
        self.shown = ""

    def wait_for(self, text: str) -> None:
        while text not in self.shown:
            piece = os.read(self._master, 4096)
            assert piece
            self.shown += piece.decode()

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> int:
        with suppress(OSError):  # Linux tells the end of a terminal so
            while piece := os.read(self._master, 4096):
                self.shown += piece.decode()
        code = self.process.wait(PATIENCE)
        os.close(self._master)
        self.shown = self.shown.replace("\r\n", "\n")
        return code


def test_at_a_terminal_yes_approves(tmp_path: Path, identity: Identity, impostor: Identity) -> None:
    store = prepared(tmp_path, identity.certificate, impostor.certificate)
    sitting = Sitting("approve", cwd=tmp_path)
    sitting.wait_for("[y/N] ")
    sitting.type("y\n")
    assert sitting.end() == 0
    assert "PINNED NOW" in sitting.shown
    assert sitting.shown.count("Approved.") == 1
    assert all(len(line) <= 80 for line in sitting.shown.splitlines())
    assert store.lookup(ORIGIN)[0].fingerprint == impostor.certificate.fingerprint


def test_at_a_narrow_terminal_the_certificates_stand_below_each_other(
    tmp_path: Path, identity: Identity, impostor: Identity
) -> None:
    prepared(tmp_path, identity.certificate, impostor.certificate)
    sitting = Sitting("approve", cwd=tmp_path, columns=50)
    sitting.wait_for("[y/N] ")
    sitting.type("no\n")
    assert sitting.end() == 1
    assert "Pinned now:" in sitting.shown
    assert all(len(line) <= 50 for line in sitting.shown.splitlines())
    assert sitting.shown.endswith("Nothing was changed.\n")


def test_ctrl_c_at_the_question_changes_nothing(tmp_path: Path, identity: Identity, impostor: Identity) -> None:
    store = prepared(tmp_path, identity.certificate, impostor.certificate)
    before = store.record(ORIGIN)
    sitting = Sitting("approve", cwd=tmp_path)
    sitting.wait_for("[y/N] ")
    sitting.process.send_signal(signal.SIGINT)
    assert sitting.end() == 130
    assert "Traceback" not in sitting.shown
    assert sitting.shown.endswith("\nNothing was changed.\n")
    assert store.record(ORIGIN) == before


def test_ctrl_d_at_the_question_is_no(tmp_path: Path, identity: Identity, impostor: Identity) -> None:
    prepared(tmp_path, identity.certificate, impostor.certificate)
    sitting = Sitting("approve", cwd=tmp_path)
    sitting.wait_for("[y/N] ")
    sitting.type("\x04")
    assert sitting.end() == 1
    assert sitting.shown.endswith("[y/N] \nNothing was changed.\n")


def test_a_certificate_is_pasted_at_a_terminal(tmp_path: Path, identity: Identity) -> None:
    sitting = Sitting("add", "-", cwd=tmp_path)
    sitting.wait_for("Paste the certificate or its fingerprint here")
    sitting.type(f"{identity.certificate.fingerprint.groups}\n\x04")
    assert sitting.end() == 0
    assert "it is the pinned certificate" in sitting.shown


def test_without_a_terminal_nobody_is_asked(tmp_path: Path, identity: Identity, impostor: Identity) -> None:
    prepared(tmp_path, identity.certificate, impostor.certificate)
    ended = run("approve", cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert ended.returncode == 2
    assert Ended(2, "", ended.stderr).fault.startswith("--fingerprint: ")


def test_a_closed_pipe_is_no_traceback(tmp_path: Path, identity: Identity, impostor: Identity) -> None:
    store = prepared(tmp_path, identity.certificate, impostor.certificate)
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen([*MODULE, "show"], cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    _, told = process.communicate(timeout=PATIENCE)
    assert (process.returncode, told) == (141, "")
    with Path("/dev/full").open("w") as full:
        fingerprint = str(impostor.certificate.fingerprint)
        ended = subprocess.run(
            [*MODULE, "approve", "--fingerprint", fingerprint],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert ended.returncode == 1
    assert Ended(1, "", ended.stderr).fault == "The output cannot be written: No space left on device."
    assert store.lookup(ORIGIN)[0].fingerprint == impostor.certificate.fingerprint


def test_streams_that_were_closed_before_the_start_do_no_harm(
    trust: Trust, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, stream, None)
    assert main(["trust", "list", "--truststore", trust.spec]) == 0
    assert main(["trust", "add", "-", "--truststore", trust.spec]) == 1
    assert not Console.standard().confirm("Well?")


def test_a_terminal_of_few_letters_is_given_the_others_escaped() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(stream, None, None, 80).say(["CN=Zähler"])
    assert stream.buffer.getvalue() == b"CN=Z\\xe4hler\n"


def test_an_answer_of_broken_letters_is_no() -> None:
    answers = io.TextIOWrapper(io.BytesIO(b"\xff\n"), encoding="utf-8")
    errors = io.StringIO()
    assert not Console(None, errors, answers, 40).confirm("Do you agree with all of this, and with more?")
    assert errors.getvalue() == "Do you agree with all of this, and with\nmore? [y/N] "

"""A system that does not run, to install to."""

from __future__ import annotations

import io
import os
import stat
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from smgwproxy.cli import main

PROGRAM = "/opt/smgwproxy/bin/smgwproxy"
RECORD = f'{{"fingerprint": "{"ab" * 32}", "subject": "CN=SMGW"}}\n'
ACCOUNTS = ("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow")  # systemd-sysusers and userdel write these

NOBODY_READS = 141

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="files can be given away by root alone")

UNIT_OF_FIRST_DESCRIPTION = """\
[Unit]
Description=Reverse Proxy für SMGW
After=network-online.target

[Service]
ExecStart=/home/pi/smgw-proxy/reverse_proxy -logdir /var/log/smgw-proxy
WorkingDirectory=/home/pi/smgw-proxy
Restart=always
User=pi
StandardOutput=journal
StandardError=journal

[Install]
WantedBy=multi-user.target
"""
UNIT_OF_SECOND_DESCRIPTION = UNIT_OF_FIRST_DESCRIPTION.replace(" -logdir /var/log/smgw-proxy", "")


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def lines(self, verb: str) -> list[str]:
        """What was told with this verb."""
        return [line[8:] for line in self.out.splitlines() if line[:8].strip() == verb]


class Head(io.StringIO):
    """An output that nobody reads any more after so many lines, as behind ``| head``."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._left = lines

    def write(self, text: str) -> int:
        if self._left == 0:
            raise BrokenPipeError
        self._left -= 1
        return super().write(text)


@dataclass(frozen=True)
class Card:
    """The root directory of a system, such as a mounted card."""

    root: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str) -> Ended:
        self.capsys.readouterr()
        code = main([words[0], "--root", str(self.root), *words[1:]])
        told = self.capsys.readouterr()
        return Ended(code, told.out, told.err)

    def install(self, *words: str) -> Ended:
        return self.run("install", "--program", PROGRAM, *words)

    def broken_off(self, steps: int, *words: str) -> Ended:
        """Run a command that ends before it does the step after so many."""
        with redirect_stdout(Head(steps)) as output:
            code = main([words[0], "--root", str(self.root), *words[1:]])
        return Ended(code, output.getvalue(), self.capsys.readouterr().err)

    def link(self, path: str, target: str) -> None:
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).symlink_to(target)

    def path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def put(self, path: str, text: str) -> Path:
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def put_original(self, unit: str = UNIT_OF_FIRST_DESCRIPTION, name: str = "reverse_proxy.service") -> None:
        self.put(f"/etc/systemd/system/{name}", unit)
        self.put("/home/pi/smgw-proxy/reverse_proxy", "an executable\n")
        self.put("/home/pi/smgw-proxy/certs/10.11.120.2.json", RECORD)

    def read(self, path: str) -> str:
        return self.path(path).read_text()

    def snapshot(self) -> dict[str, tuple[str, str]]:
        """Everything there is: each path with its mode, and what is in it."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if name.rstrip("-") in ACCOUNTS or name == "etc/.pwd.lock":
                continue
            what = "" if path.is_dir() else str(path.readlink()) if path.is_symlink() else path.read_text()
            found[name] = (stat.filemode(path.lstat().st_mode), what)
        return found

    def times(self) -> dict[str, tuple[int, int]]:
        return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_ctime_ns) for path in self.root.rglob("*")}

    def owners(self) -> dict[str, int]:
        return {str(path.relative_to(self.root)): path.lstat().st_uid for path in self.root.rglob("*")}


@pytest.fixture
def card(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Card:
    for name in [name for name in os.environ if name.startswith("SMGWPROXY_")]:
        monkeypatch.delenv(name)
    return new_card(tmp_path / "card", capsys)


def new_card(root: Path, capsys: pytest.CaptureFixture[str]) -> Card:
    """Make a system to install to at ``root``."""
    for directory in (
        "etc/systemd/system",
        "etc/sysusers.d",
        "var/lib",
        "var/log",
        "home/pi",
        "opt/smgwproxy/bin",
    ):
        (root / directory).mkdir(parents=True)
    for path in (root, *root.rglob("*")):
        path.chmod(0o755)
    made = Card(root, capsys)
    made.put(PROGRAM, "#!/bin/sh\n").chmod(0o755)
    made.put("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\npi:x:1000:1000::/home/pi:/bin/sh\n")
    return made

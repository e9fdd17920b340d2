"""What runs on this machine: proxies, and who listens at a port, as ``/proc`` tells (proc(5))."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from smgwproxy.config import Config, build_parser, parse, resolve
from smgwproxy.errors import ConfigError
from smgwproxy.host import short_form
from smgwproxy.phrases import Phrase, phrase

_PROC = Path("/proc")
_OURS = "smgwproxy"
_ORIGINAL = re.compile(r"reverse_?proxy(\.go)?")
_PYTHON = re.compile(r"python[0-9.]*")
_NO_PROXY = frozenset(
    {"certificate", "demo", "discover", "doctor", "install", "trust", "uninstall", "-h", "--help", "--version"}
)
_LISTENS = "0A"  # TCP_LISTEN in /proc/net/tcp
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # what others listen at


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that runs: ours, or the original.

    ``config`` is how it was started, None where that cannot be read; ``service`` is its systemd unit, and ``file``
    its configuration file, empty where there is none.
    """

    pid: int
    command: str
    config: Config | None
    service: str = ""
    file: str = ""

    @property
    def is_original(self) -> bool:
        """Tell whether it is the original, which pins by itself, and logs passwords."""
        return self.command != _OURS

    @property
    def called(self) -> Phrase:
        """What it is called in a sentence."""
        told = {"command": self.command, "pid": self.pid}
        if self.service:
            return phrase("{command} (process {pid}, service {service})", **told, service=self.service)
        return phrase("{command} (process {pid})", **told)

    @property
    def reload(self) -> str | None:
        """The command that lets it read its configuration again; None for the original, which would end."""
        if self.is_original:
            return None
        return f"sudo systemctl reload {self.service}" if self.service else f"sudo kill -HUP {self.pid}"

    @property
    def stop(self) -> str:
        """The command that ends it."""
        return f"sudo systemctl stop {self.service}" if self.service else f"sudo kill {self.pid}"


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody who listens at ``address`` and ``port``; ``inode`` is the socket's."""

    address: str
    port: int
    inode: int

    def takes(self, address: str | None) -> bool:
        """Tell whether nobody else can listen at ``address`` with this port; None is all of them."""
        return address is None or self.address in _EVERYWHERE or self.address == address


def proxies(proc: Path = _PROC) -> Sequence[Proxy]:
    """Return the proxies that run, except this process and those that cannot be seen; one for each gateway."""
    found = []
    for directory in proc.glob("[0-9]*"):
        words = _words(directory / "cmdline")
        started = as_proxy(words)
        if started is None or _is_elsewhere(directory):
            continue
        command, rest = started
        configs, file = _configs(directory, rest)
        if configs or _words(directory / "cmdline") == words:  # else it has just ended
            found += [
                Proxy(int(directory.name), command, config, _service(directory), file)
                for config in configs or (None,)
            ]
    return sorted(found, key=lambda one: one.pid)


def as_proxy(words: Sequence[str]) -> tuple[str, Sequence[str]] | None:
    """Return the name and the options of a proxy that was started with ``words``; None when it is none."""
    if not words:
        return None
    place = 0
    if _PYTHON.fullmatch(Path(words[0]).name):
        place = next((at for at, word in enumerate(words) if at and not word.startswith("-")), len(words))
    if place == len(words):
        return None
    name, rest = Path(words[place]).name, words[place + 1 :]
    if name == "__main__.py":  # what python -m makes of it
        name = Path(words[place]).parent.name
    if _ORIGINAL.fullmatch(name):
        return name, rest
    if name == _OURS and not (rest and rest[0] in _NO_PROXY):
        return name, rest
    return None


def listeners(port: int, proc: Path = _PROC) -> Sequence[Listener]:
    """Return those who listen at ``port`` with TCP."""
    return [
        one
        for family in ("tcp", "tcp6")
        for line in _lines(proc / "net" / family)[1:]
        if (one := _listener(line)) is not None and one.port == port
    ]


def owner(inode: int, proc: Path = _PROC) -> int | None:
    """Return the number of the process that has the socket; None where this user may not see it."""
    for directory in proc.glob("[0-9]*"):
        with suppress(OSError):  # another user's, or gone
            for descriptor in (directory / "fd").iterdir():
                with suppress(OSError):
                    if str(descriptor.readlink()) == f"socket:[{inode}]":
                        return int(directory.name)
    return None


def name_of(pid: int, proc: Path = _PROC) -> str:
    """Return the name of a program."""
    return "".join(_lines(proc / str(pid) / "comm")) or phrase("a program")


def _is_elsewhere(directory: Path) -> bool:
    """Tell whether a process is in a world of its own: hidden from its own user, or from root (namespaces(7))."""
    try:
        (directory / "ns" / "net").readlink()
    except PermissionError:
        return os.geteuid() in {0, directory.stat().st_uid}
    except OSError:  # it is gone
        return True
    return False


def _words(path: Path) -> list[str]:
    try:
        words = path.read_bytes().decode("utf-8", "surrogateescape").split("\0")[:-1]
    except OSError:  # gone, or hidden
        return []
    # ["python3", "-m", "smgwproxy", ...]: the module's name stands where the script's would
    if len(words) > 2 and words[1] == "-m":
        return [words[0], *words[2:]]
    return words


def _configs(directory: Path, words: Sequence[str]) -> tuple[Sequence[Config], str]:
    """Return how the proxies of a process were started, none if that is not known, and the file it was told of."""
    environ: dict[str, str] = {}
    with suppress(OSError):  # another user's
        pairs = (directory / "environ").read_bytes().decode("utf-8", "surrogateescape").split("\0")
        environ = dict(pair.split("=", 1) for pair in pairs if pair.startswith("SMGWPROXY_") and "=" in pair)
    try:
        arguments = parse(build_parser(), words)
        named = getattr(arguments, "config", None) or environ.pop("SMGWPROXY_CONFIG", None)
        if not named:
            return resolve(arguments, environ).gateways, ""
        arguments.config = str(_as_it_sees(directory, named))
        if not os.access(arguments.config, os.R_OK):
            return (), named
        if Path(arguments.config).is_file():  # a pipe would keep who reads it waiting, and lose what is in it
            with suppress(ConfigError):
                return resolve(arguments, environ).gateways, named
        del arguments.config  # it was changed since, and is wrong now: what else was given still counts
        return resolve(arguments, environ).gateways, named
    except (ConfigError, SystemExit):
        return (), ""


def _as_it_sees(directory: Path, name: str) -> Path:
    """Return the path of a file as a process names it, which may have a root and a place of its own."""
    with suppress(OSError):
        where = (directory / "cwd").readlink() / name
        seen = directory / "root" / where.relative_to("/")
        return seen if seen.exists() else where
    return Path(name)


def _service(directory: Path) -> str:
    for line in _lines(directory / "cgroup"):
        unit = line.rpartition("/")[2]
        if unit.endswith(".service") and "/system.slice/" in line:
            return unit.removesuffix(".service")
    return ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []


def _listener(line: str) -> Listener | None:
    _, local, _, state, _, _, _, _, _, inode, *_ = line.split()
    address, _, port = local.partition(":")
    if state != _LISTENS:
        return None
    # each 32 bits in this machine's own order of bytes, which is the same on all that this runs on
    octets = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8))
    told = str(IPv4Address(octets)) if len(octets) == 4 else short_form(IPv6Address(octets))
    return Listener(told.removeprefix("::ffff:"), int(port, 16), int(inode))

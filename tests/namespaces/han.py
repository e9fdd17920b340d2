"""The HAN: this machine and the gateway's as network namespaces, joined by cables, with names of their own."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support import PATIENCE

PORT = "veth0"  # what each end of the first cable is called, and the zone of link-local addresses there
GATEWAY, GATEWAY_V6, GATEWAY_LINK = "10.11.120.2", "fd00:120::2", "fe80::1"
MOVED = "10.11.120.9"
"""Another address of the gateway's machine."""
NOBODY, NOBODY_V6 = "10.11.120.3", "fd00:120::9"
"""Addresses of nobody, which a resolver puts before `MOVED`: they have more bits in common with this machine's."""

_HERE = ("10.11.120.1/24", "fd00:120::1/64", "fe80::a/64")
_THERE = (f"{GATEWAY}/24", f"{MOVED}/24", f"{GATEWAY_V6}/64", f"{GATEWAY_LINK}/64")
_NOBODYS_HARDWARE = "02:00:00:00:00:99"
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)  # os.setns and os.unshare came with Python 3.12


class Namespace:
    """A network namespace. Its interfaces and sockets live until it is closed and nothing in it runs any more."""

    def __init__(self) -> None:
        with _back_afterwards():
            _checked(_libc.unshare(_CLONE_NEWNET))
            self.descriptor = _current()
            ip("link set lo up")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let this thread be in it: the sockets, threads and programs that it makes now belong there."""
        with _back_afterwards():
            _checked(_libc.setns(self.descriptor, _CLONE_NEWNET))
            yield

    def close(self) -> None:
        os.close(self.descriptor)


class Cable:
    """From the interface ``name`` of ``here`` to one of ``there``, each with its addresses.

    The other one is called ``far_name``, or the same when None.
    """

    def __init__(
        self,
        here: Namespace,
        there: Namespace,
        name: str = PORT,
        addresses: tuple[Sequence[str], Sequence[str]] = (_HERE, _THERE),
        far_name: str | None = None,
    ) -> None:
        self._here, self._there = here, there
        self._name, self._far_name = name, far_name or name
        self._addresses = addresses
        with here.entered():
            peer = f"/proc/self/fd/{there.descriptor}"
            ip(f"link add {name} type veth peer name {self._far_name} netns {peer}", shared=there)
        for namespace, end, own in zip((here, there), (name, self._far_name), addresses, strict=True):
            with namespace.entered():
                ip(f"link set {end} addrgenmode none")
                _bring_up(end, own)
        self._wait_for_carrier()

    def pull(self) -> None:
        """Unplug it at the other end: nothing gets through, and the interface here has no carrier."""
        with self._there.entered():
            ip(f"link set {self._far_name} down")

    def plug(self) -> None:
        """Plug it in again."""
        with self._there.entered():
            _bring_up(self._far_name, self._addresses[1])
        self._wait_for_carrier()

    def plug_into(self, machine: Namespace) -> None:
        """Plug the other end into another machine, which gets all addresses of the former, of hardware too."""
        with self._there.entered():
            ip(f"link set {self._far_name} netns /proc/self/fd/{machine.descriptor}", shared=machine)
        self._there = machine
        with machine.entered():
            ip(f"link set {self._far_name} addrgenmode none")
        self.plug()

    def take_down(self) -> None:
        """Let the interface here be switched off, which has no routes then."""
        with self._here.entered():
            ip(f"link set {self._name} down")

    def bring_up(self) -> None:
        """Let the interface here be switched on again."""
        with self._here.entered():
            _bring_up(self._name, self._addresses[0])
        self._wait_for_carrier()

    def remove(self) -> None:
        """Let the interface here be gone, as that of an adapter that was unplugged."""
        with self._here.entered():
            ip(f"link del {self._name}")

    def swallow(self, address: str) -> None:
        """Let all that is sent from here to ``address`` get lost on the way, as in a dead switch."""
        with self._here.entered():
            ip(f"neigh replace {address} lladdr {_NOBODYS_HARDWARE} dev {self._name} nud permanent")

    def swallow_no_more(self, address: str) -> None:
        with self._here.entered():
            ip(f"neigh del {address} dev {self._name}")

    def give_up_soon(self) -> None:
        """Let this machine ask for the hardware address of somebody who is not there for a moment only."""
        with self._here.entered():
            ip(
                f"ntable change name arp_cache dev {self._name} mcast_probes 1 retrans 50",
                f"ntable change name ndisc_cache dev {self._name} mcast_probes 1 retrans 50",
            )

    def _wait_for_carrier(self) -> None:
        deadline = time.monotonic() + PATIENCE
        for namespace, name in ((self._here, self._name), (self._there, self._far_name)):
            with namespace.entered():
                while not _stands(name):
                    assert time.monotonic() < deadline, f"{name} gets no carrier"


class Han:
    """The machine here, and the gateway's at the other end of a cable. Who makes it is here until `close`.

    ``hosts`` is the file of names that all namespaces here have in common.
    """

    def __init__(self, hosts: Path) -> None:
        self._hosts = hosts
        self._ended = ExitStack()
        self.here = self._namespace()
        self.gateway = self._namespace()
        self._ended.enter_context(self.here.entered())
        self.cable = Cable(self.here, self.gateway)
        self.names()

    def close(self) -> None:
        self._ended.close()

    def names(self, *lines: str) -> None:
        """Let these lines of an ``/etc/hosts`` be all the names that there are."""
        self._hosts.write_text("".join(f"{line}\n" for line in lines))

    def second_gateway(self, port: str) -> Namespace:
        """Return another gateway's machine, at the interface ``port``, with the first one's link-local address."""
        machine = self._namespace()
        Cable(self.here, machine, port, (("fe80::b/64",), (f"{GATEWAY_LINK}/64",)))
        return machine

    def replace_gateway(self) -> None:
        """Let the gateway's machine be another one at the same address; the former one can say no more."""
        self.gateway = self._namespace()
        self.cable.plug_into(self.gateway)

    def _namespace(self) -> Namespace:
        made = Namespace()
        self._ended.callback(made.close)
        return made


def mount_hosts(hosts: Path) -> None:
    """Let ``hosts`` be ``/etc/hosts``, and all there is to resolve a name, in this mount namespace."""
    switch = hosts.with_name("nsswitch.conf")
    switch.write_text("hosts: files\n")
    hosts.touch()
    for own, name in ((hosts, "/etc/hosts"), (switch, "/etc/nsswitch.conf")):
        if Path(name).exists():
            _run("mount", "--bind", str(own), name)


def ip(*commands: str, shared: Namespace | None = None) -> None:
    """Run ``ip`` with each of ``commands``, as a child that has the descriptor of ``shared`` as well."""
    _run("ip", "-batch", "-", text="\n".join(commands), descriptors=(shared.descriptor,) if shared else ())


def ip_says(*arguments: str) -> str:
    """Return what ``ip`` prints."""
    return _run("ip", *arguments)


def _bring_up(interface: str, addresses: Sequence[str]) -> None:
    ip(
        f"link set {interface} up",
        # nodad: nobody else has the address, and until that is found out it could not be used
        *(f"addr replace {one} dev {interface} {'nodad' * (':' in one)}" for one in addresses),
    )


def _stands(interface: str) -> bool:
    (link,) = json.loads(ip_says("-json", "link", "show", "dev", interface))
    return bool(link["operstate"] == "UP")


def _run(*command: str, text: str = "", descriptors: tuple[int, ...] = ()) -> str:
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, pass_fds=descriptors, timeout=PATIENCE, check=False
    )
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {text} {done.stderr.strip()}")
    return done.stdout


@contextmanager
def _back_afterwards() -> Iterator[None]:
    before = _current()
    try:
        yield
    finally:
        _checked(_libc.setns(before, _CLONE_NEWNET))
        os.close(before)


def _current() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _checked(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

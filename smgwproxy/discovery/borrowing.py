"""An address of this machine for the time of one handshake, which the system itself takes away in any case."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

from smgwproxy import network
from smgwproxy.errors import SmgwProxyError
from smgwproxy.phrases import phrase

_WHERE = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")  # not all of them are on the PATH of one who is not root
_PATIENCE = 10.0  # seconds


class NotLent(SmgwProxyError):
    """The address could not be taken; ``forbidden`` for want of CAP_NET_ADMIN."""

    def __init__(self, refusal: str) -> None:
        super().__init__(refusal)
        self.forbidden = "not permitted" in refusal  # as ip puts EPERM, in every language


class NotGivenBack(SmgwProxyError):
    """The address could not be taken away again; the system does it when its lifetime is over."""


@contextmanager
def borrowed(
    own: IPv4Address, peer: IPv4Address, interface: str, lifetime: int, given_back: Callable[[], None]
) -> Iterator[None]:
    """Let this machine have the address ``own`` at ``interface``, and ``peer`` alone be behind it.

    Nobody else may have ``own``. The system takes it away after ``lifetime`` seconds, whatever has become of this
    program. ``given_back`` is called once it is gone again. Raises `NotLent` and `NotGivenBack`.
    """
    address = [str(own), "peer", f"{peer}/32", "dev", interface]
    refusal = ""
    try:
        refusal = _ip("add", *address, "valid_lft", str(lifetime), "preferred_lft", str(lifetime))
        if refusal:
            raise NotLent(refusal)
        yield
    finally:
        if not refusal:  # in doubt, too: a signal may have come while it was being taken
            _give_back(own, address, interface, lifetime)
            given_back()


def _give_back(own: IPv4Address, address: list[str], interface: str, lifetime: int) -> None:
    refusal = _ip("del", *address)
    left = network.interface(interface) if refusal else None
    if left is not None and any(one.ip == own for one in left.addresses):
        raise NotGivenBack(
            phrase(
                "the address {own}, taken for the handshake, could not be given back ({refusal}): it is gone in "
                "{lifetime} s, or at once with: sudo ip address del {address}",
                own=str(own),
                refusal=refusal,
                lifetime=lifetime,
                address=shlex.join(address),
            )
        )


def _ip(*words: str) -> str:
    """Run ``ip address`` and return why it failed, empty when it did not."""
    program = shutil.which("ip", path=os.pathsep.join((os.environ.get("PATH", ""), *_WHERE)))
    if program is None:
        return network.NO_IP
    try:
        done = subprocess.run(  # noqa: S603  # the words are ours, and no shell reads them
            [program, "address", *words],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
            start_new_session=True,  # a terminal's Ctrl-C is for us, who then run it once more
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return phrase("ip address does not answer ({error})", error=str(error))
    return " ".join(done.stderr.split()) or phrase("it failed without a word") if done.returncode else ""

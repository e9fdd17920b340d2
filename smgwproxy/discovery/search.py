"""The search: one step after the other, gentler ones first, until a candidate is confirmed."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from smgwproxy import network
from smgwproxy.certificate import Certificate
from smgwproxy.discovery.candidates import GATEWAY_NAMES, Candidate, Candidates, How, Sighting
from smgwproxy.discovery.confirming import Confirmation, NotConfirmed, Tell
from smgwproxy.discovery.place import Place
from smgwproxy.discovery.usual import USUAL_ADDRESSES
from smgwproxy.discovery.wire import Wire
from smgwproxy.network import Address
from smgwproxy.phrases import phrase
from smgwproxy.system import reason

Step = Generator[Sequence[Sighting], None, None]

_MOST_TRIES = 8  # of those without a usual address: whoever has more than that is not at a gateway's cable


@dataclass(frozen=True, slots=True)
class Times:
    """How long the search takes where nobody answers, in seconds; probes are sent in ``rounds``.

    ``names`` is for mDNS, ``listening`` for ARP and neighbour discovery, ``pause`` for the answers to each round
    of probes, ``handshake`` for a connection with its TLS handshake, ``confirming`` for all who were
    seen together: after that only usual addresses are tried.
    """

    names: float = 3.0
    listening: float = 10.0
    rounds: int = 3
    pause: float = 1.2
    handshake: float = 10.0
    confirming: float = 120.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a candidate: its ``certificate``, or why there is none and which ``privilege`` was missing."""

    candidate: Candidate
    certificate: Certificate | None = None
    reason: str = ""
    privilege: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome: the candidates, the confirmed one first, and all addresses that are ``taken`` by somebody.

    ``missing`` are the privileges that more could be done with.
    """

    findings: Sequence[Finding]
    taken: frozenset[Address]
    missing: Sequence[str]

    @property
    def confirmed(self) -> Finding | None:
        """The gateway."""
        return next((one for one in self.findings if one.certificate is not None), None)


class Search:
    """Looks for a gateway at ``place``, and says what it does with ``tell``; `run` it once.

    ``installing`` is the command that installs the library zeroconf.
    """

    def __init__(self, place: Place, tell: Tell, times: Times, installing: str) -> None:
        self._place, self._tell, self._times, self._installing = place, tell, times, installing
        self._spent = 0.0  # seconds
        self._candidates = Candidates(place)
        self._findings: dict[Address, Finding] = {}

    def run(self) -> Found:
        """Return who was found; raises `WireLost`, `NetworkUnknown` and `NotGivenBack`."""
        wire = self._wire()
        try:
            self._search(wire)
        finally:
            if wire is not None:
                wire.close()
        return self._found([] if wire is not None else ["CAP_NET_RAW"])

    def _search(self, wire: Wire | None) -> None:
        times = self._times
        confirmation = Confirmation(
            self._candidates,
            self._place,
            wire,
            self._tell,
            rounds=times.rounds,
            pause=times.pause,
            timeout=times.handshake,
        )
        for step in self._steps(wire):
            with closing(step()) as sightings:
                for several in sightings:
                    for sighting in several:
                        self._candidates.add(sighting)
                    if self._confirmed(confirmation):
                        return

    def _wire(self) -> Wire | None:
        try:
            return Wire(self._place.interface)
        except PermissionError:
            self._tell(
                phrase("Listening and ARP probes need the privilege CAP_NET_RAW: the search goes on without them.")
            )
            return None

    def _steps(self, wire: Wire | None) -> Sequence[Callable[[], Step]]:
        if wire is None:
            passive, active = [self._names, self._neighbours], self._usual
        else:
            passive = [self._names, self._neighbours, lambda: self._listening(wire)]
            active = lambda: self._probing(wire)  # noqa: E731  # a step, as the others
        return passive if self._place.home else [*passive, active]

    # --- the steps --------------------------------------------------------------------------------------

    def _names(self) -> Step:
        interface = self._place.interface
        if not interface.addresses:
            self._tell(
                phrase("{interface} has no address, so nobody can be asked by mDNS.", interface=interface.name)
            )
            return
        try:
            from smgwproxy.discovery import mdns  # noqa: PLC0415  # zeroconf is an extra
        except ModuleNotFoundError as error:
            if error.name != "zeroconf":
                raise
            self._tell(phrase("Nobody is asked by mDNS, which needs the library zeroconf. This installs it:"))
            self._tell(self._installing)
            return
        seconds = self._times.names
        self._tell(
            phrase(
                "Asking by mDNS for {names} and web services ({service}), {seconds:g} s ...",
                names=", ".join(GATEWAY_NAMES),
                service=mdns.SERVICE,
                seconds=seconds,
            )
        )
        try:
            yield from mdns.asked(interface, seconds)
        except OSError as error:
            self._tell(phrase("mDNS cannot be used here: {reason}.", reason=reason(error)))

    def _neighbours(self) -> Step:
        yield [
            Sighting(one.address, How.NEIGHBOURS, one.hardware)
            for one in network.neighbours(self._place.interface.name)
        ]

    def _listening(self, wire: Wire) -> Step:
        seconds = self._times.listening
        self._tell(
            phrase(
                "Listening to ARP and IPv6 neighbour discovery at {interface}, {seconds:g} s ...",
                interface=self._place.interface.name,
                seconds=seconds,
            )
        )
        for sighting in wire.heard(seconds):
            yield [sighting]

    def _probing(self, wire: Wire) -> Step:
        addresses = [one for one in USUAL_ADDRESSES if self._place.may_be_gateway(one, None)]
        rounds, pause = self._times.rounds, self._times.pause
        self._tell(
            phrase(
                "Asking by ARP who has one of {count} usual addresses, {rounds} times ...",
                count=len(addresses),
                rounds=rounds,
            )
        )
        for sighting in wire.asked(addresses, rounds, pause):
            yield [sighting]

    def _usual(self) -> Step:
        """Try what ARP probes would have found: only where this machine has an address of the same subnet."""
        yield [Sighting(one, How.USUAL) for one in USUAL_ADDRESSES if self._place.near(one)]

    # --- what comes of them -----------------------------------------------------------------------------

    def _confirmed(self, confirmation: Confirmation) -> bool:
        """Shake hands with each new candidate; tell whether one is confirmed now."""
        while (candidate := self._next()) is not None:
            if candidate.how is not How.USUAL:
                self._tell(
                    phrase(
                        "{address} is there: seen by {how}.",
                        address=str(candidate.address),
                        how=candidate.how.told,
                    )
                )
            began = time.monotonic()
            finding = self._tried(candidate, confirmation)
            self._spent += time.monotonic() - began
            self._findings[candidate.address] = finding
            if finding.certificate is not None:
                return True
        return False

    def _next(self) -> Candidate | None:
        untried = (one for one in self._candidates.best_first() if one.address not in self._findings)
        enough = self._enough()
        return next((one for one in untried if not enough or one.address in USUAL_ADDRESSES), None)

    def _enough(self) -> str:
        """Return why nobody is tried any more whose address is not a usual one; empty while there is time."""
        if len(self._findings.keys() - set(USUAL_ADDRESSES)) >= _MOST_TRIES:
            return phrase("nobody else was tried after {count} others", count=_MOST_TRIES)
        seconds = self._times.confirming
        if self._spent < seconds:
            return ""
        return phrase("nobody else was tried after {seconds:g} s", seconds=seconds)

    def _tried(self, candidate: Candidate, confirmation: Confirmation) -> Finding:
        try:
            finding = Finding(candidate, confirmation.certificate(candidate.address))
        except NotConfirmed as error:
            self._tell(
                phrase("{address} is not confirmed: {reason}.", address=str(candidate.address), reason=error.told)
            )
            return Finding(candidate, reason=error.told, privilege=error.privilege)
        for several in self._neighbours():  # now the system knows who it is
            for one in several:
                if one.address == candidate.address:
                    self._candidates.add(one)
        return finding

    def _found(self, missing: Sequence[str]) -> Found:
        confirmed = any(one.certificate is not None for one in self._findings.values())
        untried = phrase("another one was confirmed first") if confirmed else self._enough()
        findings = [
            replace(self._findings.get(one.address, Finding(one, reason=untried)), candidate=one)
            for one in self._candidates.best_first()
        ]
        findings = [one for one in findings if one.certificate or one.candidate.how is not How.USUAL]
        findings.sort(key=lambda one: one.certificate is None)
        privileges = [*missing, *(one.privilege for one in findings if one.privilege)]
        return Found(findings, self._candidates.seen, tuple(dict.fromkeys(privileges)))

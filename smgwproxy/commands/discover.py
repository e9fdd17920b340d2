"""``smgwproxy discover``: find the gateway on an interface without knowing its address."""

from __future__ import annotations

import logging
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from smgwproxy import network
from smgwproxy.commands.answering import answered
from smgwproxy.commands.console import Console, OutputLost
from smgwproxy.commands.own_program import own_program
from smgwproxy.commands.text import INDENT, LABEL, UNKNOWN, Row, Say, block, grouped, name, paragraph, printable
from smgwproxy.config import build_parser, parse
from smgwproxy.discovery import place as places
from smgwproxy.language import Language
from smgwproxy.phrases import cleaned, phrase

if TYPE_CHECKING:
    from smgwproxy.discovery.advice import Advice
    from smgwproxy.discovery.place import Place
    from smgwproxy.discovery.search import Finding, Found, Times

_PROGRAM = "smgwproxy discover"


def discover(words: Sequence[str], environ: Mapping[str, str], times: Times | None = None) -> int:
    """Look for the gateway, and return the exit code.

    0 when a gateway was confirmed; 1 when not, or the answer cannot be written; 141 when nobody reads it any more.
    ``times`` is how long is waited for those who may be there. Raises `ConfigError` when the interface is to be
    named, or an option is wrong, and `SystemExit` after ``--help``.
    """
    language = Language.of(environ)
    parser = build_parser(
        [],
        prog=_PROGRAM,
        description=phrase(
            "Find the gateway on an interface without knowing its address: by mDNS, by listening to ARP and IPv6 "
            "neighbour discovery, and by ARP probes for the usual addresses; then by a TLS handshake. No ports "
            "are scanned, and nobody logs in."
        ),
        commands=("",),
        say=language,
    )
    parser.add_argument(
        "--interface", metavar="NAME", help=phrase("where the cable to the gateway is, such as eth0")
    )
    parser.add_argument("--json", action="store_true", help=phrase("print what was found as JSON"))
    arguments = parse(parser, words)
    return answered(
        lambda console: _discover(arguments.interface, as_json=arguments.json, console=console, times=times),
        Console.standard(language),
    )


def _discover(interface: str | None, *, as_json: bool, console: Console, times: Times | None) -> int:
    from smgwproxy.discovery import advice, search  # noqa: PLC0415  # --help needs no urllib3

    tell = partial(_tell, console)
    python = shlex.quote(sys.executable)
    place = _place(interface)
    tell(phrase("Looking for the gateway at {interface}.", interface=place.interface.name))
    if place.home:
        tell(
            phrase(
                "The way to the internet leads over {interface}, so it looks like the home network, and "
                "--interface is probably another one. Nothing but mDNS and listening is done here, and a "
                "handshake with who looks like a gateway.",
                interface=place.interface.name,
            )
        )
    with _zeroconf_tells(tell):
        found = search.Search(place, tell, times or search.Times(), _INSTALLING.format(python)).run()
    program = own_program()
    steps = advice.Advice()
    if found.confirmed is not None:
        nmcli = shutil.which("nmcli") is not None
        address = found.confirmed.candidate.address
        steps = advice.next_commands(address, place, found.taken, program, nmcli=nmcli)
    elif found.missing:
        steps = advice.Advice([f"sudo {program} discover --interface {shlex.quote(place.interface.name)}"])
    if as_json:
        console.document(_document(place, found, steps))
    else:
        console.say(_told(place, found, steps, console.width, console.language))
    return 0 if found.confirmed is not None else 1


def _place(interface: str | None) -> Place:
    interfaces, defaults = network.interfaces(), network.default_routes()
    if interface is None:
        return places.choose(interfaces, defaults)
    return places.find(interface, interfaces, defaults)


def _tell(console: Console, text: str) -> None:
    console.tell(paragraph(printable(console.language(text), 1000), console.width))


# --- what is told ---------------------------------------------------------------------------------------

_INSTALLING = "{0} -m pip install 'smgwproxy[discover]'"
_COMPARE = phrase(
    "Compare the fingerprint with the one in the letter of the metering point operator, if it has one."
)
_NO_ONE = phrase(
    "Check that the cable is in the gateway's port called HAN, and that the gateway has power. The metering point "
    "operator's letter may have the address: smgwproxy doctor --target ADDRESS then tells what is amiss."
)


def _told(place: Place, found: Found, steps: Advice, width: int, say: Say = str) -> Iterator[str]:
    at = printable(place.interface.name)
    if found.confirmed is not None:
        yield phrase("The gateway was found at {interface}.", interface=at)
    elif found.findings:
        yield phrase("No gateway was confirmed at {interface}. Seen there:", interface=at)
    else:
        yield phrase("No gateway was found at {interface}.", interface=at)
    rows = [list(_rows(finding)) for finding in found.findings]
    label = max((LABEL, *(len(say(title)) + len(INDENT) for one in rows for title, _ in one)))
    for one in rows:
        yield ""
        yield from block(one, width, label, say)
    yield ""
    if found.confirmed is not None:
        yield from paragraph(_COMPARE, width, say)
        yield ""
        yield phrase("Run these two commands next:")
    elif steps.commands:
        *some, last = found.missing
        missing = phrase("{some} and {last}", some=", ".join(some), last=last) if some else last
        yield from paragraph(phrase("More can be done with the privilege {missing}:", missing=missing), width, say)
    else:
        yield from paragraph(_NO_ONE, width, say)
    if steps.commands:
        yield ""
        yield from (f"  {command}" for command in steps.commands)  # never wrapped: they are copied
    if steps.note:
        yield ""
        yield from paragraph(steps.note, width, say)


def _rows(finding: Finding) -> Iterator[Row]:
    candidate, certificate = finding.candidate, finding.certificate
    yield phrase("Address"), str(candidate.address)
    yield phrase("Hardware"), candidate.hardware or UNKNOWN
    if candidate.name is not None:
        yield phrase("Name"), printable(candidate.name)
    yield phrase("Seen by"), candidate.how.told
    if certificate is None:
        reason = cleaned(finding.reason, lambda text: printable(text, 1000))
        yield phrase("Confirmed"), phrase("no: {reason}", reason=reason)
    else:
        yield phrase("Confirmed"), phrase("yes, by a TLS handshake")
        yield phrase("Subject"), name(certificate)
        yield phrase("Fingerprint"), grouped(certificate.fingerprint)


def _document(place: Place, found: Found, steps: Advice) -> dict[str, Any]:
    gateways = [
        {
            "address": str(finding.candidate.address),
            "hardware": finding.candidate.hardware,
            "name": finding.candidate.name,
            "how": finding.candidate.how.name.lower(),
            "confirmed": finding.certificate is not None,
            "reason": finding.reason or None,
            "fingerprint": None if finding.certificate is None else str(finding.certificate.fingerprint),
            "subject": None if finding.certificate is None else finding.certificate.description.subject or None,
        }
        for finding in found.findings
    ]
    return {
        "interface": place.interface.name,
        "gateways": gateways,
        "missing": list(found.missing),
        "next": list(steps.commands),
    }


@contextmanager
def _zeroconf_tells(tell: Callable[[str], None]) -> Iterator[None]:
    """Let what the library zeroconf warns of be told as all else."""
    handler = _Teller(tell)
    logger = logging.getLogger("zeroconf")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Teller(logging.Handler):
    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OutputLost):  # the main thread finds it out as well
            self._tell(phrase("mDNS: {warning}", warning=record.getMessage()))

"""Whose gateway it is, told by its answers, and the addresses to enter in other programs. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from smgwproxy.certificate import Certificate
from smgwproxy.doctor.digest import Challenge
from smgwproxy.doctor.exchange import Reply
from smgwproxy.phrases import phrase

# A gateway's number as DIN 43863-5 has it: E for electricity, the maker's three letters, ten digits.
_IDENTITY = re.compile(r"(?<![A-Z0-9])E([A-Z]{3})\d{10}(?![0-9])")


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a vendor: its name, the letters in its gateways' numbers, and where its clients begin."""

    title: str
    letters: str
    path: str


class Vendor(Enum):
    """The vendors whose gateways can be read, in the order in which they are asked for."""

    PPC = Traits("PPC", "PPC", "/cgi-bin/hanservice.cgi")
    THEBEN = Traits("Theben Conexa", "THE", "/smgw/m2m")
    EMH = Traits("EMH CASA", "EMH", "/json/metering/origin/")

    @property
    def title(self) -> str:
        """What people call it."""
        return self.value.title

    @property
    def path(self) -> str:
        """The path that is asked for first."""
        return self.value.path


def of_certificate(certificate: Certificate | None) -> Vendor | None:
    """Tell the vendor by the number in the certificate's names, None where there is none."""
    if certificate is None:
        return None
    told = certificate.description
    return _of_text(" ".join((told.subject, *told.dns_names)).upper())


def of_challenges(challenges: Sequence[Challenge]) -> Vendor | None:
    """Tell the vendor by the number in a realm, None where there is none."""
    return _of_text(" ".join(challenge.realm for challenge in challenges).upper())


def identity_of(challenges: Sequence[Challenge], certificate: Certificate | None) -> str | None:
    """Return the gateway's number, from a realm or the certificate."""
    subject = "" if certificate is None else certificate.description.subject
    found = _IDENTITY.search(" ".join([*(challenge.realm for challenge in challenges), subject]).upper())
    return found[0] if found else None


def is_locked(vendor: Vendor, reply: Reply) -> bool:
    """Tell whether the answer to a request without a login says that nobody may log in now.

    PPC's is a page with status 200 and no cookie, where a challenge would be; EMH's a 403.
    """
    if vendor is Vendor.PPC:
        is_page = (reply.value("content-type") or "").lower().startswith("text/html")
        return reply.status == 200 and is_page and reply.value("set-cookie") is None
    return vendor is Vendor.EMH and reply.status == 403


def _of_text(text: str) -> Vendor | None:
    letters = {vendor.value.letters: vendor for vendor in Vendor}
    return next((letters[one] for one in _IDENTITY.findall(text) if one in letters), None)


# --- what to enter --------------------------------------------------------------------------------------

BROWSER = phrase("browser")
"""The program that most people have."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the proxy is reached from the home network; a port is None where it does not listen so."""

    host: str
    http: int | None
    https: int | None

    @property
    def base(self) -> str:
        """The URL without a path, HTTP if there is any."""
        if self.http is not None:
            return f"http://{self.host}{_port(self.http, 80)}"
        return f"https://{self.host}{_port(self.https or 443, 443)}"


def addresses_to_enter(vendor: Vendor, door: Door) -> Sequence[tuple[str, str]]:
    """Return what to enter where: the program, and the address or what to do instead."""
    base = door.base
    match vendor:
        case Vendor.PPC:
            return [
                (BROWSER, f"{base}{vendor.path}"),
                ("Home Assistant (ha-ppc-smgw)", f"URL {base}{vendor.path}"),
                ("evcc", phrase("cannot read this gateway's pages; let it read Home Assistant's sensors")),
            ]
        case Vendor.THEBEN:
            core = f"host {door.host}" if door.https == 443 else phrase("needs HTTPS at port 443: --tls-port 443")
            return [
                (BROWSER, f"{base}/"),
                ("Home Assistant (ha-ppc-smgw)", f"URL {base}/smgw/m2m/"),
                ("Home Assistant (Theben)", core),
                ("evcc", phrase("has no template for this gateway; let it read Home Assistant's sensors")),
            ]
        case Vendor.EMH:
            return [
                (BROWSER, f"{base}/"),
                ("Home Assistant (ha-ppc-smgw)", f"URL {base}"),
                ("evcc (template emh-casa)", f"uri {base}, host {door.host}"),
            ]


def _port(port: int, default: int) -> str:
    return "" if port == default else f":{port}"

"""What people bring to ``smgwproxy trust add`` and ``import``, and what is not taken."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.commands.trust.sources import FORMAT, export, read_pins, read_records
from smgwproxy.origin import Origin
from smgwproxy.renewal import Renewal
from smgwproxy.truststores import rules
from smgwproxy.truststores.codec import to_json
from smgwproxy.truststores.record import Pin, Record
from tests.support import Identity

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ORIGIN = Origin("10.11.120.2")
OTHER = Origin("10.0.0.7", 8443)

PEM = """\
-----BEGIN CERTIFICATE-----
MIIByzCCAXGgAwIBAgIUdERokSsf+XF24VBJ3DwfzfaMpN4wCgYIKoZIzj0EAwIw
OzELMAkGA1UEBhMCREUxEDAOBgNVBAoMB0V4YW1wbGUxGjAYBgNVBAMMEUVUSEUw
MTAwMDAwMDAwLnNtMB4XDTI2MTEyMTA4MTM0OVoXDTM2MTExODA4MTM0OVowOzEL
MAkGA1UEBhMCREUxEDAOBgNVBAoMB0V4YW1wbGUxGjAYBgNVBAMMEUVUSEUwMTAw
MDAwMDAwLnNtMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEoiEGpDmUOiWf4H+2
34E0dsgwc83V14rhlcG9hnUyCMyyT/cmC5pytHSbhBP3r0mdQitAMPoMhPmD3XNE
HsAeJ6NTMFEwHQYDVR0OBBYEFLfYBPY3scUEbLSdQmWZE1jMsh7uMB8GA1UdIwQY
MBaAFLfYBPY3scUEbLSdQmWZE1jMsh7uMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZI
zj0EAwIDSAAwRQIgGQ/Q0fEiR2C+WJPdkMtBvaVgRNgI0lT8142VcjHX9J4CIQCY
9hy7NdQ12hv/uEDwTkV7H7M1UwojhmEXzVkZbDTv3w==
-----END CERTIFICATE-----
"""
COLONS = "31:6D:90:3D:FF:45:82:56:57:BA:E1:C8:59:F8:EA:EC:AD:3F:18:53:46:BC:ED:0F:86:53:D2:20:BD:B5:A1:F8"
DIGITS = COLONS.replace(":", "").lower()
OPENSSL_3 = f"sha256 Fingerprint={COLONS}\n"
OPENSSL_1_1 = f"SHA256 Fingerprint={COLONS}\n"
SHA_1 = "SHA1 Fingerprint=7B:D9:D6:E5:F0:E1:DF:BC:D6:ED:A8:42:84:F3:5C:E0:02:76:8E:82\n"
MD_5 = "MD5 Fingerprint=7B:D9:D6:E5:F0:E1:DF:BC:D6:ED:A8:42:84:F3:5C:E0\n"
# openssl x509 -text -noout, with a key identifier of 32 bytes, as RFC 7093 allows: it looks like a fingerprint
X509_TEXT = """\
Certificate:
    Data:
        Version: 3 (0x2)
        Serial Number:
            74:44:68:91:2b:1f:f9:71:76:e1:50:49:dc:3c:1f:cd:f6:8c:a4:de
        Issuer: C = DE, O = Example, CN = ETHE0100000000.sm
        X509v3 extensions:
            X509v3 Subject Key Identifier:
                B7:D8:04:F6:37:B1:C5:04:6C:B4:9D:42:65:99:13:58:B7:D8:04:F6:37:B1:C5:04:6C:B4:9D:42:65:99:13:58
"""
S_CLIENT = (
    """\
CONNECTED(00000003)
depth=0 C = DE, O = Example, CN = ETHE0100000000.sm
verify error:num=18:self-signed certificate
---
Certificate chain
 0 s:C = DE, O = Example, CN = ETHE0100000000.sm
   i:C = DE, O = Example, CN = ETHE0100000000.sm
---
Server certificate
"""
    + PEM
    + """\
subject=C = DE, O = Example, CN = ETHE0100000000.sm
---
SSL handshake has read 1034 bytes and written 380 bytes
"""
)


def fault(octets: bytes) -> str:
    with pytest.raises(ValueError, match=r"^(holds|is) ") as caught:
        read_records(octets, ORIGIN)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


# --- certificates and fingerprints ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PEM, id="pem"),
        pytest.param(PEM.replace("\n", "\r\n"), id="pem of windows"),
        pytest.param(PEM.replace("BEGIN ", "BEGIN X509 ").replace("END ", "END X509 "), id="old label"),
        pytest.param(OPENSSL_3 + PEM, id="openssl 3 with pem"),
        pytest.param(OPENSSL_1_1 + PEM, id="openssl 1.1 with pem"),
        pytest.param(SHA_1 + PEM, id="openssl with sha1 and pem"),
        pytest.param(X509_TEXT + OPENSSL_3 + PEM, id="openssl x509 -text"),
        pytest.param(S_CLIENT, id="openssl s_client"),
        pytest.param("\ufeff" + PEM, id="byte order mark"),
        pytest.param(PEM + PEM, id="twice"),
    ],
)
def test_a_certificate_is_found_in_pem_whatever_stands_around_it(text: str) -> None:
    (pin,) = read_pins(text.encode())
    assert str(pin.fingerprint) == DIGITS
    assert pin.certificate == Certificate.from_pem(PEM)
    assert pin.subject == "CN=ETHE0100000000.sm,O=Example,C=DE"
    assert pin.pinned_at is None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_of_powershell_is_read(encoding: str) -> None:
    (pin,) = read_pins(("\ufeff" + OPENSSL_3 + PEM).encode(encoding))
    assert str(pin.fingerprint) == DIGITS


def test_letters_in_no_utf_8_around_a_certificate_do_no_harm() -> None:
    (pin,) = read_pins("subject=Zähler\n".encode("latin-1") + PEM.encode())
    assert str(pin.fingerprint) == DIGITS


def test_a_certificate_is_read_in_der() -> None:
    (pin,) = read_pins(Certificate.from_pem(PEM).der)
    assert pin.certificate == Certificate.from_pem(PEM)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(OPENSSL_3, id="openssl 3"),
        pytest.param(OPENSSL_1_1, id="openssl 1.1"),
        pytest.param(X509_TEXT + OPENSSL_3, id="openssl x509 -text -noout"),
        pytest.param(SHA_1 + OPENSSL_3, id="beside sha1"),
        pytest.param(DIGITS, id="digits"),
        pytest.param(f"\n {DIGITS.upper()} \n", id="capitals"),
        pytest.param(COLONS, id="colons"),
        pytest.param(f"sha256:{DIGITS}\n", id="prefix"),
        pytest.param(f"# the meter in the cellar\n{DIGITS}\n", id="remark"),
        pytest.param(Fingerprint(DIGITS).groups.replace("61a7", "61a7\n"), id="groups"),
        pytest.param("31 6d " + COLONS[6:].replace(":", " "), id="blanks"),
        pytest.param(
            "\n".join(" ".join(Fingerprint(DIGITS).groups.split()[n : n + 4]) for n in (0, 4, 8, 12)),
            id="as show prints it",
        ),
        pytest.param(f"{DIGITS}\n{OPENSSL_3}", id="twice"),
    ],
)
def test_a_fingerprint_is_found_in_every_form_that_people_have(text: str) -> None:
    assert read_pins(text.encode()) == (Pin(Fingerprint(DIGITS)),)


def test_several_fingerprints_stand_one_a_line() -> None:
    other = "a" * 64
    assert read_pins(f"{COLONS}\n\n{other}\n".encode()) == (Pin(Fingerprint(DIGITS)), Pin(Fingerprint(other)))


def test_several_certificates_keep_their_order(identity: Identity, impostor: Identity) -> None:
    octets = identity.pem_file.read_bytes() + impostor.pem_file.read_bytes()
    assert [pin.certificate for pin in read_pins(octets)] == [identity.certificate, impostor.certificate]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "no certificate", id="empty"),
        pytest.param("# nothing but a remark\n", "no certificate", id="remark"),
        pytest.param("hello", "no certificate", id="words"),
        pytest.param(X509_TEXT, "no certificate", id="a key identifier is no fingerprint"),
        pytest.param(SHA_1, "SHA1 only: run openssl x509 with -sha256", id="sha1"),
        pytest.param(MD_5, "MD5 only", id="md5"),
        pytest.param(OPENSSL_3[:-4], "a fingerprint that is damaged: .* 62 hex digits", id="short fingerprint"),
        pytest.param(OPENSSL_3.replace("31", "3g"), "damaged: .* more than hex digits", id="letters"),
        pytest.param(f"sha256 Fingerprint={'AA:' * 31}AA\n{PEM}", "none of the certificates", id="another's"),
        pytest.param(PEM[:-30], "END line is missing", id="end cut off"),
        pytest.param(PEM[:200], "END line is missing", id="cut off"),
        pytest.param(PEM[:200] + "\n" + PEM, "END line is missing", id="one cut off before another"),
        pytest.param(PEM.replace("MIIB", "MII"), "damaged", id="letter lost"),
        pytest.param(PEM.replace("MIIB", "MI?B"), "damaged", id="letter exchanged"),
        pytest.param(PEM.replace("MIIB", "MIIA"), "its length is not what it says", id="wrong length"),
        pytest.param(PEM.replace("\nOzEL", "\n"), "damaged: its length", id="line cut"),
        pytest.param(
            PEM.replace("CERTIFICATE", "TRUSTED CERTIFICATE"), "TRUSTED CERTIFICATE in PEM", id="openssl -trustout"
        ),
        pytest.param("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "damaged", id="no contents"),
        pytest.param(PEM.replace("END ", "END X509 "), "END line is missing", id="labels that differ"),
    ],
)
def test_what_is_damaged_or_unsafe_is_refused_with_a_reason(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^holds .*{told}"):
        read_pins(text.encode())


@pytest.mark.parametrize("cut", [1, 100])
def test_der_that_is_cut_off_is_no_certificate(cut: int) -> None:
    with pytest.raises(ValueError, match="holds no certificate"):
        read_pins(Certificate.from_pem(PEM).der[:-cut])


def test_a_huge_file_of_the_first_octet_of_der_is_no_certificate() -> None:
    with pytest.raises(ValueError, match="holds no certificate"):
        read_pins(b"\x30\x84" + bytes(300_000))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-fingerprint", "-sha256"],
        ["-fingerprint", "-sha256", "-noout"],
        ["-text", "-fingerprint", "-sha256"],
        ["-text", "-fingerprint", "-sha256", "-noout"],
        ["-fingerprint"],
        ["-outform", "DER"],
    ],
    ids=" ".join,
)
def test_what_the_installed_openssl_prints_is_read(identity: Identity, options: list[str]) -> None:
    command = ["openssl", "x509", "-in", str(identity.pem_file), *options]
    told = subprocess.run(command, capture_output=True, check=True).stdout
    assert [pin.fingerprint for pin in read_pins(told)] == [identity.certificate.fingerprint]


# --- records --------------------------------------------------------------------------------------------


@pytest.fixture
def records(identity: Identity, impostor: Identity) -> tuple[Record, ...]:
    one = rules.first_use(Record(ORIGIN), identity.certificate, NOW)
    one = rules.presented(one, impostor.certificate, NOW, Renewal.ASK)
    two = rules.revoke(Record(OTHER), Fingerprint("b" * 64), NOW)
    return one, two


def test_what_was_exported_is_read_again(records: tuple[Record, ...]) -> None:
    document = json.dumps(export(records, NOW)).encode()
    assert read_records(document, Origin("ignored.example")) == records


def test_an_export_tells_its_format_and_version(records: tuple[Record, ...]) -> None:
    document = export(records, NOW)
    assert (document["format"], document["version"]) == ("smgwproxy-trust", 1)
    assert document["exported_at"] == "2026-11-21T08:00:00+00:00"
    assert list(document["gateways"]) == ["10.11.120.2", "10.0.0.7:8443"]


def test_a_record_of_the_original_is_the_targets() -> None:
    document = {
        "fingerprint": "c" * 64,
        "subject": "CN=SMGW",
        "issuer": "CN=SMGW",
        "not_before": "2025-02-24 05:06:42 +0000 UTC",
        "not_after": "2027-11-21 05:06:42 +0000 UTC",
        "dns_names": None,
    }
    (record,) = read_records(json.dumps(document).encode(), OTHER)
    assert record.origin == OTHER
    assert record.pins == (
        Pin(Fingerprint("c" * 64), subject="CN=SMGW", not_after="2027-11-21 05:06:42 +0000 UTC"),
    )


def test_our_record_is_the_targets_with_all_that_is_in_it(records: tuple[Record, ...]) -> None:
    (record,) = read_records(b" \n" + json.dumps(to_json(records[0])).encode(), ORIGIN)
    assert record == records[0]


def test_certificates_are_the_targets() -> None:
    (record,) = read_records(PEM.encode(), OTHER)
    assert record == Record(OTHER, (Pin.of(Certificate.from_pem(PEM)),))


FLAWED = {"format": FORMAT, "version": 1}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        pytest.param("{", "is no JSON", id="no json"),
        pytest.param('{"a":' * 100_000, "is no JSON", id="too deep"),
        pytest.param({}, "neither an export of smgwproxy nor a record", id="empty"),
        pytest.param({"gateway": "x", "pins": []}, "neither an export", id="what show --json prints"),
        pytest.param({"format": "other", "fingerprint": "a" * 64}, "neither an export", id="another format"),
        pytest.param({"format": FORMAT, "version": 2, "gateways": {}}, "version 2.* update it", id="newer"),
        pytest.param({"format": FORMAT}, "version None", id="no version"),
        pytest.param(FLAWED, "without gateways", id="no gateways"),
        pytest.param({**FLAWED, "gateways": []}, "without gateways", id="a list of gateways"),
        pytest.param({**FLAWED, "gateways": {"no host": {}}}, "a gateway without an address", id="no address"),
        pytest.param(
            {**FLAWED, "gateways": {"x": {}}},
            "no record of the gateway x: 'fingerprint' is missing",
            id="no record",
        ),
        pytest.param({**FLAWED, "gateways": {"x": 5}}, "x: not a JSON object", id="a number as a record"),
        pytest.param(
            {**FLAWED, "gateways": {n: {"fingerprint": "a" * 64} for n in ("x", "X:443")}},
            "the gateway x twice",
            id="one gateway twice",
        ),
        pytest.param({"fingerprint": ""}, "is no trust record: not a SHA-256 fingerprint", id="damaged record"),
        pytest.param({"fingerprint": 5}, "is no trust record", id="a number as fingerprint"),
    ],
)
def test_json_that_holds_no_trust_is_refused_with_a_reason(document: object, told: str) -> None:
    octets = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(ValueError, match=told):
        partial(read_records, target=ORIGIN)(octets.encode())
    fault(octets.encode())


def test_an_export_of_nothing_holds_nothing() -> None:
    assert read_records(json.dumps(export([], NOW)).encode(), ORIGIN) == ()


def test_sources_need_no_network_and_no_disk(tmp_path: Path) -> None:
    """The reader takes a path's name for text, and does not open it."""
    (tmp_path / "pin.pem").write_text(PEM)
    assert "holds no certificate" in fault(str(tmp_path / "pin.pem").encode())

"""The client certificate: from every form that operators send to a gateway that sees it, and to nobody else."""

from __future__ import annotations

import base64
import datetime
import os
import re
import resource
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from smgwproxy import ClientCertificate, load_client_certificate
from smgwproxy.certificate import Certificate
from smgwproxy.client_certificate import read_password
from smgwproxy.der import element, elements
from smgwproxy.errors import CertificateChanged, ConfigError
from smgwproxy.gateway import Gateway
from smgwproxy.truststores import rules
from smgwproxy.truststores.base import utc_now
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.pinned import PinnedTrustStore
from smgwproxy.truststores.record import Pin
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    RawGateway,
    Wiretap,
    make_identity,
    make_theben_identity,
    raw_exchange,
)
from tests.test_cli import GET, program, run

StartGateway = Callable[..., RawGateway]
LINES = [("Host", "x")]
PASSWORD = b"gEheim"
SECRET = PASSWORD.decode()
PEM, PKCS8, TRADITIONAL = Encoding.PEM, PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL

# CN=RC2 until 2126, exported by OpenSSL 3 with -legacy: the certificate under RC2 with 40 bits, as macOS does it
# and `cryptography` cannot.
RC2 = base64.b64decode("""
MIIDegIBAzCCA0AGCSqGSIb3DQEHAaCCAzEEggMtMIIDKTCCAh8GCSqGSIb3DQEHBqCCAhAwggIMAgEAMIICBQYJKoZIhvcNAQcBMBwGCiqG
SIb3DQEMAQYwDgQIlZFsLnwOaRkCAggAgIIB2AxAKKoai2UCQMv1dMo0DpFNSUnO9mELty64LzGI0KeqECQ26/1f/WugRtbXiXGMtR8L2q6M
LZPTcjGU8q0nxydjnRJE6FiSJjm/vNiL9FhjIEDccBgntQmdALg8uzopwmHDQ0MH66cqMSh0S0dfIZeH5fACw4mhDhbrlmsjxitJi74WJIpg
h/8IE6kB31EgEnwZ0O2X16S2dQi/fXPRwuhtH2fI+dcEcVre9scJuJ5lptrRZau4rgoTZK7FvcTJ23XcEtX7CMi37rENNzeN/W5C0RCDO8AW
Wf1tpTq8gRO7eujTi6cpw4+LA3CYGYNMBGKhimicrKLBmEfkMcUrGzhJN4V4JOt6W1+Qw67/H08qACENWNOu8lUieea9wBtRHNDXEZBj+Ai0
DG0lL90Un/XvTCBhoPZ7JWCPK0BYDkaI9YLaaUfahhrvQK1WTaP9ZmZ5BDk15NTScXG0xOSDtgJzDZ4UWLCQeZwpoDChA1J4mBVzvB6KrI3O
4l67+9qb3BFGB9bpkxTlqhw4bUo/ZTInCUEVHJs2Ob4uu56zeW9oLjsZlp6lYF80j/D3c06Z/PBWe7c19wLNKTOV3msQISikhYkXxCWI9BCx
2b6r+0GVbxEgG+SA9j4wggECBgkqhkiG9w0BBwGggfQEgfEwge4wgesGCyqGSIb3DQEMCgECoIG0MIGxMBwGCiqGSIb3DQEMAQMwDgQI/+CC
t/jgl7cCAggABIGQ0bD9PKYP24Ijua0t5axLHXxoxbNnGPTwj74CGAJOsPsMru8iUModROoarHRSuouMRwsQdoazOjM4spDA6q7oqj9e2xqU
4jmzeRqp6iewri258BtAuhiCzpnDOFpm7g8GaCtHeRQa3mGxNFEo3/1KcnjP1bWUXu2zT8zhJVBSaSQ+oeTPBFM+WjNzTlqN6ZFHMSUwIwYJ
KoZIhvcNAQkVMRYEFObBzzMH+IU5cJfjYJwBj0skSlEiMDEwITAJBgUrDgMCGgUABBQWGWoPSx8ozvPSroyRCWgOouNyPwQI1Ziy7MbsqgcC
AggA
""")


@dataclass(frozen=True)
class Mine:
    """A client's key, its certificate, and what vouches for that."""

    key: pkcs12.PKCS12PrivateKeyTypes
    certificate: x509.Certificate
    above: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(PEM)

    @property
    def above_pem(self) -> bytes:
        return b"".join(one.public_bytes(PEM) for one in self.above)

    def key_pem(self, form: PrivateFormat = PKCS8, password: bytes | None = None) -> bytes:
        encryption = BestAvailableEncryption(password) if password else NoEncryption()
        return self.key.private_bytes(PEM, form, encryption)

    def p12(self, encryption: KeySerializationEncryption | None = None) -> bytes:
        return pkcs12.serialize_key_and_certificates(
            b"me", self.key, self.certificate, self.above, encryption or NoEncryption()
        )


def make(
    name: str = "me",
    key: pkcs12.PKCS12PrivateKeyTypes | None = None,
    issuer: Mine | None = None,
    days: int = 365,
) -> Mine:
    """Make a certificate of ``issuer``, or a self-signed one; it has ended already when ``days`` is negative."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - datetime.timedelta(days=1000))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(issuer.key if issuer else key, None if isinstance(key, Ed25519PrivateKey) else hashes.SHA256())
    )
    return Mine(key, certificate, (issuer.certificate, *issuer.above) if issuer else ())


def old(password: bytes) -> KeySerializationEncryption:
    """What programs wrote before AES: 3DES and SHA-1."""
    return (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2000)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303  # it was so
        .build(password)
    )


def in_ber(p12: bytes) -> bytes:
    """Write the outermost length as Java and Windows may do: none, and an end."""
    (outer,) = elements(p12)
    return b"\x30\x80" + outer.contents + b"\0\0"


@pytest.fixture(scope="module")
def me() -> Mine:
    return make()


@pytest.fixture(scope="module")
def chained() -> Mine:
    """A certificate two steps below its root."""
    return make("me", issuer=make("between", issuer=make("root")))


class Desk:
    """Writes files, and loads them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def file(self, *parts: bytes, name: str = "me") -> Path:
        path = self.directory / name
        path.write_bytes(b"".join(parts))
        return path

    def load(self, *parts: bytes, key: bytes | None = None, password: bytes | None = None) -> ClientCertificate:
        key_file = None if key is None else self.file(key, name="key")
        return load_client_certificate(self.file(*parts), key_file, password)

    def fault(self, *parts: bytes, key: bytes | None = None, password: bytes | None = None) -> str:
        """Load what cannot be used, and return what is told of it, with ME and KEY for the files."""
        return self.told(lambda: self.load(*parts, key=key, password=password))

    def told(self, action: Callable[[], object]) -> str:
        with pytest.raises(ConfigError) as caught:
            action()
        error: BaseException | None = caught.value
        while error is not None:
            assert SECRET not in f"{error} {error!r}"
            assert "MII" not in f"{error}", "how keys begin in Base64"
            error = error.__cause__ or error.__context__
        (line,) = str(caught.value).splitlines()
        return line.replace(f"{self.directory}/me", "ME").replace(f"{self.directory}/key", "KEY")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    directory = tmp_path / "desk"
    directory.mkdir()
    return Desk(directory)


def usable(loaded: ClientCertificate) -> Certificate:
    """See that TLS takes it, and return the certificate that is shown."""
    loaded.use_in(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return loaded.certificate


def subjects(loaded: ClientCertificate) -> Sequence[str]:
    found = x509.load_pem_x509_certificates(loaded.chain)
    return [one.subject.rfc4514_string().removeprefix("CN=") for one in found]


# --- PEM ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [PKCS8, TRADITIONAL], ids=["PKCS#8", "traditional"])
@pytest.mark.parametrize("password", [None, PASSWORD], ids=["plain", "encrypted"])
@pytest.mark.parametrize("order", ["key first", "certificate first", "two files"])
def test_pem_may_have_its_key_in_one_file_or_two_encrypted_or_not(
    desk: Desk, me: Mine, form: PrivateFormat, password: bytes | None, order: str
) -> None:
    key = me.key_pem(form, password)
    if order == "two files":
        loaded = desk.load(me.pem, key=key, password=password)
    else:
        loaded = desk.load(*((key, me.pem) if order == "key first" else (me.pem, key)), password=password)
    assert usable(loaded).der == me.der
    assert loaded.chain == me.pem
    assert b"ENCRYPTED" not in loaded.key


def test_pem_may_hold_more_than_blocks_and_lines_of_windows(desk: Desk, me: Mine) -> None:
    lines = (
        b"Bag Attributes\n    friendlyName: me\n" + me.pem + b"Key Attributes: <No Attributes>\n" + me.key_pem()
    )
    assert usable(desk.load(lines.replace(b"\n", b"\r\n"))).der == me.der


def test_parameters_of_the_curve_before_the_key_are_passed_over(desk: Desk, me: Mine) -> None:
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert usable(desk.load(me.pem, parameters, me.key_pem(TRADITIONAL))).der == me.der


def test_key_of_the_second_file_counts_and_not_that_beside_the_certificate(desk: Desk, me: Mine) -> None:
    loaded = desk.load(me.pem, make("other").key_pem(), key=make("third").pem + me.key_pem())
    assert usable(loaded).der == me.der
    assert loaded.chain == me.pem


def test_certificates_are_put_in_the_order_of_the_chain(desk: Desk, chained: Mine) -> None:
    between, root = (one.public_bytes(PEM) for one in chained.above)
    unrelated = make("unrelated").pem
    for parts in (
        [chained.pem, between, root, unrelated],
        [root, unrelated, between, chained.pem],
        [unrelated, root, between, root, chained.pem, between],
    ):
        loaded = desk.load(*parts, chained.key_pem())
        assert usable(loaded).der == chained.der
        assert subjects(loaded) == ["me", "between", "root", "unrelated"]


def test_certificate_that_strict_parsers_refuse_is_taken_from_pem(desk: Desk, tmp_path: Path) -> None:
    theben = make_theben_identity(tmp_path)
    octets = theben.pem_file.read_bytes()
    assert usable(desk.load(octets)) == theben.certificate
    root = make("root").pem
    loaded = desk.load(root, octets)
    assert usable(loaded) == theben.certificate
    assert loaded.chain == theben.certificate.pem.encode() + root


def test_password_that_is_not_needed_is_passed_over(desk: Desk, me: Mine) -> None:
    for octets in (me.pem + me.key_pem(), me.p12()):
        assert usable(desk.load(octets, password=PASSWORD)).der == me.der


def test_empty_password_is_none(desk: Desk, me: Mine) -> None:
    assert usable(desk.load(me.p12(), password=b"")).der == me.der
    assert "needs" not in desk.fault(me.pem, me.key_pem(password=PASSWORD), password=b"")


# --- PKCS#12 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ber", [False, True], ids=["DER", "BER"])
@pytest.mark.parametrize("encryption", [None, BestAvailableEncryption, old], ids=["none", "modern", "old"])
def test_pkcs12_is_taken_with_its_chain(
    desk: Desk, chained: Mine, encryption: Callable[[bytes], KeySerializationEncryption] | None, ber: bool
) -> None:
    octets = chained.p12(encryption(PASSWORD) if encryption else None)
    loaded = desk.load(in_ber(octets) if ber else octets, password=PASSWORD if encryption else None)
    assert usable(loaded).der == chained.der
    assert loaded.chain == chained.pem + chained.above_pem
    assert b"ENCRYPTED" not in loaded.key


@pytest.mark.parametrize("encryption", [BestAvailableEncryption, old], ids=["modern", "old"])
def test_umlaut_in_the_password_of_pkcs12_is_the_same_in_utf8_and_latin1(
    desk: Desk, me: Mine, encryption: Callable[[bytes], KeySerializationEncryption]
) -> None:
    octets = me.p12(encryption("Zähler".encode()))
    for password in ("Zähler".encode(), "Zähler".encode("latin-1")):
        assert usable(desk.load(octets, password=password)).der == me.der


def test_pkcs12_from_before_aes_is_taken(desk: Desk) -> None:
    assert usable(desk.load(RC2, password=PASSWORD)).description.subject == "CN=RC2"


def test_content_and_not_the_name_tells_the_form(desk: Desk, me: Mine) -> None:
    pem, p12 = desk.file(me.pem, me.key_pem(), name="me.p12"), desk.file(me.p12(), name="me.pem")
    assert usable(load_client_certificate(pem)) == usable(load_client_certificate(p12))


# --- kinds of keys --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        *(
            pytest.param(partial(ec.generate_private_key, curve()), id=curve.name)
            for curve in (
                ec.SECP256R1,
                ec.SECP384R1,
                ec.SECP521R1,
                ec.BrainpoolP256R1,
                ec.BrainpoolP384R1,
                ec.BrainpoolP512R1,
            )
        ),
        pytest.param(partial(rsa.generate_private_key, 65537, 2048), id="RSA"),
        pytest.param(Ed25519PrivateKey.generate, id="Ed25519"),
    ],
)
def test_every_kind_of_key_is_taken_from_every_form(
    desk: Desk, key: Callable[[], pkcs12.PKCS12PrivateKeyTypes]
) -> None:
    mine = make(key=key())
    for octets in (
        mine.pem + mine.key_pem(),
        mine.pem + mine.key_pem(password=PASSWORD),
        mine.p12(),
        mine.p12(BestAvailableEncryption(PASSWORD)),
    ):
        assert usable(desk.load(octets, password=PASSWORD)).der == mine.der


# --- what is wrong --------------------------------------------------------------------------------------

MISSING = "give the password with --client-password-file, or in SMGWPROXY_CLIENT_PASSWORD"
PEM_OF_ME = "openssl pkcs12 -in ME -nodes -out NEW, with -legacy as well if it is an old one"
KEY_OF_ME = "openssl pkey -in ME -out NEW"
WRONG = (
    "cannot be decrypted with this password: give the right one; if it is, see that the file is whole, and write "
    "it without a password: "
)
NO_CERTIFICATE = "ME holds no whole certificate in PEM: give the file that does"
NO_KEY = "ME holds no whole private key in PEM: give the file that does with --client-key"
NO_KEY_THERE = (
    "KEY holds no whole private key in PEM: give the file that does; PEM is made of a key in DER by: openssl pkey "
    "-inform DER -in KEY -out NEW"
)
NEITHER = (
    "ME is neither PEM nor PKCS#12: give a file in one of these; PEM is made of a certificate in DER by: openssl "
    "x509 -inform DER -in ME -out NEW"
)


def test_file_that_is_neither_pem_nor_pkcs12_is_told(desk: Desk, me: Mine) -> None:
    for octets in (b"", b"hello\n", me.der, me.pem.decode().encode("utf-16"), b"\x30\x82\x01\x00\x02\x01\x02\x30"):
        assert desk.fault(octets) == NEITHER


def test_missing_half_is_told(desk: Desk, me: Mine) -> None:
    key = me.key_pem()
    assert desk.fault(key) == desk.fault(me.pem[:-30], key) == NO_CERTIFICATE
    assert desk.fault(me.pem) == desk.fault(me.pem, key[:-30]) == NO_KEY
    public = me.key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = me.key.private_bytes(Encoding.DER, PKCS8, NoEncryption())
    for wrong in (b"", me.pem, public, der):
        assert desk.fault(me.pem, key, key=wrong) == NO_KEY_THERE


def test_several_keys_are_told(desk: Desk, me: Mine) -> None:
    other = make().key_pem(TRADITIONAL)
    remedy = "leave only that of the certificate in it"
    assert desk.fault(me.pem, me.key_pem(), other) == f"ME holds 2 private keys: {remedy}"
    assert desk.fault(me.pem, key=me.key_pem() + other + other) == f"KEY holds 3 private keys: {remedy}"


def test_key_of_another_certificate_is_told(desk: Desk, me: Mine, chained: Mine, tmp_path: Path) -> None:
    theben = make_theben_identity(tmp_path).certificate.pem.encode()
    other, rsa_key = make().key_pem(), make(key=rsa.generate_private_key(65537, 2048)).key_pem()
    remedy = "give the two that were made together"
    for certificates in (me.pem, chained.pem + chained.above_pem, theben):
        for key in (other, rsa_key):
            assert desk.fault(certificates, key) == (
                f"ME holds a private key that is not that of its certificate: {remedy}"
            )
            assert desk.fault(certificates, key=key) == (
                f"KEY holds a private key that is not that of the certificate in ME: {remedy}"
            )


def test_key_of_another_certificate_in_pkcs12_is_told(desk: Desk, me: Mine) -> None:
    other = make("other")
    octets = pkcs12.serialize_key_and_certificates(b"me", me.key, None, [other.certificate], NoEncryption())
    assert desk.fault(octets).startswith("ME holds a private key that is not that of its certificate: ")


def test_missing_password_is_told(desk: Desk, me: Mine) -> None:
    for form in (PKCS8, TRADITIONAL):
        key = me.key_pem(form, PASSWORD)
        assert desk.fault(me.pem, key) == f"ME holds a private key that is encrypted: {MISSING}"
        assert desk.fault(me.pem, key=key) == f"KEY holds a private key that is encrypted: {MISSING}"
    for encryption in (BestAvailableEncryption(PASSWORD), old(PASSWORD)):
        assert desk.fault(me.p12(encryption)) == f"ME is PKCS#12 with a password: {MISSING}"


@pytest.mark.parametrize("wrong", [b"geheim", b"\xff\xfe", b"x" * 2000, "gEheim\u20ac".encode()])
def test_wrong_password_is_told(desk: Desk, me: Mine, wrong: bytes) -> None:
    for form in (PKCS8, TRADITIONAL):
        key = me.key_pem(form, PASSWORD)
        assert desk.fault(me.pem, key, password=wrong) == f"ME {WRONG}{KEY_OF_ME}"
        assert desk.fault(me.pem, key=key, password=wrong) == f"KEY {WRONG}openssl pkey -in KEY -out NEW"
    for encryption in (BestAvailableEncryption(PASSWORD), old(PASSWORD)):
        assert desk.fault(me.p12(encryption), password=wrong) == f"ME {WRONG}{PEM_OF_ME}"


def test_pkcs12_and_a_key_of_its_own_do_not_go_together(desk: Desk, me: Mine) -> None:
    assert (
        desk.fault(me.p12(), key=me.key_pem()) == "ME is PKCS#12, which has its key in it: leave --client-key out"
    )
    assert desk.fault(me.pem, key=me.p12()) == (
        "KEY is PKCS#12, which has the certificate in it as well: give it with --client-cert, and leave "
        "--client-key out"
    )


def test_pkcs12_without_one_of_its_halves_is_told(desk: Desk, me: Mine) -> None:
    key_only = pkcs12.serialize_key_and_certificates(b"me", me.key, None, None, NoEncryption())
    certificate_only = pkcs12.serialize_key_and_certificates(b"me", None, me.certificate, None, NoEncryption())
    assert desk.fault(key_only) == "ME holds no certificate: give a PKCS#12 file that was exported with it"
    assert desk.fault(certificate_only) == (
        "ME holds no private key: give a PKCS#12 file that was exported with its key"
    )


def test_pkcs12_that_is_cut_off_is_told_with_and_without_a_password(desk: Desk, me: Mine) -> None:
    for octets in (me.p12(), me.p12(BestAvailableEncryption(PASSWORD))):
        for size in (20, 300, len(octets) - 30):
            for password in (None, PASSWORD):
                told = desk.fault(octets[:size], password=password)
                assert told.startswith("ME is PKCS#12 that cannot be read (")
                assert told.endswith(f"): see that it is whole, and if it is, make PEM of it: {PEM_OF_ME}")


def test_damaged_certificate_is_told(desk: Desk, me: Mine) -> None:
    lines = me.pem.splitlines(keepends=True)
    no_base64 = b"".join([lines[0], b"!" * 64 + b"\n", *lines[2:]])
    no_der = Certificate(me.der[:-5]).pem.encode()
    no_certificate = Certificate(element(0x30, b"\x05\x00")).pem.encode()
    no_ascii = me.pem.replace(lines[1][:1], b"\xe4", 1)
    for damaged in (no_base64, no_der, no_certificate, no_ascii):
        for parts in ([damaged, me.key_pem()], [me.pem, damaged, me.key_pem()], [damaged, me.pem, me.key_pem()]):
            assert desk.fault(*parts) == "ME holds a certificate that is damaged: give a file that is whole"


def test_damaged_key_is_told(desk: Desk, me: Mine) -> None:
    lines = me.key_pem().splitlines(keepends=True)
    no_base64 = b"".join([lines[0], b"!" * 64 + b"\n", *lines[2:]])
    no_key = b"".join([lines[0], b"MAMFAAA=\n", lines[-1]])
    for damaged in (no_base64, no_key):
        for told in (desk.fault(me.pem, damaged), desk.fault(me.pem, key=damaged).replace("KEY", "ME")):
            assert re.fullmatch(
                r"ME holds a private key that OpenSSL cannot use \([a-z0-9 ]+\): give a file that is whole", told
            )


def test_certificate_that_is_too_weak_is_told(desk: Desk) -> None:
    weak = make(key=rsa.generate_private_key(65537, 1024))  # noqa: S505  # that is the point
    for octets in (weak.pem + weak.key_pem(), weak.p12()):
        assert desk.fault(octets) == (
            "ME holds a certificate that OpenSSL refuses for its weakness (ee key too small): ask for one with a "
            "key on an elliptic curve, or of RSA with 2048 bits or more, and SHA-256"
        )


def test_key_of_a_kind_that_cannot_be_decrypted_is_told(desk: Desk, me: Mine) -> None:
    # ECDSA on brainpoolP320r1, which OpenSSL knows and `cryptography` does not, made with: openssl genpkey
    key = b"""-----BEGIN ENCRYPTED PRIVATE KEY-----
MIIBDDBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQIRnWab1p1uPUCAggA
MAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBBT85E7I5wfmZ7x3qSU62y0BIGw
vAQvVlZljDPbyLz9GyWnY2cyqd5rfWvbnMVM5mo7V9TtRJ6bGZRZBWiO/5goVWOZ
G8NAes+OnKqXXZAqDMfAkPHdqRHEo8oXTwlE/ckbCnAOgI/2Y0byIveddcKtrVdE
MMJMsalR5KdfjSbDHEM5S/48J7GHevwg7vuK1qCzpG0w3pLLmqx8LwSAmOgSZ7VI
OLqI8ZEm43h0XtujhMRsVIG1n1S8jKFBD/8Wtx/GcUM=
-----END ENCRYPTED PRIVATE KEY-----
"""
    told = desk.fault(me.pem, key, password=PASSWORD)
    assert told.startswith("ME holds a private key of a kind that is not known here (")
    assert told.endswith(f"): give it without a password, which this makes: {KEY_OF_ME}")


@pytest.mark.parametrize("what", ["certificate", "key", "password"])
def test_file_that_cannot_be_read_is_told(desk: Desk, me: Mine, what: str) -> None:
    good = desk.file(me.pem, me.key_pem(), name="good")
    actions: dict[str, Callable[[Path], object]] = {
        "certificate": load_client_certificate,
        "key": partial(load_client_certificate, good),
        "password": read_password,
    }
    action = actions[what]
    path = desk.directory / "me"
    remedy = "check the path, and that this user may read the file"
    assert desk.told(lambda: action(path)) == f"ME cannot be read (No such file or directory): {remedy}"
    os.mkfifo(path)
    assert desk.told(lambda: action(path)) == f"ME cannot be read (it is not a regular file): {remedy}"
    path.unlink()
    path.write_bytes(b"x" * (1024 * 1024 + 1))
    told = desk.told(lambda: action(path))
    assert re.fullmatch(rf"ME cannot be read \(it has more than \d+ bytes\): {remedy}", told)
    path.unlink()
    path.mkdir()
    assert desk.told(lambda: action(path)) == "ME is a directory: give the file in it"


AS_NOBODY = """
import os, sys
from pathlib import Path

from smgwproxy import load_client_certificate
from smgwproxy.errors import ConfigError

if os.getuid() == 0:  # whom no mode bits would stop
    os.setuid(65534)
try:
    load_client_certificate(Path(sys.argv[1]))
except ConfigError as error:
    print(error)
"""


def test_file_that_this_user_may_not_read_is_told(desk: Desk, me: Mine) -> None:
    path = desk.file(me.p12())
    path.chmod(0)
    ran = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(path)], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert ran.stdout == (
        f"{path} cannot be read (Permission denied): check the path, and that this user may read the file\n"
    )


def test_paths_are_told_in_whole_and_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_client_certificate(Path("no\nsuch file"))
    assert str(caught.value).startswith(rf"{tmp_path}/no\nsuch file cannot be read (No such file or directory)")
    Path("my file").write_bytes(b"")
    with pytest.raises(ConfigError, match=f"openssl x509 -inform DER -in '{tmp_path}/my file' -out NEW"):
        load_client_certificate(Path("my file"))


# --- the password's file --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"gEheim", b"gEheim"),
        (b"gEheim\n", b"gEheim"),
        (b"gEheim\r\n", b"gEheim"),
        (b" ge\xe4, #heim \nsecond line\n", b" ge\xe4, #heim "),
    ],
)
def test_password_is_the_first_line_of_its_file(desk: Desk, content: bytes, password: bytes) -> None:
    assert read_password(desk.file(content)) == password


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", b"\ngEheim\n"])
def test_password_file_that_begins_with_an_empty_line_is_told(desk: Desk, content: bytes) -> None:
    assert desk.told(lambda: read_password(desk.file(content))) == (
        "ME has an empty first line: write the password there, and nothing else"
    )


# --- secrets --------------------------------------------------------------------------------------------


def secrets_of(mine: Mine) -> Sequence[bytes]:
    """Return what of the key may not be found anywhere: its number, and a line of it in each form of PEM."""
    assert isinstance(mine.key, ec.EllipticCurvePrivateKey)
    number = mine.key.private_numbers().private_value.to_bytes(32)
    return [PASSWORD, number, mine.key_pem().splitlines()[1], mine.key_pem(TRADITIONAL).splitlines()[1]]


def found_in(octets: bytes, mine: Mine) -> bool:
    return any(secret in octets for secret in secrets_of(mine))


def test_no_repr_shows_the_key(desk: Desk, me: Mine) -> None:
    for octets in (me.pem + me.key_pem(), me.p12(BestAvailableEncryption(PASSWORD))):
        loaded = desk.load(octets, password=PASSWORD)
        assert found_in(loaded.key, me), "or this test would see nothing"
        assert not found_in(f"{loaded!r} {loaded}".encode(), me)


WATCHED = """
import os, ssl, sys
from pathlib import Path

from smgwproxy import load_client_certificate

written = []


def watch(event, arguments):
    if event == "open" and not isinstance(arguments[0], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        written.append(arguments[0])


sys.addaudithook(watch)
loaded = load_client_certificate(Path(sys.argv[1]), password=b"gEheim")
loaded.use_in(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
print(written)
"""


def test_no_file_is_opened_for_writing(desk: Desk, me: Mine) -> None:
    for octets in (me.pem + me.key_pem(password=PASSWORD), me.p12(BestAvailableEncryption(PASSWORD))):
        ran = subprocess.run(
            [sys.executable, "-B", "-c", WATCHED, str(desk.file(octets))],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        assert ran.stdout == "[]\n"


def open_files(directory: Path) -> Iterator[str]:
    """Return what this process has open of memory files and of files in ``directory``."""
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # of the directory itself
            to = str(handle.readlink())
            if "client certificate" in to or str(directory) in to:
                yield to


def test_no_file_stays_open_after_many_loads_good_and_bad(desk: Desk, me: Mine) -> None:
    path = desk.file(me.pem, me.key_pem())
    bad = desk.file(me.pem, make().key_pem(), name="bad")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with path.open("rb"):
        assert list(open_files(desk.directory)) == [str(path)], "or this test would see nothing"
    for _ in range(100):
        load_client_certificate(path).use_in(context)
        for wrong in (bad, desk.directory):
            with pytest.raises(ConfigError):
                load_client_certificate(wrong)
        with pytest.raises(ssl.SSLError):
            ClientCertificate(me.pem, b"").use_in(context)
    assert list(open_files(desk.directory)) == []


FEW_HANDLES = """
import os, resource, ssl, sys
from pathlib import Path

from smgwproxy import load_client_certificate
from smgwproxy.errors import ConfigError

path = Path(sys.argv[1])
loaded = load_client_certificate(path)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
free = os.dup(0)
os.close(free)
resource.setrlimit(resource.RLIMIT_NOFILE, (free + int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    loaded.use_in(context)
except OSError as error:
    print(error.strerror)
try:
    load_client_certificate(path)
except ConfigError as error:
    print(error)
again = os.dup(0) if int(sys.argv[2]) else free
print(again == free)
"""


@pytest.mark.parametrize("handles", [0, 1])
def test_lack_of_handles_is_an_error_and_loses_none(desk: Desk, me: Mine, handles: int) -> None:
    path = desk.file(me.pem, me.key_pem())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    code = FEW_HANDLES.replace("resource.RLIM_INFINITY", str(hard))
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path), str(handles)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    reason, told, kept = ran.stdout.splitlines()
    assert reason == "Too many open files"
    assert told.startswith(
        f"{path} cannot be handed to OpenSSL through /proc/self/fd (Too many open files): see that /proc is there"
        if handles
        else f"{path} cannot be read (Too many open files): "
    )
    assert kept == "True"


# --- at the gateway -------------------------------------------------------------------------------------


def as_identity(mine: x509.Certificate) -> Identity:
    """Wrap whom the gateway believes; the key is not needed there."""
    return Identity(Certificate(mine.public_bytes(Encoding.DER)), Path())


def asked(raw_gateway: StartGateway, believed: x509.Certificate, **options: object) -> RawGateway:
    return raw_gateway(OK, clients=as_identity(believed), **options)


FORMS: dict[str, Callable[[Desk, Mine], ClientCertificate]] = {
    "PEM": lambda desk, mine: desk.load(mine.pem, mine.key_pem()),
    "PEM in two files": lambda desk, mine: desk.load(mine.pem, key=mine.key_pem()),
    "encrypted PEM": lambda desk, mine: desk.load(mine.pem, mine.key_pem(password=PASSWORD), password=PASSWORD),
    "traditional PEM": lambda desk, mine: desk.load(
        mine.pem, key=mine.key_pem(TRADITIONAL, PASSWORD), password=PASSWORD
    ),
    "PKCS#12": lambda desk, mine: desk.load(mine.p12()),
    "PKCS#12 with a password": lambda desk, mine: desk.load(
        mine.p12(BestAvailableEncryption(PASSWORD)), password=PASSWORD
    ),
    "old PKCS#12": lambda desk, mine: desk.load(mine.p12(old(PASSWORD)), password=PASSWORD),
}


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("form", FORMS)
def test_gateway_sees_the_certificate(
    raw_gateway: StartGateway, store: FileTrustStore, desk: Desk, me: Mine, form: str, newest: ssl.TLSVersion
) -> None:
    gateway = asked(raw_gateway, me.certificate, newest=newest)
    with Gateway(gateway.origin, store, client_certificate=FORMS[form](desk, me)) as client:
        client.send("GET", "/", LINES).close()
    assert [peer.client_certificate for peer in gateway.peers] == [None, me.der]


@pytest.mark.parametrize("form", ["PEM", "PKCS#12 with a password"])
def test_gateway_that_knows_the_root_alone_gets_the_chain(
    raw_gateway: StartGateway, store: FileTrustStore, desk: Desk, chained: Mine, form: str
) -> None:
    whole = (
        desk.load(chained.above_pem, chained.key_pem(), chained.pem)
        if form == "PEM"
        else FORMS[form](desk, chained)
    )
    gateway = asked(raw_gateway, chained.above[-1])
    with Gateway(gateway.origin, store, client_certificate=whole) as client:
        client.send("GET", "/", LINES).close()
    assert gateway.peers[-1].client_certificate == chained.der


def test_certificate_that_strict_parsers_refuse_is_shown(
    raw_gateway: StartGateway, store: FileTrustStore, desk: Desk, tmp_path: Path
) -> None:
    theben = make_theben_identity(tmp_path)
    gateway = raw_gateway(OK, clients=theben)
    with Gateway(gateway.origin, store, client_certificate=load_client_certificate(theben.pem_file)) as client:
        client.send("GET", "/", LINES).close()
    assert gateway.peers[-1].client_certificate == theben.certificate.der


def test_gateway_with_brainpool_alone_sees_the_certificate(
    raw_gateway: StartGateway, store: FileTrustStore, desk: Desk, tmp_path: Path
) -> None:
    mine = make(key=ec.generate_private_key(ec.BrainpoolP256R1()))
    gateway = asked(
        raw_gateway,
        mine.certificate,
        who=make_identity(tmp_path, key=ec.generate_private_key(ec.BrainpoolP256R1())),
        newest=ssl.TLSVersion.TLSv1_2,
        group="brainpoolP256r1",
    )
    with Gateway(gateway.origin, store, client_certificate=desk.load(mine.p12())) as client:
        client.send("GET", "/", LINES).close()
    assert gateway.peers[-1].client_certificate == mine.der


def test_every_context_that_uses_it_shows_it(
    raw_gateway: StartGateway, store: FileTrustStore, desk: Desk, me: Mine
) -> None:
    loaded = desk.load(me.p12())
    for _ in range(3):
        gateway = asked(raw_gateway, me.certificate)
        with Gateway(gateway.origin, store, client_certificate=loaded) as client:
            client.send("GET", "/", LINES).close()
        assert gateway.peers[-1].client_certificate == me.der


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_gateway_that_takes_nobody_without_a_certificate_is_pinned_on_first_use(
    raw_gateway: StartGateway, store: FileTrustStore, desk: Desk, me: Mine, newest: ssl.TLSVersion
) -> None:
    gateway = asked(raw_gateway, me.certificate, newest=newest)
    assert gateway._context is not None
    gateway._context.verify_mode = ssl.CERT_REQUIRED
    with (
        Gateway(gateway.origin, store, client_certificate=desk.load(me.p12())) as client,
        client.send("GET", "/", LINES) as answer,
    ):
        assert answer.read() == b"ok"
    assert gateway.peers[-1].client_certificate == me.der


def test_stranger_hears_nothing_of_it(
    raw_gateway: StartGateway,
    store: FileTrustStore,
    desk: Desk,
    chained: Mine,
    identity: Identity,
    impostor: Identity,
) -> None:
    """Up to TLS 1.2 it would go in the clear, so that what was sent can be searched for it."""
    loaded = desk.load(chained.p12(BestAvailableEncryption(PASSWORD)), password=PASSWORD)
    ours = [chained.der, *(one.public_bytes(Encoding.DER) for one in chained.above)]
    found = {}
    for who in (identity, impostor):
        gateway = asked(raw_gateway, chained.above[-1], who=who, newest=ssl.TLSVersion.TLSv1_2)
        wiretap = Wiretap(gateway.port)
        store.change(wiretap.origin, partial(rules.first_use, certificate=identity.certificate, now=utc_now()))
        with (
            Gateway(wiretap.origin, store, client_certificate=loaded) as client,
            suppress(CertificateChanged),
        ):
            client.send("GET", "/", LINES).close()
        wiretap.stop()
        assert wiretap.sent != b""
        found[who] = [one in wiretap.sent for one in ours]
    assert found == {identity: [True, True, True], impostor: [False, False, False]}


# --- the program ----------------------------------------------------------------------------------------

COMMANDS: dict[str, Callable[[Desk, Mine], tuple[list[str], dict[str, str]]]] = {
    "PEM": lambda desk, mine: (["--client-cert", str(desk.file(mine.pem, mine.key_pem()))], {}),
    "PEM in two files": lambda desk, mine: (
        [
            f"-client-cert={desk.file(mine.pem)}",
            f"-client-key={desk.file(mine.key_pem(), name='key')}",
        ],
        {},
    ),
    "PKCS#12": lambda desk, mine: (["--client-cert", str(desk.file(mine.p12()))], {}),
    "password in a file": lambda desk, mine: (
        [
            f"--client-cert={desk.file(mine.p12(BestAvailableEncryption(PASSWORD)))}",
            f"--client-password-file={desk.file(PASSWORD, name='password')}",
        ],
        {},
    ),
    "password in the environment": lambda desk, mine: (
        [],
        {
            "SMGWPROXY_CLIENT_CERT": str(desk.file(mine.p12(BestAvailableEncryption(PASSWORD)))),
            "SMGWPROXY_CLIENT_PASSWORD": SECRET,
        },
    ),
}


@pytest.mark.parametrize("how", COMMANDS)
def test_program_shows_the_certificate_and_leaves_no_secret_behind(
    raw_gateway: StartGateway, tmp_path: Path, desk: Desk, me: Mine, how: str
) -> None:
    gateway = asked(raw_gateway, me.certificate)
    arguments, environ = COMMANDS[how](desk, me)
    home = tmp_path / "home"
    (home / "tmp").mkdir(parents=True)
    words = ["--target", str(gateway.origin), "--port=0", "--log-level=debug", *arguments]
    with program(*words, cwd=home, environ=environ | {"TMPDIR": str(home / "tmp")}) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
        shown = proxy.wait_for(r"is shown the client certificate with SHA-256 (\w+), (.*), ends (\S+)")
        command_line = Path(f"/proc/{proxy.process.pid}/cmdline").read_bytes()
        assert proxy.end() == 0
    assert gateway.peers[-1].client_certificate == me.der
    assert shown.groups() == (
        str(Certificate(me.der).fingerprint),
        "CN=me",
        f"{me.certificate.not_valid_after_utc:%Y-%m-%d}",
    )
    written = [path for path in home.rglob("*") if path.is_file()]
    assert len(written) >= 2, "a pin and a log"
    for octets in (command_line, "".join(proxy.lines).encode(), *(path.read_bytes() for path in written)):
        assert not found_in(octets, me)


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (-10, r"the client certificate ended on \d{4}-\d\d-\d\d: ask who issued it for a new one"),
        (30, r"the client certificate ends on \d{4}-\d\d-\d\d, in (29|30) days: ask who issued it for a new one"),
        (300, None),
    ],
)
def test_end_of_the_certificate_is_warned_of_at_start(
    raw_gateway: StartGateway, tmp_path: Path, desk: Desk, days: int, told: str | None
) -> None:
    gateway = raw_gateway(OK)
    mine = make(days=days)
    path = desk.file(mine.p12())
    with program("--target", str(gateway.origin), "--port=0", "--client-cert", str(path), cwd=tmp_path) as proxy:
        proxy.wait_for("is pinned")
        proxy.end()
    warnings = [line for line in proxy.lines if "the client certificate e" in line]
    assert len(warnings) == (told is not None)
    if told is not None:
        assert re.search(f"WARNING {told}", warnings[0])


def test_certificate_whose_subject_cannot_be_read_is_shown_at_start(
    raw_gateway: StartGateway, tmp_path: Path, desk: Desk
) -> None:
    theben = make_theben_identity(tmp_path)
    gateway = raw_gateway(OK, clients=theben)
    words = ["--target", str(gateway.origin), "--port=0", "--client-cert", str(theben.pem_file)]
    with program(*words, cwd=tmp_path) as proxy:
        assert raw_exchange(proxy.port, GET).endswith(b"ok")
        proxy.wait_for(
            rf"is shown the client certificate with SHA-256 {theben.certificate.fingerprint}, CN=Theben"
        )
    assert gateway.peers[-1].client_certificate == theben.certificate.der


@pytest.mark.parametrize(
    ("words", "environ", "told"),
    [
        (["--client-cert", "none"], {}, "--client-cert: HERE/none cannot be read (No such file or directory): "),
        ([], {"SMGWPROXY_CLIENT_CERT": "none"}, "SMGWPROXY_CLIENT_CERT: HERE/none cannot be read "),
        (["--config", "proxy.toml"], {}, "client-cert in proxy.toml: HERE/none cannot be read "),
        (["--client-cert=cert", "--client-key=none"], {}, "--client-key: HERE/none cannot be read "),
        (["--client-cert=me"], {}, "--client-cert: HERE/me is PKCS#12 with a password: give the password with "),
        (
            ["--client-cert=cert", "--client-key=key"],
            {},
            "--client-key: HERE/key holds a private key that is encrypted: give the password with ",
        ),
        (
            ["--client-cert=cert", "--client-key=another"],
            {},
            "--client-key: HERE/another holds a private key that is not that of the certificate in HERE/cert: ",
        ),
        (
            ["--client-cert=me", "--client-password-file=wrong"],
            {},
            "--client-password-file: HERE/me cannot be decrypted with this password: give the right one",
        ),
        (
            ["--client-cert=me"],
            {"SMGWPROXY_CLIENT_PASSWORD": "gEheimnis"},
            "SMGWPROXY_CLIENT_PASSWORD: HERE/me cannot be decrypted with this password: give the right one",
        ),
        (
            ["--client-cert=me", "--client-password-file=none"],
            {},
            "--client-password-file: HERE/none cannot be read (No such file or directory): ",
        ),
        (
            ["--client-cert=me", "--client-password-file=."],
            {},
            "--client-password-file: HERE is a directory: give the file in it",
        ),
        (["--client-key=key"], {}, "--client-key: a key is of no use without its certificate: "),
        ([], {"SMGWPROXY_CLIENT_PASSWORD": SECRET}, "SMGWPROXY_CLIENT_PASSWORD: a password is of no use without "),
        (
            ["--client-cert=me", "--client-password-file=wrong"],
            {"SMGWPROXY_CLIENT_PASSWORD": SECRET},
            "SMGWPROXY_CLIENT_PASSWORD: --client-password-file gives a password, too: leave one of them out",
        ),
        (["--client-cert=me", "--client-password", SECRET], {}, "--client-password: there is no such option; "),
    ],
)
def test_program_tells_in_one_line_which_option_is_wrong(
    desk: Desk, me: Mine, words: list[str], environ: dict[str, str], told: str
) -> None:
    here = desk.directory
    desk.file(me.p12(BestAvailableEncryption(PASSWORD)))
    desk.file(me.pem, name="cert")
    desk.file(me.key_pem(password=PASSWORD), name="key")
    desk.file(make().key_pem(), name="another")
    desk.file(b"gEheimnis\n", name="wrong")
    desk.file(b"client-cert = 'none'\n", name="proxy.toml")
    ended = run(*words, "--port=0", cwd=here, environ=environ)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("smgwproxy: error: " + told.replace("HERE", str(here)))
    assert SECRET not in line
    assert not (here / "logs").exists()


def test_pool_made_while_the_pinned_certificate_is_asked_for_is_used_no_more(
    desk: Desk, me: Mine, raw_gateway: StartGateway, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no anchor, and shows no client certificate."""
    pin = Pin(identity.certificate.fingerprint)
    store = PinnedTrustStore([pin.fingerprint])
    with Gateway(raw_gateway(OK).origin, store, client_certificate=desk.load(me.p12())) as client:
        pools = client._pools
        pools.allow((pin,), pools.ticket())
        asked = pools.presented_certificate

        def while_another_request_runs() -> Certificate:
            certificate = asked()
            assert pools._pool(pin, None).cert_reqs != "CERT_REQUIRED"
            return certificate

        monkeypatch.setattr(pools, "presented_certificate", while_another_request_runs)
        pools._get_to_know(pin)
        assert pools._pool(pin, None).cert_reqs == "CERT_REQUIRED"

"""The client certificate: what the gateway is shown in a password's place, from PEM or PKCS#12."""

from __future__ import annotations

import errno
import os
import re
import shlex
import ssl
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from smgwproxy import durable
from smgwproxy.certificate import Certificate
from smgwproxy.errors import ConfigError, in_one_line
from smgwproxy.phrases import phrase, plural, sequence
from smgwproxy.system import reason

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates

_LARGEST = 1024 * 1024  # bytes; a long chain with its key has some 20,000
_LARGEST_PASSWORD = 64 * 1024  # bytes, of which one line counts

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----\s.*?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----\s.*?-----END \1-----", re.DOTALL)
# In the label of PKCS#8 (RFC 7468 section 11), or in a header of the older form (RFC 1421 section 4.6.1.1).
_ENCRYPTED = re.compile(rb"-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)
# A PFX (RFC 7292 section 4): a SEQUENCE, of any length or, in BER, of none that is told, and the version 3.
_PKCS12 = re.compile(rb"\x30(?:[\x00-\x80]|\x81.|\x82.{2}|\x83.{3}|\x84.{4})\x02\x01\x03\x30", re.DOTALL)

# What OpenSSL says of a key that is another one, and of one of another kind.
_OF_ANOTHER = frozenset({"KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED"})
_WEAK = ("TOO_SMALL", "TOO_WEAK")


class ClientCertificateError(ConfigError):
    """The client certificate cannot be used; ``option`` is the option that is to blame, without its dashes.

    It is ``client-cert``, ``client-key`` or ``client-password-file``, the last also for a password that was not in
    a file.
    """

    def __init__(self, option: str, path: Path, what: str, remedy: str) -> None:
        super().__init__(sequence((sequence((_shown(path), what)), remedy), ": "))
        self.option = option


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate with its chain, and its private key.

    ``chain`` is in PEM, the client's own certificate first; ``key`` is in PEM and not encrypted, and no repr shows
    it. `load_client_certificate` makes one of files.
    """

    chain: bytes
    key: bytes = field(repr=False)

    @property
    def certificate(self) -> Certificate:
        """The client's own certificate; raises `ValueError` when ``chain`` does not begin with one."""
        match = _CERTIFICATE.search(self.chain)
        return Certificate.from_pem(match[0].decode("ascii", "replace") if match else "")

    def use_in(self, context: ssl.SSLContext) -> None:
        """Let ``context`` present the certificate; raises `OSError` (`ssl.SSLError` among it).

        The key is written to no disk: the ssl module takes nothing but files, so it gets one that is in memory
        alone, has no name, and is gone on return.
        """
        with os.fdopen(os.memfd_create("client certificate"), "wb") as file:
            file.write(self.chain + b"\n" + self.key)
            file.flush()
            # Without a password OpenSSL would ask for one at the terminal, were the key encrypted after all.
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password="")


def load_client_certificate(
    certificate: Path, key: Path | None = None, password: bytes | None = None
) -> ClientCertificate:
    """Load a certificate, its chain and its key from PEM or from PKCS#12; the content tells which of both it is.

    PEM may have the key in the same file or in ``key``; PKCS#12 always has it. ``password`` is that of the key or
    of the PKCS#12 file, and is passed over where none is needed. The order of the certificates does not matter.
    Raises `ConfigError` with one line, which never holds a secret.
    """
    octets = _content("client-cert", certificate)
    if _PKCS12.match(octets):
        if key is not None:
            raise ClientCertificateError(
                "client-key",
                certificate,
                phrase("is PKCS#12, which has its key in it"),
                phrase("leave --client-key out"),
            )
        return _from_pkcs12(certificate, octets, password or None)
    if b"-----BEGIN " not in octets:
        raise ClientCertificateError(
            "client-cert",
            certificate,
            phrase("is neither PEM nor PKCS#12"),
            phrase(
                "give a file in one of these; PEM is made of a certificate in DER by: {command}",
                command=f"openssl x509 -inform DER -in {_quoted(certificate)} -out NEW",
            ),
        )
    return _from_pem(certificate, octets, key, password or None)


def read_password(file: Path) -> bytes:
    """Return the first line of ``file``, without its end; raises `ConfigError` with one line."""
    octets = _content("client-password-file", file, _LARGEST_PASSWORD)
    password = octets.partition(b"\n")[0].removesuffix(b"\r")
    if not password:
        raise ClientCertificateError(
            "client-password-file",
            file,
            phrase("has an empty first line"),
            phrase("write the password there, and nothing else"),
        )
    return password


# --- PEM ------------------------------------------------------------------------------------------------


def _from_pem(file: Path, octets: bytes, key_file: Path | None, password: bytes | None) -> ClientCertificate:
    certificates = _certificates_in(file, octets)
    if key_file is None:
        remedy = phrase("give the file that does with --client-key")
        key = _key_in("client-cert", file, octets, remedy, password)
    else:
        octets = _content("client-key", key_file)
        if _PKCS12.match(octets):
            raise ClientCertificateError(
                "client-key",
                key_file,
                phrase("is PKCS#12, which has the certificate in it as well"),
                phrase("give it with --client-cert, and leave --client-key out"),
            )
        remedy = phrase(
            "give the file that does; PEM is made of a key in DER by: {command}",
            command=f"openssl pkey -inform DER -in {_quoted(key_file)} -out NEW",
        )
        key = _key_in("client-key", key_file, octets, remedy, password)
    return _together(file, key_file, certificates, key)


def _certificates_in(file: Path, octets: bytes) -> Sequence[Certificate]:
    blocks = _CERTIFICATE.findall(octets)
    if not blocks:
        raise ClientCertificateError(
            "client-cert", file, phrase("holds no whole certificate in PEM"), phrase("give the file that does")
        )
    try:
        return [Certificate.from_pem(block.decode("ascii", "replace")) for block in blocks]
    except ValueError as error:
        raise _damaged(file) from error


def _key_in(option: str, file: Path, octets: bytes, remedy: str, password: bytes | None) -> bytes:
    blocks = [match[0] for match in _KEY.finditer(octets)]
    if not blocks:
        raise ClientCertificateError(option, file, phrase("holds no whole private key in PEM"), remedy)
    if len(blocks) > 1:
        raise ClientCertificateError(
            option,
            file,
            plural("holds {count} private key", "holds {count} private keys", len(blocks)),
            phrase("leave only that of the certificate in it"),
        )
    (block,) = blocks
    if not _ENCRYPTED.search(block):
        return block
    if password is None:
        raise _password_missing(option, file, phrase("holds a private key that is encrypted"))
    return _decrypted(option, file, block, password)


def _decrypted(option: str, file: Path, block: bytes, password: bytes) -> bytes:
    # cryptography is slow to import, and most keys are not encrypted
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    anew = f"openssl pkey -in {_quoted(file)} -out NEW"
    try:
        return _unencrypted(serialization.load_pem_private_key(block, password))
    except UnsupportedAlgorithm as error:
        raise ClientCertificateError(
            option,
            file,
            phrase("holds a private key of a kind that is not known here ({reason})", reason=in_one_line(error)),
            phrase("give it without a password, which this makes: {command}", command=anew),
        ) from error
    except Exception as error:  # the parser raises more than it tells
        raise _password_wrong(file, anew) from error


def _unencrypted(key: PrivateKeyTypes) -> bytes:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415  # as above
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


# --- PKCS#12 --------------------------------------------------------------------------------------------


def _from_pkcs12(file: Path, octets: bytes, password: bytes | None) -> ClientCertificate:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  # as above

    opened = _opened(file, octets, password)
    if opened.key is None:
        raise ClientCertificateError(
            "client-cert",
            file,
            phrase("holds no private key"),
            phrase("give a PKCS#12 file that was exported with its key"),
        )
    found = [opened.cert, *opened.additional_certs]
    certificates = [
        Certificate(one.certificate.public_bytes(serialization.Encoding.DER)) for one in found if one is not None
    ]
    if not certificates:
        raise ClientCertificateError(
            "client-cert",
            file,
            phrase("holds no certificate"),
            phrase("give a PKCS#12 file that was exported with it"),
        )
    return _together(file, None, certificates, _unencrypted(opened.key))


def _opened(file: Path, octets: bytes, password: bytes | None) -> PKCS12KeyAndCertificates:
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12  # noqa: PLC0415  # as above

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of BER and of odd certificates; such files are common
        try:
            return load_pkcs12(octets, _in_utf8(password) if password else None)
        except Exception as error:  # as above
            with suppress(Exception):
                return load_pkcs12(octets, None)
            raise _not_opened(file, password, error) from error


def _in_utf8(password: bytes) -> bytes:
    """Return a password for PKCS#12, the one form in which passwords are text."""
    try:
        password.decode()
    except UnicodeDecodeError:
        return password.decode("latin-1").encode()
    return password


def _not_opened(file: Path, password: bytes | None, error: Exception) -> ClientCertificateError:
    # Only the text of the error tells; both kinds are a ValueError.
    if "password" not in str(error).lower():
        return ClientCertificateError(
            "client-cert",
            file,
            phrase("is PKCS#12 that cannot be read ({reason})", reason=in_one_line(error)),
            phrase("see that it is whole, and if it is, make PEM of it: {command}", command=_pem_of(file)),
        )
    if password is None:
        return _password_missing("client-cert", file, phrase("is PKCS#12 with a password"))
    return _password_wrong(file, _pem_of(file))


def _pem_of(file: Path) -> str:
    return phrase(
        "openssl pkcs12 -in {path} -nodes -out NEW, with -legacy as well if it is an old one", path=_quoted(file)
    )


# --- certificate and key --------------------------------------------------------------------------------


def _together(
    file: Path, key_file: Path | None, certificates: Sequence[Certificate], key: bytes
) -> ClientCertificate:
    """Put the certificate that ``key`` belongs to first, and see that OpenSSL takes all of it."""
    certificates = tuple(dict.fromkeys(certificates))
    try:
        own = next((one for one in certificates if _belong_together(one, key)), None)
        if own is not None:
            whole = ClientCertificate("".join(one.pem for one in _in_order(own, certificates)).encode(), key)
            whole.use_in(_context())
            return whole
    except OSError as error:
        raise _unusable(file, key_file, certificates, error) from error
    if key_file:
        what = phrase("holds a private key that is not that of the certificate in {path}", path=_shown(file))
    else:
        what = phrase("holds a private key that is not that of its certificate")
    raise ClientCertificateError(
        _key_option(key_file), key_file or file, what, phrase("give the two that were made together")
    )


def _belong_together(certificate: Certificate, key: bytes) -> bool:
    try:
        ClientCertificate(certificate.pem.encode(), key).use_in(_context())
    except ssl.SSLError as error:
        if error.reason in _OF_ANOTHER:
            return False
        raise
    return True


def _in_order(own: Certificate, certificates: Sequence[Certificate]) -> Sequence[Certificate]:
    """Put behind each certificate the one that signed it, as TLS 1.2 wants them (RFC 5246 section 7.4.2)."""
    chain, rest = [own], [one for one in certificates if one != own]
    while rest:
        issuer = chain[-1].description.issuer
        chain.append(next((one for one in rest if issuer and one.description.subject == issuer), rest[0]))
        rest.remove(chain[-1])
    return chain


def _unusable(
    file: Path, key_file: Path | None, certificates: Sequence[Certificate], error: OSError
) -> ClientCertificateError:
    if not isinstance(error, ssl.SSLError):
        return ClientCertificateError(
            "client-cert",
            file,
            phrase("cannot be handed to OpenSSL through /proc/self/fd ({reason})", reason=reason(error)),
            phrase("see that /proc is there and that not too many files are open"),
        )
    if not all(_can_be_parsed(one) for one in certificates):
        return _damaged(file)
    told = error.reason.replace("_", " ").lower() if error.reason else phrase("it is damaged")
    if error.reason and error.reason.endswith(_WEAK):
        return ClientCertificateError(
            "client-cert",
            file,
            phrase("holds a certificate that OpenSSL refuses for its weakness ({reason})", reason=told),
            phrase("ask for one with a key on an elliptic curve, or of RSA with 2048 bits or more, and SHA-256"),
        )
    return ClientCertificateError(
        _key_option(key_file),
        key_file or file,
        phrase("holds a private key that OpenSSL cannot use ({reason})", reason=told),
        phrase("give a file that is whole"),
    )


def _can_be_parsed(certificate: Certificate) -> bool:
    try:
        _context().load_verify_locations(cadata=certificate.der)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


# --- files and errors -----------------------------------------------------------------------------------


def _content(option: str, path: Path, largest: int = _LARGEST) -> bytes:
    try:
        return durable.read(path, largest)
    except OSError as error:
        if error.errno == errno.EINVAL and path.is_dir():
            raise ClientCertificateError(
                option, path, phrase("is a directory"), phrase("give the file in it")
            ) from error
        raise ClientCertificateError(
            option,
            path,
            phrase("cannot be read ({reason})", reason=reason(error)),
            phrase("check the path, and that this user may read the file"),
        ) from error


def _key_option(key_file: Path | None) -> str:
    return "client-cert" if key_file is None else "client-key"


def _damaged(file: Path) -> ClientCertificateError:
    return ClientCertificateError(
        "client-cert", file, phrase("holds a certificate that is damaged"), phrase("give a file that is whole")
    )


def _password_missing(option: str, file: Path, what: str) -> ClientCertificateError:
    return ClientCertificateError(
        option,
        file,
        what,
        phrase("give the password with --client-password-file, or in SMGWPROXY_CLIENT_PASSWORD"),
    )


def _password_wrong(file: Path, anew: str) -> ClientCertificateError:
    # Nothing tells a wrong password from damage, or from a cipher that this OpenSSL does not know any more.
    return ClientCertificateError(
        "client-password-file",
        file,
        phrase("cannot be decrypted with this password"),
        phrase(
            "give the right one; if it is, see that the file is whole, and write it without a password: {command}",
            command=anew,
        ),
    )


def _shown(path: Path) -> str:
    """Tell where the file is, in one line, to people who do not know in which directory this runs."""
    return repr(str(path.absolute()))[1:-1]


def _quoted(path: Path) -> str:
    return shlex.quote(_shown(path))

"""What `cryptography` can tell of certificates and keys of any form, as far as it can read them; pure."""

from __future__ import annotations

import warnings

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from smgwproxy.contents.description import Description
from smgwproxy.der import without_null_parameters
from smgwproxy.phrases import phrase


def describe(der: bytes) -> Description:
    """Tell what stands in a certificate in DER; empty where it cannot be read."""
    for form in (bytes, without_null_parameters):
        try:
            with warnings.catch_warnings():
                # A doubtful serial number or name is the gateway's affair; it must not end up on stderr.
                warnings.simplefilter("ignore")
                parsed = x509.load_der_x509_certificate(form(der))
                return Description(
                    parsed.subject.rfc4514_string(),
                    parsed.issuer.rfc4514_string(),
                    parsed.not_valid_before_utc,
                    parsed.not_valid_after_utc,
                    _dns_names(parsed),
                    _kind(parsed),
                )
        except Exception:  # noqa: BLE001, S112  # the parser raises more than it tells: TypeError, InvalidVersion
            continue
    return Description()


def in_one_form(key: bytes) -> bytes:
    """Return a SubjectPublicKeyInfo as the library writes that key, or as it stands where it cannot be read."""
    try:
        return load_der_public_key(key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except Exception:  # noqa: BLE001  # of a kind that is not known, or damaged: then it is compared as it stands
        return key


def _dns_names(parsed: x509.Certificate) -> tuple[str, ...]:
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return tuple(names.value.get_values_for_type(x509.DNSName))
    except Exception:  # noqa: BLE001  # as above; subject and dates are worth telling without the names
        return ()


def _kind(parsed: x509.Certificate) -> str:
    """Name the kind of the public key, such as ``EC secp384r1``."""
    try:
        key = parsed.public_key()
    except Exception:  # noqa: BLE001  # as above
        return ""
    curve = getattr(key, "curve", None)
    if curve is not None:
        return f"EC {curve.name}"
    kind = type(key).__name__.removesuffix("PublicKey").lstrip("_")
    size = getattr(key, "key_size", None)
    return phrase("{kind} {size} bits", kind=kind, size=size) if size else kind

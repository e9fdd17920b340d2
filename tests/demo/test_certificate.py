"""Certificates of simulated gateways."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning

from smgwproxy.demo import TlsProfile, self_signed
from tests.demo.conftest import StartGateway, client_context, tls_connection


def test_a_certificate_has_the_curve_dates_and_names_it_was_asked_for() -> None:
    certificate = self_signed(
        "gateway",
        curve="secp384r1",
        dns_names=("smgw.local", "conexa.local"),
        not_before=datetime(2020, 1, 1, tzinfo=UTC),
        not_after=datetime(2021, 1, 1, tzinfo=UTC),
    )

    parsed = x509.load_der_x509_certificate(certificate.der)
    key = parsed.public_key()
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp384r1"
    assert parsed.subject.rfc4514_string() == "CN=gateway"
    assert parsed.issuer == parsed.subject
    assert (parsed.not_valid_before_utc.year, parsed.not_valid_after_utc.year) == (2020, 2021)
    assert names.get_values_for_type(x509.DNSName) == ["smgw.local", "conexa.local"]


def test_the_fingerprint_is_the_sha256_of_the_der() -> None:
    certificate = self_signed("gateway")

    assert certificate.fingerprint == hashlib.sha256(certificate.der).hexdigest()


def test_null_parameters_are_refused_by_cryptography_and_verified_by_openssl(tmp_path: Path) -> None:
    certificate = self_signed("gateway", curve="secp384r1", null_parameters=True)
    pem = tmp_path / "certificate.pem"
    pem.write_text(ssl.DER_cert_to_PEM_cert(certificate.der))

    with pytest.raises((ValueError, CryptographyDeprecationWarning), match=r"ExtraData|NULL parameter"):
        x509.load_der_x509_certificate(certificate.der)
    # A trust anchor of its own: so OpenSSL checks that the signature is right, too.
    verified = subprocess.run(
        ["openssl", "verify", "-check_ss_sig", "-CAfile", pem, pem], capture_output=True, text=True, check=False
    )
    assert verified.stdout == f"{pem}: OK\n"


def test_a_brainpool_gateway_is_reached_with_a_context_for_its_curve_only(gateway_of: StartGateway) -> None:
    gateway = gateway_of(
        "emh",
        certificate=self_signed("gateway", curve="brainpoolP256r1"),
        tls=TlsProfile("brainpoolP256r1", ssl.TLSVersion.TLSv1_2),
    )

    with pytest.raises(ssl.SSLError), tls_connection(gateway):
        pass
    context = client_context(ssl.TLSVersion.TLSv1_2)
    context.set_ecdh_curve("brainpoolP256r1")
    with tls_connection(gateway, context) as connection:
        assert connection.getpeercert(binary_form=True) == gateway.certificate_der
    assert gateway.wait_closed()
    assert len(gateway.failed_handshakes) == 1

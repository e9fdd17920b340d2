"""Signed exports of the simulated PPC gateway: CMS around the XML of the DKE (RFC 5652, K461 schemas)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7

from smgwproxy.demo import meter
from smgwproxy.demo.certificate import ServerCertificate
from smgwproxy.demo.meter import Reading

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def signed(xml: str, signer: ServerCertificate) -> bytes:
    """Wrap ``xml`` in CMS SignedData (DER), signed with the key of ``signer``."""
    key = serialization.load_pem_private_key(signer.key, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("a gateway signs with an elliptic curve key")
    certificate = x509.load_der_x509_certificate(signer.der)
    return (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(xml.encode())
        .add_signer(certificate, key, hashes.SHA256())
        .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )


def meter_values(device: str, rows: Sequence[Sequence[Reading]]) -> str:
    """Write readings as a profile_generic-1 object, one column for each register."""
    objects = "".join(
        f'<ns1:capture_object id="{number}"><ns2:logical_name>{channel.code}.{device}.sm</ns2:logical_name>'
        "</ns1:capture_object>"
        for number, channel in enumerate(meter.CHANNELS, 1)
    )
    columns = "".join(
        f'<ns1:column id="{number}" count="{len(rows)}">'
        + "".join(_entry(count, row[number - 1]) for count, row in enumerate(rows, 1))
        + "</ns1:column>\n"
        for number, _ in enumerate(meter.CHANNELS, 1)
    )
    return (
        f'{_DECLARATION}<ns1:object class_id="7" class_version="1" id="0100630100ff.{device}.sm"'
        ' xmlns:ns1="urn:k461-dke-de:profile_generic-1" xmlns:ns2="urn:k461-dke-de:extension-1">\n'
        '<ns1:attributes count="3">\n'
        f"<ns2:logical_name>0100630100ff.{device}.sm</ns2:logical_name>\n"
        f'<ns1:capture_objects id="2" count="{len(meter.CHANNELS)}">{objects}</ns1:capture_objects>\n'
        f'<ns1:buffer id="3"><ns1:simple_data count="{len(meter.CHANNELS)}">\n{columns}'
        "</ns1:simple_data></ns1:buffer>\n</ns1:attributes>\n</ns1:object>\n"
    )


def _entry(number: int, reading: Reading) -> str:
    signature = hashlib.sha512(f"{reading}".encode()).hexdigest()
    return (
        f'\n<ns1:entry_gateway_signed id="{number}">'
        f"<ns2:value><ns2:long64>{reading.value}</ns2:long64></ns2:value>"
        f"<ns2:scaler>{meter.SCALER}</ns2:scaler><ns2:unit>{meter.WATT_HOUR}</ns2:unit>"
        "<ns2:status><ns2:unsigned>0</ns2:unsigned></ns2:status>"
        f"<ns2:capture_time>{reading.at:%Y-%m-%dT%H:%M:%SZ}</ns2:capture_time>"
        f"<ns2:smgw_signature>{signature}</ns2:smgw_signature></ns1:entry_gateway_signed>"
    )


def meter_profile(device: str) -> str:
    """Write how the meter is set up, as a kaf_lmn_container-1."""
    values = "".join(
        f'<ems:value id="{number}">{channel.code}</ems:value>' for number, channel in enumerate(meter.CHANNELS, 1)
    )
    return (
        f'{_DECLARATION}<klc:container id="00000000e000.{device}.sm"'
        ' xmlns:adevs="urn:k461-dke-de:abstract_device_setup-1" xmlns:cox="urn:k461-dke-de:extension-1"'
        ' xmlns:ems="urn:k461-dke-de:e_meter_sensor_setup-1"'
        ' xmlns:klc="urn:k461-dke-de:kaf_lmn_container-1">\n'
        f'<klc:e_meter_device_object class_id="32809" class_version="0" id="00000000e001.{device}.sm">\n'
        '<ems:attributes count="5">\n'
        f'<cox:logical_name id="1">00000000e001.{device}.sm</cox:logical_name>\n'
        f'<adevs:device_identifier id="2">{device}</adevs:device_identifier>\n'
        '<adevs:active id="4">1</adevs:active>\n<adevs:samplerate id="5">900</adevs:samplerate>\n'
        f'<ems:values id="16" count="{len(meter.CHANNELS)}">{values}</ems:values>\n'
        "</ems:attributes>\n</klc:e_meter_device_object>\n</klc:container>\n"
    )

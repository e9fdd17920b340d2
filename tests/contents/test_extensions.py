"""DNS names are told where `cryptography` would tell them, and an extension that it cannot read hides none."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.contents import extensions, library
from smgwproxy.der import BIT_STRING, BOOLEAN, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element, elements
from smgwproxy.der import EXTENSIONS as FIELD
from tests.contents.building import EXTENSIONS, is_ordinary, with_field

KEY_ID, KEY_USAGE, NAMES, CONSTRAINTS, AUTHORITY, PURPOSES = (
    "551d0e",
    "551d0f",
    "551d11",
    "551d13",
    "551d23",
    "551d25",
)
SERVER, CLIENT = (bytes.fromhex(f"06082b060105050703{number}") for number in ("01", "02"))
KNOWN = KEY_ID, KEY_USAGE, NAMES, CONSTRAINTS, AUTHORITY, PURPOSES
TRUE = element(BOOLEAN, b"\xff")


def extension(kind: str, value: bytes, between: bytes = b"") -> bytes:
    return element(
        SEQUENCE, element(OBJECT_IDENTIFIER, bytes.fromhex(kind)) + between + element(OCTET_STRING, value)
    )


def general_names(*names: tuple[int, bytes]) -> bytes:
    return element(SEQUENCE, b"".join(element(tag, value) for tag, value in names))


SMGW = extension(NAMES, general_names((0x82, b"smgw.local")))


def certificate(*whole: bytes) -> bytes:
    return with_field(EXTENSIONS, element(FIELD, element(SEQUENCE, b"".join(whole))))


def told(*whole: bytes) -> tuple[str, ...]:
    (field,) = elements(element(FIELD, element(SEQUENCE, b"".join(whole))))
    return extensions.dns_names(field)


READABLE = {
    KEY_ID: [element(OCTET_STRING, bytes(20))],
    KEY_USAGE: [element(BIT_STRING, bits) for bits in (b"\x07\x80", b"\x05\xa0", b"\x03\x88", b"\x02\x84")],
    CONSTRAINTS: [bytes.fromhex(one) for one in ("3000", "30030101ff", "30060101ff020100", "30060101ff02017f")],
    AUTHORITY: [element(SEQUENCE, element(0x80, bytes(range(10, 30))))],
    PURPOSES: [element(SEQUENCE, one) for one in (SERVER, CLIENT, SERVER + CLIENT, CLIENT + SERVER)],
}


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, values in READABLE.items() for value in values]
)
@pytest.mark.parametrize("between", [b"", TRUE], ids=["plain", "critical"])
def test_extensions_that_gateways_have_leave_the_names_readable(kind: str, value: bytes, between: bytes) -> None:
    other = extension(kind, value, between)
    for both in ((other, SMGW), (SMGW, other)):
        assert told(*both) == ("smgw.local",)
        assert is_ordinary(certificate(*both))


def test_all_of_them_together_leave_the_names_readable() -> None:
    whole = [*(extension(kind, values[0]) for kind, values in READABLE.items()), SMGW]
    assert told(*whole) == ("smgw.local",)
    assert is_ordinary(certificate(*whole))


@pytest.mark.parametrize("kind", KNOWN)
def test_extension_that_cannot_be_read_is_left_to_cryptography(kind: str) -> None:
    """It tells no names then."""
    for value in (b"", b"\x05\x00", b"\x30\x01", element(SEQUENCE, b"\x05"), element(OCTET_STRING, b"x") + b"x"):
        whole = [extension(kind, value)] if kind == NAMES else [extension(kind, value), SMGW]
        assert not is_ordinary(certificate(*whole))


def test_key_usage_is_read_where_it_is_minimal() -> None:
    for unused, bits in product(range(9), range(256)):
        minimal = unused > 0 and bits % 2**unused == 0 and bits & 2**unused != 0
        assert is_ordinary(certificate(extension(KEY_USAGE, bytes([3, 2, unused, bits])), SMGW)) == minimal


@pytest.mark.parametrize("value", ["040205a0", "030305a0", "030205a000", "030205", "0303078080", "03020780" * 2])
def test_key_usage_of_another_form_is_left_to_cryptography(value: str) -> None:
    assert not is_ordinary(certificate(extension(KEY_USAGE, bytes.fromhex(value)), SMGW))


def test_without_names_the_other_extensions_do_not_matter() -> None:
    for whole in (
        [extension(KEY_USAGE, b"odd")],
        [extension("551d20", b""), extension("551d7f", b"", TRUE)],
    ):
        assert told(*whole) == ()
        assert is_ordinary(certificate(*whole))


NAMES_READ = [
    ([(0x82, b"smgw.local")], ("smgw.local",)),
    ([(0x82, b"b"), (0x87, bytes(4)), (0x82, b"a"), (0x87, bytes(16)), (0x82, b"b")], ("b", "a", "b")),
    ([(0x82, b"*.local"), (0x82, b"")], ("*.local", "")),
    ([(0x82, b"\0 \x7f")], ("\0 \x7f",)),
    ([(0x87, bytes(4))], ()),
]


@pytest.mark.parametrize(("names", "expected"), NAMES_READ)
def test_names_are_read_in_their_order(names: list[tuple[int, bytes]], expected: tuple[str, ...]) -> None:
    whole = extension(NAMES, general_names(*names))
    assert told(whole) == expected
    assert is_ordinary(certificate(whole))


@pytest.mark.parametrize(
    "names",
    [
        [],
        [(0x82, b"smgw.local"), (0x81, b"a@b")],
        [(0x82, b"smgw.local"), (0x86, b"https://smgw/")],
        [(0x82, "zähler.local".encode())],
        [(0x82, b"\xff")],
        [(0x87, b"")],
        [(0x87, bytes(5))],
        [(0x87, bytes(8))],
        [(0xA2, b"smgw.local")],
        [(0x16, b"smgw.local")],
    ],
)
def test_odd_names_are_left_to_cryptography(names: list[tuple[int, bytes]]) -> None:
    assert not is_ordinary(certificate(extension(NAMES, general_names(*names))))


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param([], id="none"),
        pytest.param([SMGW, SMGW], id="twice"),
        pytest.param([extension(KEY_USAGE, b""), extension(KEY_USAGE, b"")], id="another-twice"),
        pytest.param([extension("551d1181", b"")], id="half-an-identifier"),
        pytest.param([extension("2b06010505070101", b"")], id="another-kind"),
        pytest.param([extension("", b"")], id="no-identifier"),
        pytest.param([extension(KEY_USAGE, b"", element(BOOLEAN, b"\0"))], id="a-default-written-out"),
        pytest.param([extension(KEY_USAGE, b"", element(BOOLEAN, b"\x01"))], id="a-truth-of-another-form"),
        pytest.param([extension(KEY_USAGE, b"", TRUE + TRUE)], id="two-truths"),
        pytest.param([extension(KEY_USAGE, b"", element(4, b"\xff"))], id="no-truth"),
        pytest.param([element(SEQUENCE, element(OCTET_STRING, b""))], id="a-value-alone"),
        pytest.param([element(SEQUENCE, b"")], id="empty"),
        pytest.param([element(0x31, elements(SMGW)[0].contents)], id="no-sequence"),
        pytest.param([element(SEQUENCE, element(4, b"\x55\x1d\x0f") * 2)], id="no-object-identifier"),
        pytest.param([element(SEQUENCE, element(6, b"\x55\x1d\x0f") * 2)], id="no-octets"),
        pytest.param([SMGW, extension("551d20", b"")], id="one-that-is-not-read"),
    ],
)
def test_odd_extensions_are_left_to_cryptography(whole: list[bytes]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # some texts are Python's own
        told(*whole)
    assert not is_ordinary(certificate(*whole))


def test_names_beside_an_extension_that_is_not_read_are_told_all_the_same() -> None:
    another = extension("551d09", element(SEQUENCE, b""))
    assert library.describe(certificate(SMGW, another)).dns_names == ("smgw.local",)


values = st.binary(max_size=24) | st.sampled_from([value for values in READABLE.values() for value in values])
general = st.lists(
    st.tuples(st.sampled_from([0x82, 0x82, 0x82, 0x87, 0x86]), st.binary(max_size=4) | st.just(b"smgw.local")),
    max_size=3,
).map(lambda names: (NAMES, general_names(*names)))


@settings(deadline=None, max_examples=400)
@given(st.lists(st.tuples(st.sampled_from(KNOWN), values) | general, max_size=4), st.sampled_from([b"", TRUE]))
def test_any_extensions_are_read_as_cryptography_reads_them(
    whole: list[tuple[str, bytes]], between: bytes
) -> None:
    is_ordinary(certificate(*(extension(kind, value, between) for kind, value in whole)))

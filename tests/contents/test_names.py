"""Names of subjects and issuers are written as `cryptography` writes them (RFC 4514)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.contents import library, names
from smgwproxy.der import OBJECT_IDENTIFIER, PRINTABLE_STRING, SEQUENCE, SET, UTF8_STRING, element, elements
from tests.contents.building import ISSUER, SUBJECT, is_ordinary, with_field

PLAIN = "550403", "550405", "550406", "550407", "550408", "550409", "55040a", "55040b"
OTHER = (
    "550404",
    "55040c",
    "55042d",
    "2a864886f70d010901",
    "0992268993f22c640119",
    "0992268993f22c640101",
    "5504",
    "",
)
STRINGS = UTF8_STRING, PRINTABLE_STRING
OTHER_STRINGS = 0x03, 0x04, 0x12, 0x14, 0x16, 0x1A, 0x1C, 0x1E

Attribute = tuple[str, int, bytes]

texts = st.text("\\\"+,;<>#= \0aZ09äß€𝄞'/", max_size=8) | st.text(max_size=70)
values = texts.map(str.encode) | st.binary(max_size=6)
attributes = st.tuples(st.sampled_from(PLAIN), st.sampled_from(STRINGS), texts.map(str.encode)) | st.tuples(
    st.sampled_from(PLAIN + OTHER), st.sampled_from(STRINGS + OTHER_STRINGS), values
)


def one(kind: str, tag: int, value: bytes) -> bytes:
    return element(SEQUENCE, element(OBJECT_IDENTIFIER, bytes.fromhex(kind)) + element(tag, value))


def name(*parts: list[Attribute]) -> bytes:
    """Return a Name; attributes in one list are one part of it."""
    return element(
        SEQUENCE, b"".join(element(SET, b"".join(sorted(one(*attribute) for attribute in part))) for part in parts)
    )


def common_name(text: str | bytes, tag: int = UTF8_STRING) -> bytes:
    return name([("550403", tag, text.encode() if isinstance(text, str) else text)])


def written(der: bytes) -> str:
    (whole,) = elements(der)
    return names.written(whole)


@settings(deadline=None, max_examples=400)
@given(st.lists(st.lists(attributes, min_size=1, max_size=1) | st.lists(attributes, max_size=3), max_size=4))
def test_any_name_is_written_as_cryptography_writes_it(parts: list[list[Attribute]]) -> None:
    is_ordinary(with_field(SUBJECT, name(*parts)))
    is_ordinary(with_field(ISSUER, name(*parts)))


@settings(deadline=None)
@given(st.text('\\"+,;<>=ab äß€𝄞', min_size=1).filter(lambda text: text == text.strip()))
def test_name_with_all_that_is_escaped_needs_no_cryptography(text: str) -> None:
    assert is_ordinary(with_field(SUBJECT, common_name(text)))


def test_parts_are_written_from_the_last_to_the_first() -> None:
    parts = [[(kind, UTF8_STRING, b"xy")] for kind in PLAIN]
    assert written(name(*parts)) == "OU=xy,O=xy,STREET=xy,ST=xy,L=xy,C=xy,2.5.4.5=xy,CN=xy"
    assert is_ordinary(with_field(SUBJECT, name(*parts)))


def test_same_attribute_may_come_twice() -> None:
    twice = name([("55040b", UTF8_STRING, b"a")], [("55040b", PRINTABLE_STRING, b"b")])
    assert written(twice) == "OU=b,OU=a"
    assert is_ordinary(with_field(SUBJECT, twice))


def test_name_without_parts_is_empty() -> None:
    assert written(name()) == ""
    assert is_ordinary(with_field(SUBJECT, name()))


def test_characters_that_mean_something_are_escaped() -> None:
    assert written(common_name('a,b+c"d\\e<f>g;h=i#j k')) == 'CN=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h=i#j k'


@pytest.mark.parametrize("character", range(256))
def test_printable_string_has_the_characters_that_it_may_have(character: int) -> None:
    octets = b"a" + bytes([character]) + b"a"
    allowed = chr(character) in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"
    assert is_ordinary(with_field(SUBJECT, common_name(octets, PRINTABLE_STRING))) == allowed


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(common_name(""), id="empty"),
        pytest.param(common_name(" a"), id="a-blank-before"),
        pytest.param(common_name("a "), id="a-blank-behind"),
        pytest.param(common_name(" "), id="a-blank"),
        pytest.param(common_name("#a"), id="a-hash-before"),
        pytest.param(common_name("a\0b"), id="nul"),
        pytest.param(common_name(b"\xff"), id="no-utf-8"),
        pytest.param(common_name(b"\xed\xa0\x80"), id="half-a-surrogate-pair"),
        pytest.param(common_name(b"\xc0\x80"), id="utf-8-that-is-too-long"),
        *(pytest.param(common_name(b"abcd", tag), id=f"string-{tag}") for tag in OTHER_STRINGS),
        *(pytest.param(name([(kind, UTF8_STRING, b"a")]), id=f"type-{kind}") for kind in OTHER),
        pytest.param(name([]), id="a-part-without-an-attribute"),
        pytest.param(name([("550403", UTF8_STRING, b"a"), ("55040a", UTF8_STRING, b"b")]), id="two-in-a-part"),
        pytest.param(element(SEQUENCE, element(SEQUENCE, one("550403", UTF8_STRING, b"a"))), id="no-set"),
        pytest.param(element(SEQUENCE, element(SET, element(SET, b""))), id="no-attribute"),
        pytest.param(element(SEQUENCE, element(SET, element(SEQUENCE, b""))), id="an-empty-attribute"),
        pytest.param(
            element(SEQUENCE, element(SET, element(SEQUENCE, element(4, bytes.fromhex("550403")) * 2))),
            id="no-type",
        ),
    ],
)
def test_odd_names_are_left_to_cryptography(der: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # some texts are Python's own
        written(der)
    for place in (SUBJECT, ISSUER):
        assert not is_ordinary(with_field(place, der))


def test_name_of_two_attributes_in_a_part_is_told_all_the_same() -> None:
    both = name([("550403", UTF8_STRING, b"a"), ("55040a", UTF8_STRING, b"b")])
    assert library.describe(with_field(SUBJECT, both)).subject == "CN=a+O=b"

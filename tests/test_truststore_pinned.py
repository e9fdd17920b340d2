"""The store of constants: what is accepted at start, what is refused, and that nothing changes it."""

from __future__ import annotations

import pytest

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.errors import ConfigError
from smgwproxy.origin import Origin
from smgwproxy.truststores import EditableTrustStore, TrustStore, open_truststore
from smgwproxy.truststores.pinned import PinnedTrustStore, open_store

FIRST, SECOND, THIRD = (str(Fingerprint.of(octets)) for octets in (b"1", b"2", b"3"))
ORIGIN = Origin("10.11.120.2")


def pinned(argument: str) -> list[str]:
    return [str(pin.fingerprint) for pin in open_store(argument).lookup(ORIGIN)]


def fault(argument: str) -> str:
    with pytest.raises(ConfigError) as caught:
        open_store(argument)
    text = str(caught.value)
    assert text.startswith("pinned: ")
    assert len(text.splitlines()) == 1
    return text


def test_it_is_installed_by_its_name_and_nobody_can_edit_it() -> None:
    store = open_truststore(f"pinned:sha256:{FIRST},{SECOND}")
    assert isinstance(store, PinnedTrustStore)
    assert isinstance(store, TrustStore)
    assert not isinstance(store, EditableTrustStore)


def test_the_first_is_the_current_pin_and_the_others_are_backups() -> None:
    assert pinned(FIRST) == [FIRST]
    assert pinned(f"{SECOND},{FIRST},{THIRD}") == [SECOND, FIRST, THIRD]


@pytest.mark.parametrize(
    "text",
    [
        FIRST.upper(),
        ":".join(FIRST[start : start + 2] for start in range(0, 64, 2)).upper(),
        " ".join(FIRST[start : start + 4] for start in range(0, 64, 4)),
        f"sha256:{FIRST}",
        f"SHA256 Fingerprint={FIRST}",
        f" {FIRST}\n",
    ],
    ids=["capitals", "colons", "groups", "labelled", "openssl", "blanks-around"],
)
def test_a_fingerprint_is_taken_as_people_paste_it(text: str) -> None:
    assert pinned(text) == [FIRST]
    assert pinned(f"{SECOND}, {text} ,{THIRD}") == [SECOND, FIRST, THIRD]


@pytest.mark.parametrize("target", ["10.11.120.2", "10.11.120.2:8443", "smgw.local", "[fe80::1%eth0]:8443"])
def test_every_gateway_has_the_same_pins(target: str) -> None:
    store = open_store(f"{FIRST},{SECOND}")
    assert store.lookup(Origin.parse(target)) == store.lookup(ORIGIN) != ()


def test_a_first_use_gets_the_pins_and_changes_nothing() -> None:
    store = open_store(FIRST)
    assert [str(pin.fingerprint) for pin in store.pin(ORIGIN, Certificate(b"another"))] == [FIRST]
    assert store.pin(ORIGIN, Certificate(b"1")) == store.lookup(ORIGIN)
    assert [str(pin.fingerprint) for pin in store.lookup(ORIGIN)] == [FIRST]


def test_a_pin_tells_where_it_is_from() -> None:
    (pin,) = open_store(FIRST).lookup(ORIGIN)
    assert pin.record == "the option truststore (pinned:)"
    assert pin.certificate is None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("", "'' is no SHA-256 fingerprint: it is empty; give 64 hex digits"),
        (" ", "' ' is no SHA-256 fingerprint: it is empty"),
        ("sha256:", "'sha256:' is no SHA-256 fingerprint: it is empty"),
        ("abcd", "'abcd' is no SHA-256 fingerprint: it has 4 hex digits; give 64"),
        (FIRST + "0", "it has 65 hex digits; give 64"),
        ("a" * 32, "as long as one of MD5"),
        ("a" * 40, "as long as one of SHA-1"),
        ("sha1:" + "a" * 40, "holds more than hex digits"),
        ("g" * 64, "holds more than hex digits"),
        ("two\nlines", r"'two\nlines'"),
        (f"{FIRST};{SECOND}", "holds more than hex digits"),
    ],
)
def test_anything_else_is_refused_and_quoted(wrong: str, told: str) -> None:
    for argument in (wrong, f"{SECOND},{wrong}", f"{wrong},{SECOND}", f"{SECOND},{wrong},{THIRD}"):
        assert told in fault(argument)


def test_a_fingerprint_that_is_there_twice_is_refused_since_it_backs_up_nothing() -> None:
    assert repr(f"sha256:{FIRST.upper()}") in fault(f"{FIRST},{SECOND},sha256:{FIRST.upper()}")
    assert "twice" in fault(f"{FIRST},{FIRST}")

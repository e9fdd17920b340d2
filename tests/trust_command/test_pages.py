"""What people and programs read of trust, and what a record says of a certificate."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.commands.text import (
    block,
    day,
    described,
    facts,
    grouped,
    known_facts,
    name,
    paragraph,
    printable,
    side_by_side,
    time,
    wrapped,
)
from smgwproxy.commands.trust import documents, pages
from smgwproxy.truststores import rules
from smgwproxy.truststores.record import Event, Happening, Pending, Pin, Record, Revocation
from tests.support import Identity
from tests.trust_command.support import GIVEN, NOW, ORIGIN, pinned, refused

UNREADABLE = Certificate(b"\x30\x03\x02\x01\x05")


# --- small things ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("CN=Zähler 電", "CN=Zähler 電"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\u202eevil", r"\u202eevil"),
        ("\u200b\xa0", r"\u200b\xa0"),
        ("x" * 300, "x" * 237 + "..."),
    ],
)
def test_names_cannot_reach_the_terminal_with_more_than_letters(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_fingerprint_has_four_lines_of_four_groups() -> None:
    lines = grouped(Fingerprint("0123456789abcdef" * 4)).splitlines()
    assert lines == ["0123 4567 89ab cdef"] * 4


def test_days_are_in_utc_and_times_tell_their_zone() -> None:
    late = datetime(2026, 1, 1, 0, 30, tzinfo=UTC).astimezone()
    assert day(late) == "2026-01-01"
    assert day(None) == "not known"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+", time(late))


def test_lines_are_broken_at_blanks() -> None:
    assert wrapped("one two", 4) == ["one", "two"]
    assert wrapped("two-three", 5) == ["two-three"]
    assert wrapped("a\n\nb", 9) == ["a", "", "b"]


def test_long_words_stay_whole_to_be_copied_except_in_columns() -> None:
    path = "/var/lib/smgwproxy/state/https.pem"
    assert wrapped(f"in {path} now", 10) == ["in", path, "now"]
    assert wrapped("x" * 25, 10, break_words=True) == ["x" * 10, "x" * 10, "x" * 5]


def test_paragraphs_are_no_wider_than_is_good_to_read() -> None:
    lines = paragraph("word " * 100, 300)
    assert max(map(len, lines)) <= 96


def test_values_stand_in_a_column_of_their_own() -> None:
    assert block([("One", "a b"), ("Two", "c")], 9, 6) == ["  One   a", "        b", "  Two   c"]


def test_two_blocks_stand_side_by_side_only_where_there_is_room() -> None:
    left, right = [("One", "a\nb"), ("Old", "o")], [("One", "c"), ("New", "n")]
    assert side_by_side(left, right, 78) is None
    wide = side_by_side(left, right, 79)
    assert wide == [
        f"  {'One':13}{'a':31}  c",
        f"  {'':13}b",
        f"  {'Old':13}o",
        f"  {'New':13}{'':31}  n",
    ]
    very_wide = side_by_side(left, right, 400)
    assert very_wide is not None
    assert very_wide[0] == f"  {'One':13}{'a':50}  c"


# --- one certificate ------------------------------------------------------------------------------------


def test_all_of_a_certificate_is_told(identity: Identity) -> None:
    rows = dict(facts(identity.certificate, NOW, "the same key"))
    told = identity.certificate.description
    assert rows == {
        "Subject": "CN=SMGW",
        "Issuer": "CN=SMGW",
        "Valid from": day(told.not_before),
        "Valid until": day(told.not_after),
        "Key": "EC secp256r1, the same key",
        "Fingerprint": grouped(identity.certificate.fingerprint),
    }


def test_what_cannot_be_read_of_a_certificate_is_said_to_be_unknown() -> None:
    rows = dict(facts(UNREADABLE, NOW))
    assert [rows[key] for key in ("Subject", "Issuer", "Valid from", "Valid until", "Key")] == ["not known"] * 5
    assert list(dict(known_facts(UNREADABLE, NOW))) == ["Subject", "Fingerprint"]
    assert name(UNREADABLE) == "subject not known"


def test_of_a_record_of_the_original_its_own_words_are_told() -> None:
    pin = Pin(GIVEN, subject="CN=\x07SMGW", not_after="2027-11-21 05:06:42 +0000 UTC")
    rows = dict(known_facts(pin, NOW))
    assert rows == {"Subject": r"CN=\x07SMGW", "Valid until": "2027-11-21", "Fingerprint": grouped(GIVEN)}
    assert described(replace(pin, not_after="soon")).not_after is None


def test_a_certificate_that_has_ended_is_said_to_have(identity: Identity) -> None:
    end = identity.certificate.description.not_after
    assert end is not None
    assert dict(facts(identity.certificate, end))["Valid until"].endswith(", ended")
    pin = Pin.of(identity.certificate)
    assert dict(facts(pin, end))["Warning"].startswith("It ended on ")
    assert dict(facts(pin, end - timedelta(days=59)))["Warning"].startswith("It ends on ")
    assert "Warning" not in dict(facts(pin, end - timedelta(days=61)))


def test_each_kind_tells_its_own_times(identity: Identity) -> None:
    one = identity.certificate
    assert dict(facts(Pin.of(one, NOW), NOW))["Pinned"] == time(NOW)
    assert "Pinned" not in dict(facts(Pin.of(one), NOW))
    assert dict(facts(Pending(one, NOW, NOW, 3), NOW))["Refused"] == "3 times"
    assert dict(facts(Revocation(GIVEN, NOW), NOW))["Revoked"] == time(NOW)


# --- pages ----------------------------------------------------------------------------------------------


def full(identity: Identity, impostor: Identity) -> Record:
    record = refused(pinned(identity.certificate), impostor.certificate)
    return rules.revoke(rules.add(record, Pin(GIVEN), NOW), Fingerprint("b" * 64), NOW)


@pytest.mark.parametrize("width", [80, 120])
def test_no_page_is_wider_than_the_terminal(identity: Identity, impostor: Identity, width: int) -> None:
    record = full(identity, impostor)
    shown = [
        pages.summary(record, NOW, width),
        pages.unreadable(ORIGIN, ValueError("word " * 50), width),
        pages.whole(record, NOW, width),
        pages.whole(rules.revoke(Record(ORIGIN), GIVEN, NOW), NOW, width),
        pages.proposal(record, record.pending[0], NOW, width),
        pages.choices(record, width),
        pages.pinned(record, record.pins[0], NOW, width),
        pages.history(record, width),
        pages.scanned(record, impostor.certificate, NOW, width),
        pages.imported(record, [Pin(GIVEN)], NOW, width, changed=True),
    ]
    for lines in shown:
        for line in lines:
            assert len(line) <= width, line
            assert line == line.rstrip()


def test_list_tells_what_matters_at_a_glance(identity: Identity, impostor: Identity) -> None:
    end = day(identity.certificate.description.not_after)
    assert pages.summary(full(identity, impostor), NOW, 80) == [
        "10.11.120.2",
        f"  pinned   CN=SMGW, valid until {end}",
        f"           {identity.certificate.fingerprint}",
        "  backup   subject not known",
        f"           {GIVEN}",
        "  pending  1 certificate waits for your decision:",
        "           smgwproxy trust approve --target 10.11.120.2",
        "  revoked  1 certificate",
    ]


def test_list_warns_of_a_certificate_that_ends(identity: Identity) -> None:
    end = identity.certificate.description.not_after
    assert end is not None
    lines = pages.summary(pinned(identity.certificate), end - timedelta(days=9), 120)
    assert lines[3] == f"  warning  It ends on {day(end)}, in 9 days; the operator should renew it."


def test_a_gateway_without_a_pin_says_what_becomes_of_the_next_certificate(identity: Identity) -> None:
    forgotten = rules.forget(pinned(identity.certificate), NOW)
    assert "next certificate that the gateway presents is pinned" in " ".join(pages.summary(forgotten, NOW, 200))
    revoked = rules.revoke(pinned(identity.certificate), identity.certificate.fingerprint, NOW)
    told = " ".join(pages.whole(revoked, NOW, 200))
    assert "last pin was revoked" in told
    assert "smgwproxy trust remove --target 10.11.120.2" in told


def test_show_tells_where_the_pins_are_kept(identity: Identity) -> None:
    record = Record(ORIGIN, (Pin.of(identity.certificate, NOW, "/etc/certs/a\x1b.json"),))
    assert pages.whole(record, NOW, 80)[1] == r"Kept in /etc/certs/a\x1b.json"


def test_show_tells_the_key_of_what_is_pending(renewed: tuple[Identity, Identity], identity: Identity) -> None:
    old, new = (one.certificate for one in renewed)
    assert "EC secp256r1, the same key as the pinned one" in " ".join(
        pages.whole(refused(pinned(old), new), NOW, 80)
    )
    told = pages.whole(refused(rules.revoke(pinned(old), old.fingerprint, NOW), new), NOW, 80)
    assert "EC secp256r1, the key of a revoked certificate" in " ".join(told)
    told = pages.whole(refused(pinned(old), identity.certificate), NOW, 80)
    assert sum(line.endswith("EC secp256r1") for line in told) == 2


def verdict(record: Record, certificate: Certificate) -> str:
    return " ".join(pages.scanned(record, certificate, NOW, 80)[10:])


def test_scan_says_what_the_record_makes_of_the_certificate(
    identity: Identity, impostor: Identity, renewed: tuple[Identity, Identity]
) -> None:
    one, other = identity.certificate, impostor.certificate
    old, new = (one.certificate for one in renewed)
    assert "It is the pinned certificate." in verdict(pinned(one), one)
    assert "It is a backup pin" in verdict(rules.add(pinned(one), Pin.of(other), NOW), other)
    assert "It is pending" in verdict(refused(pinned(one), other), other)
    assert "smgwproxy trust approve" in verdict(refused(pinned(one), other), other)
    assert "It is revoked" in verdict(rules.revoke(pinned(one), other.fingerprint, NOW), other)
    assert "It is not pinned, so it is refused. Ask" in verdict(pinned(one), other)
    assert "It has the same key as the pinned one" in verdict(pinned(old), new)
    assert "Nothing is pinned yet" in verdict(Record(ORIGIN), one)
    revoked = rules.revoke(pinned(old), old.fingerprint, NOW)
    assert "not pinned by itself. If it is right:" in verdict(revoked, one)
    assert f"--fingerprint {one.fingerprint}" in verdict(revoked, one)
    assert "Be careful: its key is that of a revoked certificate." in verdict(revoked, new)
    assert "Be careful" in verdict(rules.forget(revoked, NOW), new)


def test_approve_shows_both_side_by_side_where_there_is_room(identity: Identity, impostor: Identity) -> None:
    record = refused(pinned(identity.certificate), impostor.certificate)
    wide = pages.proposal(record, record.pending[0], NOW, 80)
    assert f"  {'':13}{'PINNED NOW':31}  NEW" in wide
    for one, other in zip(
        grouped(identity.certificate.fingerprint).splitlines(),
        grouped(impostor.certificate.fingerprint).splitlines(),
        strict=True,
    ):
        assert any(line.endswith(f"{one:31}  {other}") for line in wide)
    narrow = pages.proposal(record, record.pending[0], NOW, 60)
    assert narrow.index("Pinned now:") < narrow.index("New:")


def test_approve_says_what_to_mind(
    identity: Identity, impostor: Identity, renewed: tuple[Identity, Identity]
) -> None:
    def told(record: Record) -> str:
        return " ".join(pages.proposal(record, record.pending[0], NOW, 200))

    old, new = (one.certificate for one in renewed)
    same = told(refused(pinned(old), new))
    assert "EC secp256r1, the same key" in same
    assert "The new certificate has the same key as the pinned one" in same
    another = told(refused(rules.add(pinned(identity.certificate), Pin(GIVEN), NOW), impostor.certificate))
    assert "has another key than the pinned one. Compare its fingerprint" in another
    assert "1 backup pin stays." in another
    revoked = told(refused(rules.revoke(pinned(old), old.fingerprint, NOW), new))
    assert "Nothing is pinned now. The new certificate:" in revoked
    assert "Be careful: the new certificate has the key of a revoked one." in revoked
    unknown = told(refused(Record(ORIGIN, (Pin(GIVEN),)), new))
    assert "another key" not in unknown
    assert "the same key" not in unknown


def test_several_pending_certificates_are_listed_with_their_fingerprints(
    identity: Identity, impostor: Identity, renewed: tuple[Identity, Identity]
) -> None:
    record = refused(refused(pinned(identity.certificate), impostor.certificate), renewed[0].certificate)
    lines = pages.choices(record, 80)
    assert lines[0].startswith("2 certificates are pending")
    assert lines[2].strip() == str(impostor.certificate.fingerprint)
    assert lines[3].startswith("  2.  CN=old, last seen ")


def test_history_tells_every_happening_in_words(identity: Identity) -> None:
    events = tuple(Event(NOW, happening, GIVEN, "CN=\x1b") for happening in Happening)
    lines = pages.history(Record(ORIGIN, history=(*events, Event(NOW, Happening.REVOKED, GIVEN))), 80)
    assert lines[:4] == [
        "Gateway 10.11.120.2",
        f"  {time(NOW)}  pinned on first use",
        r"    CN=\x1b",
        f"    {GIVEN}",
    ]
    assert len(lines) == 1 + 3 * len(events) + 2
    assert pages.history(Record(ORIGIN), 80) == ["Nothing has happened yet at the gateway 10.11.120.2."]


def test_import_tells_what_it_left_out(identity: Identity) -> None:
    lines = pages.imported(pinned(identity.certificate), [Pin(GIVEN)], NOW, 80, changed=False)
    assert lines[0] == "10.11.120.2: nothing new"
    assert lines[-2:] == ["  left out revoked here", f"           {GIVEN}"]


# --- documents ------------------------------------------------------------------------------------------


def test_documents_can_be_written_as_json_and_hold_nothing_but_what_is_documented(
    identity: Identity, impostor: Identity
) -> None:
    record = full(identity, impostor)
    told = [
        documents.listed(record, NOW),
        documents.unreadable(ORIGIN, ValueError("x")),
        documents.edited(record, NOW, changed=True),
        documents.scanned(record, impostor.certificate),
        documents.history([record], ["x"]),
    ]
    keys = set(re.findall(r'"(\w+)":', json.dumps(told)))
    documented = set(re.findall(r"``(\w+)``", documents.__doc__ or ""))
    assert keys <= documented
    for name_ in ("pins", "pending", "revoked", "events"):
        assert name_ in keys


def test_a_certificate_is_told_in_full() -> None:
    pin = Pin(GIVEN, pinned_at=NOW, subject="CN=\x1b", not_after="2026-12-01 05:06:42 +0100 CET", record="here")
    (told,) = documents.record(Record(ORIGIN, (pin,)), NOW)["pins"]
    assert told == {
        "fingerprint": "a" * 64,
        "subject": "CN=\x1b",
        "issuer": "",
        "not_before": None,
        "not_after": "2026-12-01T04:06:42+00:00",
        "dns_names": [],
        "key": "",
        "certificate": None,
        "pinned_at": "2026-11-21T08:00:00+00:00",
        "kept_in": "here",
        "warning": "ends on 2026-12-01, in 9 days; the operator should renew it",
    }


def test_scan_tells_its_verdict_to_programs(renewed: tuple[Identity, Identity], tmp_path: Path) -> None:
    old, new = (one.certificate for one in renewed)
    told = documents.scanned(pinned(old), new)
    assert (told["standing"], told["same_key"], told["revoked_key"]) == ("unknown", True, False)
    assert Certificate.from_pem(told["presented"]["certificate"]) == new

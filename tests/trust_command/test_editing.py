"""``smgwproxy trust approve``, ``add``, ``remove`` and ``revoke``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from smgwproxy.commands.console import Console
from smgwproxy.commands.trust import files
from smgwproxy.truststores import rules
from smgwproxy.truststores.base import utc_now
from smgwproxy.truststores.record import Happening, Pin
from tests.support import Identity, make_identity
from tests.trust_command.support import GIVEN, ORIGIN, Trust, given_on_stdin

# --- approve --------------------------------------------------------------------------------------------


def test_approve_by_fingerprint_asks_nobody(trust: Trust, identity: Identity, impostor: Identity) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(impostor.certificate)
    told = ":".join(re.findall("..", str(impostor.certificate.fingerprint).upper()))
    ended = trust("approve", "--fingerprint", f"sha256 Fingerprint={told}")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.index("PINNED NOW") < ended.out.index("Approved.")
    assert trust.pins() == [impostor.certificate.fingerprint]
    assert trust.happened() == [Happening.PINNED, Happening.REFUSED, Happening.REPLACED, Happening.APPROVED]


def test_approve_answers_programs_with_the_record(trust: Trust, identity: Identity, impostor: Identity) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(impostor.certificate)
    told = trust("approve", "--json", "--fingerprint", str(impostor.certificate.fingerprint)).document
    assert told["changed"] is True
    assert told["pins"][0]["fingerprint"] == str(impostor.certificate.fingerprint)


@pytest.mark.parametrize("answer", ["y\n", "Y\n", " yes \n", "y"])
def test_yes_approves_what_was_shown(
    trust: Trust, identity: Identity, impostor: Identity, terminal: Callable[[str], None], answer: str
) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(impostor.certificate)
    terminal(answer)
    ended = trust("approve")
    assert ended.code == 0
    assert "Approve the new certificate? [y/N] " in ended.err
    assert "PINNED NOW" in ended.err
    assert trust.pins() == [impostor.certificate.fingerprint]


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yess\n", "j\n", "\x00\n"])
def test_anything_else_is_no_and_changes_nothing(
    trust: Trust, identity: Identity, impostor: Identity, terminal: Callable[[str], None], answer: str
) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(impostor.certificate)
    before = trust.store.record(ORIGIN)
    terminal(answer)
    ended = trust("approve", "--json")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.endswith("\nNothing was changed.\n") or answer
    assert trust.store.record(ORIGIN) == before


def test_what_changes_while_the_question_stands_is_not_lost(
    trust: Trust,
    identity: Identity,
    impostor: Identity,
    renewed: tuple[Identity, Identity],
    terminal: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(impostor.certificate)
    terminal("")

    def meanwhile(_: Console, __: str) -> bool:
        trust.refused(renewed[0].certificate)
        trust.store.change(ORIGIN, partial(rules.add, pin=Pin(GIVEN), now=utc_now()))
        return True

    monkeypatch.setattr(Console, "confirm", meanwhile)
    assert trust("approve").code == 0
    record = trust.store.record(ORIGIN)
    assert trust.pins() == [impostor.certificate.fingerprint, GIVEN]
    assert [one.certificate for one in record.pending] == [renewed[0].certificate]


def test_a_certificate_that_is_not_pending_any_more_is_not_approved(
    trust: Trust,
    identity: Identity,
    impostor: Identity,
    terminal: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(impostor.certificate)
    terminal("")

    def meanwhile(_: Console, __: str) -> bool:
        shown = impostor.certificate.fingerprint
        trust.store.change(ORIGIN, partial(rules.revoke, fingerprint=shown, now=utc_now()))
        return True

    monkeypatch.setattr(Console, "confirm", meanwhile)
    ended = trust("approve")
    assert ended.code == 1
    assert ended.err.splitlines()[-1].startswith("smgwproxy: error: No certificate with SHA-256 ")
    assert trust.pins() == [identity.certificate.fingerprint]


def test_of_several_pending_certificates_one_must_be_named(
    trust: Trust,
    identity: Identity,
    impostor: Identity,
    renewed: tuple[Identity, Identity],
    terminal: Callable[[str], None],
) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(impostor.certificate)
    trust.refused(renewed[0].certificate)
    terminal("y\n")
    ended = trust("approve")
    assert ended.code == 2
    *listed, fault = ended.err.splitlines()
    assert str(impostor.certificate.fingerprint) in " ".join(listed)
    assert str(renewed[0].certificate.fingerprint) in " ".join(listed)
    assert fault.startswith("smgwproxy: error: --fingerprint: several certificates are pending")
    assert trust.pins() == [identity.certificate.fingerprint]


def test_approve_without_anything_pending_says_what_to_do(trust: Trust, identity: Identity) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    ended = trust("approve", "--fingerprint", str(GIVEN))
    assert ended.code == 1
    assert "No certificate is pending for 10.11.120.2" in ended.fault
    assert "smgwproxy trust scan --target 10.11.120.2" in ended.fault


def test_approve_of_what_is_not_pending_is_told(trust: Trust, identity: Identity, impostor: Identity) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(impostor.certificate)
    ended = trust("approve", "--fingerprint", str(GIVEN))
    assert ended.code == 1
    assert f"No certificate with SHA-256 {GIVEN} is pending" in ended.fault


def test_a_hostile_subject_cannot_move_the_cursor(trust: Trust, identity: Identity, tmp_path: Path) -> None:
    hostile = make_identity(tmp_path, "SMGW\x1b[2J\nFingerprint  \u202e")
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(hostile.certificate)
    shown = [trust(word).out for word in ("list", "show", "history")]
    shown.append(trust("approve", "--fingerprint", str(hostile.certificate.fingerprint)).out)
    shown += [trust(word).out for word in ("list", "show", "history")]
    for text in shown:
        assert all(line.isprintable() for line in text.splitlines())


# --- add ------------------------------------------------------------------------------------------------


def test_the_first_that_is_added_is_the_pin_and_the_next_a_backup(
    trust: Trust, identity: Identity, impostor: Identity
) -> None:
    ended = trust("add", str(identity.pem_file))
    assert ended.code == 0
    assert "it is the pinned certificate of the gateway 10.11.120.2 now" in ended.out
    ended = trust("add", "--fingerprint", str(impostor.certificate.fingerprint), "--json")
    assert [pin["certificate"] for pin in ended.document["pins"]] == [identity.certificate.pem, None]
    ended = trust("add", "--fingerprint", str(GIVEN))
    assert "it is a backup" in ended.out
    ended = trust("add", str(identity.pem_file))
    assert "It is pinned already" in ended.out
    assert trust.pins() == [identity.certificate.fingerprint, impostor.certificate.fingerprint, GIVEN]


def test_add_reads_stdin(trust: Trust, identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    given_on_stdin(monkeypatch, identity.certificate.pem.encode())
    assert trust("add", "-").code == 0
    assert trust.store.record(ORIGIN).pins[0].certificate == identity.certificate


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"nothing", "pin.pem holds no certificate"),
        (f"{'a' * 64}\n{'b' * 64}\n".encode(), "pin.pem holds 2 certificates: give one"),
        (None, "pin.pem cannot be read: No such file or directory."),
    ],
)
def test_a_file_that_holds_no_certificate_is_told(
    trust: Trust, tmp_path: Path, content: bytes | None, told: str
) -> None:
    if content is not None:
        (tmp_path / "pin.pem").write_bytes(content)
    ended = trust("add", "pin.pem")
    assert ended.code == 1
    assert told in ended.fault
    assert trust.pins() == []


def test_a_fingerprint_in_the_place_of_a_file_is_told_where_it_belongs(trust: Trust) -> None:
    assert "A fingerprint is given with --fingerprint." in trust("add", str(GIVEN)).fault


def test_a_name_that_is_none_is_told(trust: Trust) -> None:
    assert "cannot be read" in trust("add", "a\0b").fault


def test_a_revoked_certificate_is_not_added(trust: Trust) -> None:
    trust("revoke", "--fingerprint", str(GIVEN))
    ended = trust("add", "--fingerprint", str(GIVEN))
    assert ended.code == 1
    assert "is revoked for 10.11.120.2" in ended.fault


def test_a_file_that_never_ends_is_not_read_to_its_end(
    trust: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_MOST", 10)
    (tmp_path / "zero").write_bytes(bytes(11))
    assert "larger than 10 bytes" in trust("add", "zero").fault


# --- remove ---------------------------------------------------------------------------------------------


def test_remove_forgets_one_certificate(trust: Trust, identity: Identity, impostor: Identity) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(impostor.certificate)
    trust("add", "--fingerprint", str(GIVEN))
    for fingerprint, was in (
        (GIVEN, "it was a backup. 1 pin stays in force."),
        (impostor.certificate.fingerprint, "it was pending."),
        (identity.certificate.fingerprint, "it was the pinned certificate. Nothing is pinned now."),
    ):
        ended = trust("remove", "--fingerprint", str(fingerprint))
        assert ended.code == 0
        assert was in ended.out
    assert trust.pins() == []
    assert trust("remove", "--fingerprint", str(GIVEN)).code == 1


def test_remove_of_a_revoked_certificate_takes_the_revocation_back(trust: Trust) -> None:
    trust("revoke", "--fingerprint", str(GIVEN))
    assert "it is not revoked any more" in trust("remove", "--fingerprint", str(GIVEN)).out
    assert trust.store.record(ORIGIN).revoked == ()


def test_remove_of_everything_makes_the_next_certificate_a_first_use_and_keeps_what_is_revoked(
    trust: Trust, identity: Identity, impostor: Identity
) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(impostor.certificate)
    trust("revoke", "--fingerprint", str(GIVEN))
    ended = trust("remove", "--yes")
    assert ended.code == 0
    assert "2 certificates. Nothing is pinned now. The next certificate" in " ".join(ended.out.split())
    record = trust.store.record(ORIGIN)
    assert (record.pins, record.pending, record.first_use) == ((), (), True)
    assert record.revoked[0].fingerprint == GIVEN
    assert "There was nothing to remove" in trust("remove", "--yes").out


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_remove_of_everything_asks_first(
    trust: Trust, identity: Identity, terminal: Callable[[str], None], answer: str, code: int
) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    terminal(answer)
    ended = trust("remove")
    assert ended.code == code
    assert "Remove 1 pin, so that the next certificate" in ended.err
    assert str(identity.certificate.fingerprint) in ended.err
    assert (trust.pins() == []) is (code == 0)


def test_after_the_last_pin_was_revoked_remove_starts_anew(
    trust: Trust, identity: Identity, terminal: Callable[[str], None]
) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    ended = trust("revoke", "--yes")
    assert "Nothing is pinned now. The last pin was revoked" in " ".join(ended.out.split())
    assert not trust.store.record(ORIGIN).first_use
    terminal("y\n")
    assert "Start anew, so that" in trust("remove").err
    assert trust.store.record(ORIGIN).first_use


# --- revoke ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 1)])
def test_revoke_of_the_pinned_certificate_asks_first(
    trust: Trust, identity: Identity, terminal: Callable[[str], None], answer: str, code: int
) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust("add", "--fingerprint", str(GIVEN))
    terminal(answer)
    ended = trust("revoke")
    assert ended.code == code
    assert "Revoke it, so that it is never accepted again? [y/N] " in ended.err
    expected = [GIVEN] if code == 0 else [identity.certificate.fingerprint, GIVEN]
    assert trust.pins() == expected


def test_revoke_by_fingerprint_asks_nobody_and_is_done_once(trust: Trust) -> None:
    ended = trust("revoke", "--fingerprint", str(GIVEN), "--json")
    assert ended.document["changed"] is True
    ended = trust("revoke", "--fingerprint", str(GIVEN))
    assert ended.code == 0
    assert "It was revoked already" in ended.out


def test_revoke_without_a_pin_says_what_to_name(trust: Trust) -> None:
    ended = trust("revoke", "--yes")
    assert ended.code == 1
    assert "name it with --fingerprint" in ended.fault

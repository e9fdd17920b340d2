"""``smgwproxy trust list``, ``show``, ``scan`` and ``history``."""

from __future__ import annotations

import re
import threading
from functools import partial
from pathlib import Path

import pytest

from smgwproxy.truststores import rules
from smgwproxy.truststores.base import utc_now
from tests.support import OK, PATIENCE, Identity, Peer
from tests.trust_command.support import GIVEN, ORIGIN, OTHER, StartGateway, Trust

# --- list -----------------------------------------------------------------------------------------------


def test_list_shows_every_gateway_and_what_waits(trust: Trust, identity: Identity, impostor: Identity) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.store.pin(OTHER, impostor.certificate)
    trust.refused(impostor.certificate)
    ended = trust("list")
    assert (ended.code, ended.err) == (0, "")
    assert str(identity.certificate.fingerprint) in ended.out
    assert "1 certificate waits for your decision" in ended.out
    assert f"\n\n{ORIGIN}\n" in ended.out or ended.out.startswith(f"{ORIGIN}\n")
    only = trust("list", "--target", str(OTHER)).out
    assert str(ORIGIN) not in only.splitlines()
    told = trust("list", "--json").document
    assert {one["gateway"] for one in told["gateways"]} == {str(ORIGIN), str(OTHER)}


def test_the_target_of_the_proxy_does_not_hide_other_gateways_from_list(
    trust: Trust, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMGWPROXY_TARGET", str(ORIGIN))
    trust.store.pin(OTHER, identity.certificate)
    assert trust("list").out.startswith(f"{OTHER}\n")


def test_list_of_an_empty_store_says_so_and_where_it_looked(trust: Trust) -> None:
    ended = trust("list")
    assert ended.code == 0
    assert " ".join(ended.out.split()).startswith(f"The trust store {trust.spec} holds no gateway yet.")
    assert trust("list", "--json").document == {"gateways": [], "warnings": []}


def test_list_shows_the_others_when_a_record_cannot_be_read(file_trust: Trust, identity: Identity) -> None:
    file_trust.store.pin(OTHER, identity.certificate)
    record = Path(file_trust.spec.removeprefix("file:")) / "10.0.0.1.json"
    record.write_text("{\x1b")
    ended = file_trust("list")
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.startswith("10.0.0.1\n  error    The trust record")
    assert str(identity.certificate.fingerprint) in ended.out
    ended = file_trust("list", "--json")
    assert ended.code == 1
    assert "10.0.0.1.json cannot be read" in ended.fault
    assert [bool(one["error"]) for one in ended.document["gateways"]] == [True, False]


def test_list_warns_on_stderr_of_what_others_may_write_to(file_trust: Trust) -> None:
    Path(file_trust.spec.removeprefix("file:")).chmod(0o777)
    ended = file_trust("list")
    assert re.fullmatch(r"smgwproxy: warning: .*pins may be written by other users.*\n", ended.err)
    assert len(file_trust("list", "--json").document["warnings"]) == 1


# --- show -----------------------------------------------------------------------------------------------


def test_show_tells_all_of_one_gateway(trust: Trust, identity: Identity, impostor: Identity) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.refused(impostor.certificate)
    trust("revoke", "--fingerprint", str(GIVEN))
    ended = trust("show")
    assert ended.code == 0
    for fingerprint in (identity.certificate.fingerprint, impostor.certificate.fingerprint, GIVEN):
        for line in re.findall(r"\w{4} \w{4} \w{4} \w{4}", fingerprint.groups):
            assert line in ended.out
    told = trust("show", "--json").document
    assert told["pins"][0]["certificate"] == identity.certificate.pem
    assert told["pending"][0]["times"] == 1
    assert told["revoked"][0]["fingerprint"] == str(GIVEN)


def test_show_of_an_unknown_gateway_says_that_the_next_certificate_is_pinned(trust: Trust) -> None:
    assert "The next certificate that the gateway presents is pinned." in trust("show").out


# --- scan -----------------------------------------------------------------------------------------------


def test_scan_shows_what_is_presented_and_sends_and_changes_nothing(
    trust: Trust, raw_gateway: StartGateway, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    words = ("scan", "--target", str(gateway.origin))
    assert "Nothing is pinned yet" in trust(*words).out
    assert trust.store.origins() == []
    trust.store.pin(gateway.origin, identity.certificate)
    assert "It is the pinned certificate." in trust(*words).out
    told = trust(*words, "--json").document
    assert told["presented"]["fingerprint"] == str(identity.certificate.fingerprint)
    assert told["standing"] == "current"
    trust.store.change(gateway.origin, partial(rules.forget, now=utc_now()))
    trust.store.pin(gateway.origin, impostor.certificate)
    before = trust.store.record(gateway.origin)
    assert "It is not pinned, so it is refused." in trust(*words).out
    assert trust.store.record(gateway.origin) == before
    assert gateway.received == b""


def test_scan_of_a_dead_gateway_tells_the_fault_and_the_remedy(trust: Trust, raw_gateway: StartGateway) -> None:
    gateway = raw_gateway(OK)
    gateway.stop()
    ended = trust("scan", "--target", str(gateway.origin))
    assert ended.code == 1
    assert "refuses the connection. Check its address" in ended.fault


def test_scan_waits_no_longer_than_it_was_told(trust: Trust, raw_gateway: StartGateway) -> None:
    released = threading.Event()

    def silent(peer: Peer) -> None:
        released.wait(PATIENCE)

    gateway = raw_gateway(silent, None)
    ended = trust("scan", "--target", str(gateway.origin), "--connect-timeout", "0.2")
    released.set()
    assert ended.code == 1
    assert "0.2 s" in ended.fault


def test_scan_of_something_else_than_tls_says_so(trust: Trust, raw_gateway: StartGateway) -> None:
    gateway = raw_gateway(lambda peer: peer.send(b"220 mail.example ESMTP\r\n"), None)
    ended = trust("scan", "--target", str(gateway.origin))
    assert ended.code == 1
    assert "TLS handshake" in ended.fault


# --- history --------------------------------------------------------------------------------------------


def test_history_tells_what_happened(trust: Trust, identity: Identity, impostor: Identity) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    trust.store.pin(OTHER, impostor.certificate)
    trust.refused(impostor.certificate)
    ended = trust("history")
    assert (ended.code, str(OTHER) in ended.out) == (0, False)
    assert re.search(r"  pinned on first use\n    CN=SMGW\n    [0-9a-f]{64}\n", ended.out)
    assert f"Gateway {OTHER}" in trust("history", "--all").out
    told = trust("history", "--all", "--json").document
    assert {event["gateway"] for event in told["events"]} == {str(ORIGIN), str(OTHER)}
    assert told["errors"] == []


def test_history_of_nothing_says_so(trust: Trust) -> None:
    assert "Nothing has happened yet" in trust("history").out
    assert "holds no gateway yet" in " ".join(trust("history", "--all").out.split())


def test_history_shows_the_others_when_a_record_cannot_be_read(file_trust: Trust, identity: Identity) -> None:
    file_trust.store.pin(OTHER, identity.certificate)
    (Path(file_trust.spec.removeprefix("file:")) / f"{ORIGIN}.json").write_text("{")
    ended = file_trust("history", "--all")
    assert ended.code == 1
    assert "cannot be read" in ended.fault
    assert "pinned on first use" in ended.out
    ended = file_trust("history", "--json")
    assert ended.code == 1
    assert len(ended.document["errors"]) == 1
    assert file_trust("history").out == ""

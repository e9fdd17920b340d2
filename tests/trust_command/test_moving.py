"""``smgwproxy trust export`` and ``import``."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from smgwproxy.certificate import Fingerprint
from smgwproxy.errors import SmgwProxyError, TrustStoreError
from smgwproxy.origin import Origin
from smgwproxy.truststores import rules
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.record import Happening, Record
from tests.support import Identity
from tests.trust_command.support import GIVEN, ORIGIN, OTHER, STORES, Trust, given_on_stdin, open_editable

# --- export ---------------------------------------------------------------------------------------------


def without_places(record: Record) -> tuple[object, ...]:
    """A record, but for where a store keeps it."""
    pins = [(pin.fingerprint, pin.certificate, pin.pinned_at, pin.subject, pin.not_after) for pin in record.pins]
    return pins, record.pending, record.revoked, record.history, record.first_use


@pytest.mark.parametrize("kind", STORES)
def test_an_export_takes_everything_to_another_machine(filled: Trust, tmp_path: Path, kind: str) -> None:
    assert filled("export", "all.json").code == 0
    there = Trust(f"{kind}:{tmp_path / 'there'}", open_editable(f"{kind}:{tmp_path / 'there'}"), filled.capture)
    ended = there("import", "all.json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count(": taken over\n") == 2
    for origin in (ORIGIN, OTHER):
        assert without_places(there.store.record(origin)) == without_places(filled.store.record(origin))
    again = there("import", "all.json", "--json")
    assert [one["changed"] for one in again.document["gateways"]] == [False, False]


def test_an_export_goes_to_stdout_unless_a_file_is_named(filled: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    told = filled("export")
    assert (told.document["format"], told.document["version"]) == ("smgwproxy-trust", 1)
    assert set(told.document["gateways"]) == {str(ORIGIN), str(OTHER)}
    assert filled("export", "-").document["gateways"] == told.document["gateways"]
    given_on_stdin(monkeypatch, told.out.encode())
    assert filled("import", "-").out.count(": nothing new\n") == 2


def test_an_export_is_of_one_gateway_when_that_is_named_on_the_command_line(
    filled: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMGWPROXY_TARGET", str(OTHER))
    assert len(filled("export").document["gateways"]) == 2
    assert list(filled("export", "--target", str(OTHER)).document["gateways"]) == [str(OTHER)]


def test_an_export_is_for_this_user_only_and_overwrites_nothing_unless_told(filled: Trust, tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    previous = os.umask(0)
    try:
        told = filled("export", "all.json", "--json").document
    finally:
        os.umask(previous)
    assert told == {"file": "all.json", "gateways": told["gateways"]}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("mine")
    ended = filled("export", "all.json")
    assert ended.code == 1
    assert "all.json is there already: give --force" in ended.fault
    assert path.read_text() == "mine"
    assert filled("export", "all.json", "--force").code == 0
    assert json.loads(path.read_text())["format"] == "smgwproxy-trust"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".export-*"))


def test_an_export_that_cannot_be_written_leaves_nothing_behind(
    filled: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = set(tmp_path.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr("smgwproxy.commands.trust.files.os.fsync", full)
        ended = filled("export", "all.json")
    assert ended.code == 1
    assert "all.json cannot be written: No space left on device." in ended.fault
    assert set(tmp_path.iterdir()) == before
    (tmp_path / "kept.json").write_text("mine")
    with monkeypatch.context() as patch:
        patch.setattr("smgwproxy.commands.trust.files.os.fsync", full)
        assert filled("export", "kept.json", "--force").code == 1
    assert (tmp_path / "kept.json").read_text() == "mine"


def test_a_break_while_an_export_is_written_leaves_nothing_behind(
    filled: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("smgwproxy.commands.trust.files.os.fsync", interrupted)
    with suppress(SmgwProxyError):
        assert filled("export", "all.json").code == 130
    assert not (tmp_path / "all.json").exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing/all.json", "missing/all.json cannot be written: No such file or directory."),
        ("a\0b", "cannot be written"),
    ],
)
def test_an_export_to_nowhere_is_told(filled: Trust, name: str, told: str) -> None:
    ended = filled("export", name)
    assert ended.code == 1
    assert told in ended.fault
    assert filled("export", name, "--force").code == 1


def test_an_export_replaces_no_device_and_no_directory(filled: Trust, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ended = filled("export", "pipe", "--force")
    assert ended.code == 1
    assert "pipe is no file that can be overwritten" in ended.fault


def test_an_export_of_nothing_is_told(trust: Trust) -> None:
    ended = trust("export", "all.json")
    assert ended.code == 1
    assert "There is nothing to export" in ended.fault


def test_an_export_is_whole_or_not_at_all(file_trust: Trust, identity: Identity, tmp_path: Path) -> None:
    file_trust.store.pin(OTHER, identity.certificate)
    (Path(file_trust.spec.removeprefix("file:")) / f"{ORIGIN}.json").write_text("{")
    ended = file_trust("export", "all.json")
    assert ended.code == 1
    assert "cannot be read" in ended.fault
    assert not (tmp_path / "all.json").exists()
    assert file_trust("export", "all.json", "--target", str(OTHER)).code == 0


# --- import ---------------------------------------------------------------------------------------------


def original(fingerprint: Fingerprint) -> str:
    """A record as the original proxy writes it."""
    return json.dumps(
        {
            "fingerprint": str(fingerprint),
            "subject": "CN=SMGW",
            "issuer": "CN=SMGW",
            "not_before": "2025-02-24 05:06:42 +0000 UTC",
            "not_after": "2027-11-21 05:06:42 +0000 UTC",
            "dns_names": ["smgw.local"],
        },
        indent=2,
    )


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    """The original proxy's directory."""
    directory = tmp_path / "certs"
    directory.mkdir()
    (directory / f"{ORIGIN}.json").write_text(original(GIVEN))
    (directory / "SMGW.local:443.json").write_text(original(Fingerprint("b" * 64)))
    (directory / "read me.txt").write_text("no record")
    return directory


def test_the_originals_directory_is_imported(trust: Trust, certs: Path) -> None:
    ended = trust("import", "certs")
    assert ended.code == 0
    assert trust.pins() == [GIVEN]
    assert trust.pins(Origin("smgw.local")) == [Fingerprint("b" * 64)]
    (pin,) = trust.store.record(ORIGIN).pins
    assert (pin.subject, pin.not_after) == ("CN=SMGW", "2027-11-21 05:06:42 +0000 UTC")
    assert trust.happened() == [Happening.ADDED]
    assert trust("import", "certs").out.count("nothing new") == 2


def test_one_gateway_of_a_directory_is_imported_when_that_is_named(trust: Trust, certs: Path) -> None:
    assert trust("import", "certs", "--target", "smgw.local").code == 0
    assert trust.store.origins() == [Origin("smgw.local")]
    ended = trust("import", "certs", "--target", "10.0.0.9")
    assert ended.code == 1
    assert "There is nothing of 10.0.0.9 in it, but of: 10.11.120.2, smgw.local." in ended.fault


def test_a_directory_with_a_damaged_record_changes_nothing(trust: Trust, certs: Path) -> None:
    (certs / "10.0.0.7:8443.json").write_text("{")
    ended = trust("import", "certs")
    assert ended.code == 1
    assert "10.0.0.7:8443.json cannot be read" in ended.fault
    assert trust.store.origins() == []


def test_a_directory_without_records_is_told(trust: Trust, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty holds no record of a gateway" in trust("import", "empty").fault


def test_a_record_of_the_original_is_of_the_gateway_that_its_file_is_named_after(
    trust: Trust, certs: Path
) -> None:
    (certs / f"{ORIGIN}.json").rename(certs / f"{OTHER}.json")
    assert trust("import", f"certs/{OTHER}.json").code == 0
    assert trust.pins(OTHER) == [GIVEN]


def test_a_record_whose_file_names_no_gateway_is_the_targets(trust: Trust, certs: Path) -> None:
    (certs / f"{ORIGIN}.json").rename(certs / "my meter.json")
    assert trust("import", "certs/my meter.json").code == 0
    assert trust.pins() == [GIVEN]


def test_the_target_on_the_command_line_wins_over_the_name_of_a_file(trust: Trust, certs: Path) -> None:
    assert trust("import", f"certs/{ORIGIN}.json", "--target", str(OTHER)).code == 0
    assert trust.store.origins() == [OTHER]


def test_certificates_and_fingerprints_are_imported_for_the_target(
    trust: Trust, identity: Identity, impostor: Identity, tmp_path: Path
) -> None:
    (tmp_path / "both.pem").write_text(identity.certificate.pem + impostor.certificate.pem)
    assert trust("import", "both.pem").code == 0
    assert trust.pins() == [identity.certificate.fingerprint, impostor.certificate.fingerprint]
    (tmp_path / "known").write_text(f"sha256 Fingerprint={GIVEN}\n")
    assert trust("import", "known", "--target", str(OTHER)).code == 0
    assert trust.pins(OTHER) == [GIVEN]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_what_openssl_prints_is_imported(
    trust: Trust, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["openssl", "x509", "-in", str(identity.pem_file), "-fingerprint", "-sha256", "-noout"]
    told = subprocess.run(command, capture_output=True, check=True).stdout
    given_on_stdin(monkeypatch, told)
    assert trust("import", "-").code == 0
    assert trust.pins() == [identity.certificate.fingerprint]


def test_another_pin_in_force_is_replaced_only_when_told(
    trust: Trust, identity: Identity, impostor: Identity
) -> None:
    trust.store.pin(ORIGIN, identity.certificate)
    ended = trust("import", str(impostor.pem_file))
    assert ended.code == 1
    assert "has a pin that is none of those to be imported" in ended.fault
    assert trust.pins() == [identity.certificate.fingerprint]
    assert trust("import", str(impostor.pem_file), "--replace").code == 0
    assert trust.pins() == [impostor.certificate.fingerprint]


def test_an_import_that_one_gateway_refuses_changes_no_other(
    trust: Trust, filled: Trust, tmp_path: Path, identity: Identity
) -> None:
    assert filled("export", "all.json").code == 0
    there = Trust(f"file:{tmp_path / 'x'}", open_editable(f"file:{tmp_path / 'x'}"), filled.capture)
    there.store.pin(OTHER, identity.certificate)
    assert there("import", "all.json").code == 1
    assert there.store.origins() == [OTHER]


def test_an_import_that_breaks_off_tells_how_far_it_came(
    filled: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert filled("export", "all.json").code == 0
    there = Trust(f"file:{tmp_path / 'x'}", open_editable(f"file:{tmp_path / 'x'}"), filled.capture)
    change = FileTrustStore.change

    def failing(store: FileTrustStore, origin: Origin, edit: rules.Edit) -> Record:
        if there.store.origins():
            raise TrustStoreError("The disk is full.", "Make room.")
        return change(store, origin, edit)

    monkeypatch.setattr(FileTrustStore, "change", failing)
    ended = there("import", "all.json")
    assert ended.code == 1
    done, fault = ended.err.splitlines()
    (first,) = there.store.origins()
    assert done == f"Imported before the error: {first}."
    assert fault == "smgwproxy: error: The disk is full. Make room."
    assert there("import", "all.json").fault == "The disk is full. Make room."


def test_what_is_revoked_here_is_left_out_and_told(trust: Trust, identity: Identity, impostor: Identity) -> None:
    trust("revoke", "--fingerprint", str(impostor.certificate.fingerprint))
    (both := Path("both.pem")).write_text(identity.certificate.pem + impostor.certificate.pem)
    ended = trust("import", str(both))
    assert ended.code == 0
    assert f"left out revoked here\n           {impostor.certificate.fingerprint}" in ended.out
    assert trust.pins() == [identity.certificate.fingerprint]


@pytest.mark.parametrize("content", [b"", b"{}", b"{", b'{"format": "smgwproxy-trust", "version": 9}'])
def test_a_file_that_holds_no_trust_is_told_and_changes_nothing(trust: Trust, content: bytes) -> None:
    Path("x.json").write_bytes(content)
    ended = trust("import", "x.json")
    assert ended.code == 1
    assert ended.fault.startswith("x.json ")
    assert ended.fault.endswith("Nothing was changed.")
    assert trust.store.origins() == []


def test_an_import_of_a_missing_file_is_told(trust: Trust) -> None:
    assert "x.json cannot be read: No such file" in trust("import", "x.json").fault
    assert "cannot be read" in trust("import", "a\0b").fault

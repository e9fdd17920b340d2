"""What a record says of a certificate."""

from __future__ import annotations

from smgwproxy.certificate import Fingerprint
from smgwproxy.commands.trust.standing import Standing, has_pinned_key, has_revoked_key, standing
from smgwproxy.truststores import rules
from smgwproxy.truststores.record import Pin
from tests.support import Identity
from tests.trust_command.support import GIVEN, NOW, pinned, refused


def test_a_record_tells_how_each_certificate_stands(identity: Identity, impostor: Identity) -> None:
    record = refused(pinned(identity.certificate), impostor.certificate)
    record = rules.add(record, Pin(GIVEN), NOW)
    revoked = Fingerprint("b" * 64)
    record = rules.revoke(record, revoked, NOW)
    assert standing(record, identity.certificate.fingerprint) is Standing.CURRENT
    assert standing(record, GIVEN) is Standing.BACKUP
    assert standing(record, impostor.certificate.fingerprint) is Standing.PENDING
    assert standing(record, revoked) is Standing.REVOKED
    assert standing(record, Fingerprint("c" * 64)) is Standing.UNKNOWN


def test_a_renewed_certificate_has_the_key_of_the_pin_and_a_pin_itself_does_not(
    renewed: tuple[Identity, Identity],
) -> None:
    old, new = (one.certificate for one in renewed)
    assert has_pinned_key(pinned(old), new)
    assert not has_pinned_key(pinned(old), old)
    revoked = rules.revoke(pinned(old), old.fingerprint, NOW)
    assert has_revoked_key(revoked, new)
    assert not has_revoked_key(revoked, old)

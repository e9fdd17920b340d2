"""The way of a new user, from an unknown gateway to the first reading, and what it must not lead to."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.household import service
from tests.household.home import Home
from tests.household.installed import SMGWPROXY
from tests.household.machines import BOX, BOX_AT_HAN, HAN_LEG
from tests.household.other_ways import other_ways_tried
from tests.household.steps import CONFIGURATION, UNIT, commands
from tests.household.tap import Tap
from tests.namespaces.han import GATEWAY

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("in_namespaces")]

NOBODY = ip_address("0.0.0.0")  # noqa: S104  # who asks by ARP whether an address is free (RFC 5227)


@pytest.mark.parametrize("home", ["theben", "ppc"], indirect=True)
def test_new_user_gets_from_an_unknown_address_to_the_first_reading(home: Home, tmp_path: Path) -> None:
    box, laptop, assistant = home.box, home.machines.laptop, home.machines.assistant
    truth = home.reading()
    home.gateway.counters.connections_most = 0
    home.gateway_speaks()
    with home.machines.gateway.entered():
        at_gateway = Tap(HAN_LEG)
    with at_gateway:
        found = box.smgwproxy("discover", "--interface", HAN_LEG)
        assert found.returncode == 0, found.stderr
        assert f"  Address      {GATEWAY}\n" in found.stdout
        give_address, install = commands(found.stdout)
        box.type(give_address)
        checked = box.smgwproxy("doctor", "--target", GATEWAY)
        assert checked.returncode == 0, checked.stdout
        *_, check = commands(box.type(f"{install} --tls-port 443"))
        with service.running(box, UNIT) as running:
            running.wait_for("READY=1")
            plain, secure = f"http://{BOX}:8080", f"https://{BOX}"
            copy = tmp_path / "box.pem"
            copy.write_text(box.type(f"sudo {SMGWPROXY} certificate show --pem --config {CONFIGURATION}"))
            assert home.reading_at(laptop, plain, "curl") == truth
            assert home.reading_at(assistant, plain, "httpx") == truth
            assert home.reading_at(laptop, secure, "curl", copy) == truth
            with other_ways_tried(home) as heard:
                assert home.reading_at(assistant, secure, "requests", copy) == truth
            assert "Nothing is wrong." in box.type(check)
            assert running.stop() == 0
    assert heard.open_ways == []
    assert ip_address(GATEWAY) not in heard.at_laptop
    assert {one for one in at_gateway.senders if one.version == 4} == {ip_address(BOX_AT_HAN), NOBODY}
    assert home.gateway.counters.connections_most == 1

"""Reads a PPC gateway twice with the client py-ppc-smgw and writes what it got as JSON.

Run by a Python that has the client, with the URL, user name and password as arguments.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from typing import Any

import httpx
from py_ppc_smgw import PPCSMGWClient  # type: ignore[import-not-found]  # lives in the venv of the test


async def poll(client: Any) -> dict[str, object]:
    """Log in, ask for everything, and log out."""
    async with client:
        (meter,) = await client.get_meters()
        readings = await client.get_meter_reading(meter)
        profile = await client.get_meter_profile(meter)
        entries = await client.export_meter_values(meter, "2026-05-14T11:00", "2026-05-14T12:00")
        versions = await client.get_firmware_versions()
    return {
        "meter": meter.name,
        "readings": {
            str(obis): [reading.value, reading.timestamp.isoformat()] for obis, reading in readings.items()
        },
        "interval": profile.samplerate_s,
        "exported": [[str(entry.obis), entry.value, entry.capture_time.isoformat()] for entry in entries],
        "components": [version.component for version in versions],
    }


async def main(url: str, user: str, password: str) -> None:
    """Poll twice with the same client, as Home Assistant does every 15 minutes."""
    async with httpx.AsyncClient(verify=False) as http:  # noqa: S501  # as the client's README has it
        client = PPCSMGWClient(url, user, password, http, logging.getLogger("py-ppc-smgw"))
        json.dump([await poll(client), await poll(client)], sys.stdout)


asyncio.run(main(*sys.argv[1:]))

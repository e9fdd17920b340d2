"""Reads a Theben gateway with the library of Home Assistant and writes what it got as JSON.

Run with ``theben_conexa_smgw`` on the path, and host, user name and password as arguments.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType

import aiohttp

_LIBRARY = "theben_conexa_smgw"


class _Postponing(SourceFileLoader):
    """Loads a module as Python 3.14 does, which evaluates annotations only when they are asked for."""

    def get_code(self, fullname: str) -> CodeType:
        # "annotations" comes from this file's own first import: compile() hands it on.
        return compile(Path(self.path).read_bytes(), self.path, "exec")


class _Finder(PathFinder):
    """Finds the library, whose annotations name a class that is not there yet."""

    @classmethod
    def find_spec(cls, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] != _LIBRARY:
            return None
        spec = super().find_spec(fullname, path, target)  # type: ignore[arg-type]  # handed on as they came
        if spec is not None and spec.origin is not None:
            spec.loader = _Postponing(fullname, spec.origin)
        return spec


async def main(host: str, user: str, password: str) -> None:
    """Do what Home Assistant does when the integration is set up, and then every 15 minutes."""
    await library.checkNetworkConnection(host)
    async with aiohttp.ClientSession() as session:
        gateway = await library.ConexaSMGW.create(session, host, user, password)
        values = await gateway.getLatestValues()
    told = {
        "info": dataclasses.asdict(gateway.gatewayInfo),
        "values": {obis: dataclasses.asdict(value) for obis, value in values.items()},
    }
    json.dump(told, sys.stdout)


if sys.version_info < (3, 14):
    sys.meta_path.insert(0, _Finder)
library = __import__(_LIBRARY)
asyncio.run(main(*sys.argv[1:]))

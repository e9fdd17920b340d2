"""The files of examples/: where they are, how they are read, and whether they fit their schema."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode

from tests.support import PATIENCE

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SCHEMAS = Path(__file__).parent / "schemas"


def read_yaml(path: Path, secrets: Mapping[str, str] | None = None) -> Any:
    """Read YAML; ``!secret NAME`` stands for what is in ``secrets``, as in Home Assistant."""
    yaml = YAML(typ="safe", pure=True)

    def secret(_: object, node: ScalarNode) -> str:
        assert secrets is not None
        return secrets[node.value]

    yaml.constructor.add_constructor("!secret", secret)
    return yaml.load(path)


def faults(document: object, schema: str, directory: Path) -> str:
    """Return what check-jsonschema finds wrong, empty for nothing; the schema is a file of ours or one it has."""
    file = directory / "document.json"
    file.write_text(json.dumps(document))
    which = ("--builtin-schema", schema) if schema.startswith("vendor.") else ("--schemafile", SCHEMAS / schema)
    told = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *which, file],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return "" if told.returncode == 0 else told.stdout + told.stderr


def at(base: str, url: str) -> str:
    """Return ``url`` with the scheme and authority of ``base`` in the place of its own."""
    site, rest = urlsplit(base), urlsplit(url)
    return urlunsplit((site.scheme, site.netloc, rest.path, rest.query, ""))

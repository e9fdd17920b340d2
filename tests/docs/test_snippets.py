"""What the pages tell people to write into files, taken from them and run; and the words of what cannot be run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode

from smgwproxy.config import load
from smgwproxy.demo import Gateway, run_in_thread, start_gateway
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore
from tests.clients.conftest import find_program
from tests.docs.blocks import ROOT, block
from tests.docs.files import write_files
from tests.support import PATIENCE, Identity
from tests.test_docs import rows

_ADDRESS = "10.11.120.2"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with run_in_thread(lambda: start_gateway("emh")) as started:
        yield started


def python(
    directory: Path, *words: str, path: Sequence[Path] = (), **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in ``directory``, which must go well."""
    places = os.pathsep.join(map(str, (*path, ROOT)))
    done = subprocess.run(
        [sys.executable, "-W", "error", *words],
        cwd=directory,
        env={**os.environ, **environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_gateway_is_asked(gateway: Gateway, tmp_path: Path) -> None:
    snippet = block("docs/library.md", "from smgwproxy import Gateway, open_truststore")
    told = python(tmp_path, "-c", snippet.text.replace(_ADDRESS, gateway.authority))
    assert told.stdout.startswith("401 b")
    assert gateway.received[-1].target == "/"
    assert (tmp_path / "certs").is_dir()


def test_client_certificate_is_loaded(tmp_path: Path) -> None:
    snippet = block("docs/library.md", "from smgwproxy import Gateway, load_client_certificate, open_truststore")
    write_files(tmp_path)
    told = python(tmp_path, "-c", f"{snippet.text}print(mine.certificate.fingerprint)")
    assert re.fullmatch(r"[0-9a-f]{64}\n", told.stdout)


def test_store_of_ones_own_has_all_that_is_wanted(tmp_path: Path) -> None:
    snippet = block("docs/library.md", "from collections.abc import Callable, Sequence")
    (tmp_path / "vault.py").write_text(snippet.text)
    told = python(
        tmp_path,
        "-c",
        "import inspect, vault\n"
        "from smgwproxy import EditableTrustStore\n"
        "assert isinstance(vault.Vault(), EditableTrustStore)\n"
        "for name in ('record', 'change', 'origins'):\n"
        "    ours, its = (getattr(one, name) for one in (EditableTrustStore, vault.Vault))\n"
        "    assert inspect.signature(its, eval_str=True) == inspect.signature(ours, eval_str=True)\n"
        "print(*inspect.signature(vault.open_store).parameters)\n",
    )
    assert told.stdout == "argument\n"


def test_store_that_is_registered_as_told_is_found_and_passes_the_suite_as_told(tmp_path: Path) -> None:
    registered = block("docs/library.md", '[project.entry-points."smgwproxy.truststores"]')
    suite = block("docs/library.md", "import pytest")
    groups = tomllib.loads(registered.text)["project"]["entry-points"]
    metadata = tmp_path / "vault-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: vault\nVersion: 1\n")
    lines = [f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in names.items()) for group, names in groups.items()]
    (metadata / "entry_points.txt").write_text("".join(lines))
    (tmp_path / "my_package.py").write_text("from smgwproxy.truststores.file import open_store as open_store\n")
    (tmp_path / "test_vault.py").write_text(suite.text)
    chosen = "it_is_a_trust_store or byte_for_byte or knows_no_gateway"
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "-k", chosen, "test_vault.py")
    told = python(tmp_path, *words, path=[tmp_path], TRUSTSTORE_ROUNDS="1")
    assert re.search(r"^\d+ passed", told.stdout, re.MULTILINE), told.stdout


def test_record_has_the_keys_that_are_shown(store: FileTrustStore, identity: Identity, tmp_path: Path) -> None:
    shown = re.findall(r'^  "(\w+)":', block("docs/trust.md", "{").text, re.MULTILINE)
    store.pin(Origin(_ADDRESS, 443), identity.certificate)
    (record,) = tmp_path.glob(f"certs/{_ADDRESS}.json")
    assert shown == list(json.loads(record.read_text()))


def test_unit_with_credentials_is_one_that_systemd_takes(tmp_path: Path) -> None:
    text = block("docs/usage.md", "[Service]").text
    unit = tmp_path / "smgwproxy.service"
    unit.write_text(text)
    told = subprocess.run(
        [find_program("systemd-analyze"), "verify", "--man=no", unit],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert [one for one in told.stderr.splitlines() if unit.name in one and "not executable" not in one] == []
    credentials = dict(re.findall(r"^LoadCredential=([\w.]+):(.+)$", text, re.MULTILINE))
    write_files(tmp_path)
    (tmp_path / "password.txt").rename(tmp_path / "password")
    (start,) = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    options = load(start.replace("%d", str(tmp_path)).split()[1:], {}).only
    assert {options.client_cert, options.client_password_file} == {tmp_path / name for name in credentials}


def test_package_of_home_assistant_includes_a_file_that_is_there() -> None:
    text = block("examples/home-assistant/README.md", "homeassistant:").text
    included: list[str] = []
    yaml = YAML(typ="safe", pure=True)

    def include(_: object, node: ScalarNode) -> str:
        included.append(node.value)
        return str(node.value)

    yaml.constructor.add_constructor("!include", include)
    packages = yaml.load(text)["homeassistant"]["packages"]
    assert list(packages.values()) == included
    assert all((ROOT / "examples/home-assistant" / name).is_file() for name in included)


def test_several_gateways_are_configured_as_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = block("docs/several-gateways.md", "[[gateway]]").text
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smgwproxy.toml").write_text(table)
    told = load(["--config", "smgwproxy.toml"], {})
    for gateway, chosen in zip(tomllib.loads(table)["gateway"], told.gateways, strict=True):
        assert (chosen.target, chosen.port) == (Origin.parse(gateway["target"]), gateway["port"])
        assert chosen.read_timeout == 120


def test_prometheus_is_told_of_port_and_metrics() -> None:
    yaml = YAML(typ="safe", pure=True)
    ((job,),) = yaml.load(block("docs/status.md", "scrape_configs:").text).values()
    (target,) = job["static_configs"][0]["targets"]
    started = block(
        "docs/status.md",
        f"/opt/smgwproxy/bin/smgwproxy --target {_ADDRESS} --status-port {target.rpartition(':')[2]}",
    )
    assert load(shlex.split(started.commands[-1])[1:], {}).process.status_port == int(target.rpartition(":")[2])
    ((group,),) = yaml.load(block("docs/status.md", "groups:").text).values()
    table = {row[0]: set(row[2].split(", ")) for row in rows((ROOT / "docs/status.md").read_text(), "| metric |")}
    for rule in group["rules"]:
        (metric, labels) = re.findall(r"^(\w+)(?:\{(\w+)=.*\})?", rule["expr"])[0]
        assert {labels} - {""} <= table[metric]


def test_compose_knows_what_it_is_told() -> None:
    typed = [
        line
        for first in (
            "docker compose -f examples/docker/compose.yaml up --detach --build",
            "docker compose -f examples/docker/compose.yaml exec smgwproxy smgwproxy trust",
            (
                "docker compose -f examples/docker/compose.yaml run --rm --user 0 --cap-add NET_RAW"
                " --cap-add NET_ADMIN smgwproxy discover --interface eth0"
            ),
        )
        for line in block("examples/docker/README.md", first).commands
    ]
    for line in typed:
        docker, compose, dash_f, file, verb, *words = shlex.split(line)
        assert (docker, compose, dash_f) == ("docker", "compose", "-f")
        assert {word for word in words[: _END[verb]] if word.startswith("-")} <= _FLAGS[verb]
        services = YAML(typ="safe", pure=True).load(ROOT / file)["services"]
        assert verb in {"up", "logs"} or services.keys() & set(words)


_FLAGS: Mapping[str, set[str]] = {
    "up": {"--detach", "--build"},
    "logs": {"--follow"},
    "exec": set(),
    "run": {"--rm", "--user", "--cap-add"},
}
"""What https://docs.docker.com/reference/cli/docker/compose/ has, as far as the page uses it."""

_END = {"up": None, "logs": None, "exec": 0, "run": 7}
"""Where the words for the program in the container begin, at the latest."""


def test_setting_of_docker_is_json() -> None:
    assert json.loads(block("examples/docker/README.md", '{"ip-forward": false}').text) == {"ip-forward": False}


def test_plug_in_is_a_package_whose_name_and_extra_are_those_told() -> None:
    page = "examples/truststore-postgresql/README.md"
    use = block(page, "pip install ./examples/truststore-postgresql")
    test = block(page, "pip install '.[test]' && python -m pytest")
    project = tomllib.loads((ROOT / "examples/truststore-postgresql/pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"].keys() >= set(re.findall(r"\.\[(\w+)\]", test.text))
    (spec,) = re.findall(r"--truststore '(\w+):", use.text)
    assert spec in project["entry-points"]["smgwproxy.truststores"]
    flags = shlex.split(use.commands[1])[1:]
    assert load(flags, {}).only.truststore == flags[-1]

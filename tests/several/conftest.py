"""A program with several gateways, and its configuration file."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.test_cli import MODULE, Program, program
from tests.test_reload import REFUSED, TAKEN_OVER, toml

Options = Mapping[str, object]
Serving = Callable[..., AbstractContextManager["Several"]]


@dataclass
class Several:
    """A running program and its configuration file."""

    program: Program
    file: Path

    def port(self, name: str) -> int:
        """The port of a gateway that has any free one."""
        return int(self.program.wait_for(rf"INFO \[{name}\] reachable at http://127\.0\.0\.1:(\d+)/")[1])

    def reload(self, gateways: Mapping[str, Options], **common: object) -> str:
        """Write that to the file, let it be read, and return what the log says has changed."""
        return self._told(TAKEN_OVER, gateways, common)

    def refuses(self, gateways: Mapping[str, Options], **common: object) -> str:
        """Do that, and return what the log says is wrong."""
        return self._told(REFUSED, gateways, common)

    def begin_reload(self, gateways: Mapping[str, Options], **common: object) -> None:
        """Write that to the file, and let it be read."""
        write(self.file, gateways, **{"listen": "127.0.0.1", **common})
        self.program.lines.clear()
        self.program.process.send_signal(signal.SIGHUP)

    def _told(self, pattern: str, gateways: Mapping[str, Options], common: Options) -> str:
        self.begin_reload(gateways, **common)
        return self.program.wait_for(pattern)[1]


def write(file: Path, gateways: Mapping[str, Options], **common: object) -> None:
    """Write a table for each of ``gateways``, after what they have in common."""
    lines = _lines(common)
    for name, options in gateways.items():
        lines += ["[[gateway]]", *_lines({"name": name, **options})]
    new = file.with_suffix(".new")
    new.write_text("".join(f"{line}\n" for line in lines))
    new.replace(file)


def _lines(options: Options) -> list[str]:
    return [f"{name.replace('_', '-')} = {toml(value)}" for name, value in options.items()]


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    @contextmanager
    def start(
        gateways: Mapping[str, Options],
        command: tuple[str, ...] = MODULE,
        environ: Mapping[str, str] | None = None,
        **common: object,
    ) -> Iterator[Several]:
        file = tmp_path / "smgwproxy.toml"
        write(file, gateways, **{"listen": "127.0.0.1", **common})
        with program("--config", file.name, cwd=tmp_path, command=command, environ=environ) as running:
            yield Several(running, file)

    return start

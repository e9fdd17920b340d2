"""The program that runs tests in the namespaces that it was started in; `outside` starts it."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.namespaces.han import Han, mount_hosts

READY, ANSWER = "ready", "answer: "
"""How the lines begin that tell that tests may come, and what became of one; other lines tell of trouble."""

HOSTS = "HAN_HOSTS"
"""The environment variable that names the file of all names, for the tests that run here, and nowhere else."""

_LIMIT = 60  # seconds until a test that hangs ends this program; before that it tells where it hangs


class _Passed:
    """The plugin of the pytest here that counts what passed."""

    def __init__(self) -> None:
        self.count = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.count += report.when == "call" and report.passed


def main() -> None:
    """Tell that all is ready or why not; then run each test whose node id comes, and tell what became of it."""
    with TemporaryDirectory() as directory:
        hosts = Path(directory, "hosts")
        try:
            mount_hosts(hosts)
            Han(hosts).close()
        except OSError as error:
            _tell(str(error))
            return
        os.environ[HOSTS] = str(hosts)
        _tell(READY)
        for line in sys.stdin:
            _tell(ANSWER + json.dumps(_run(line.rstrip("\n"))))


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _run(test: str) -> Mapping[str, object]:
    passed, said = _Passed(), io.StringIO()
    with TemporaryDirectory() as directory, redirect_stdout(said):
        options = ["-p", "no:cacheprovider", "--no-header", "-m", "", "--basetemp", f"{directory}/base"]
        limits = [f"--timeout={_LIMIT}", "-o", f"faulthandler_timeout={_LIMIT - 5}"]
        code = pytest.main([*options, *limits, test], plugins=[passed])
    return {"passed": code == pytest.ExitCode.OK and passed.count == 1, "said": said.getvalue()}


if __name__ == "__main__":
    main()

"""Which programs are proxies, and who has a port."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from smgwproxy.config import load
from smgwproxy.doctor.processes import as_proxy, listeners, name_of, owner, proxies


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "/opt/smgwproxy/bin/python /opt/smgwproxy/bin/smgwproxy --config x.toml",
            ("smgwproxy", "--config x.toml"),
        ),
        ("/usr/bin/python3.11 -I /usr/bin/smgwproxy", ("smgwproxy", "")),
        ("smgwproxy -target 10.11.120.2", ("smgwproxy", "-target 10.11.120.2")),
        ("python3 /lib/smgwproxy/__main__.py --port 80", ("smgwproxy", "--port 80")),
        ("/home/pi/smgw-proxy/reverse_proxy -port 8081", ("reverse_proxy", "-port 8081")),
        ("/var/go-build1/b001/exe/reverse_proxy", ("reverse_proxy", "")),
        ("smgwproxy doctor --target 10.11.120.2", None),
        ("smgwproxy demo --vendor ppc", None),
        ("python3 /usr/bin/smgwproxy trust list", None),
        ("vim smgwproxy", None),
        ("python3", None),
        ("bash -c smgwproxy", None),
        ("", None),
    ],
)
def test_proxy_is_known_by_its_command_line(line: str, expected: tuple[str, str] | None) -> None:
    found = as_proxy(line.split())
    assert (found and (found[0], " ".join(found[1]))) == expected


def fake(proc: Path, pid: int, *words: str, environ: str = "", cgroup: str = "0::/user.slice") -> Path:
    """Write down a process as /proc has it."""
    directory = proc / str(pid)
    (directory / "ns").mkdir(parents=True)
    (directory / "ns" / "net").symlink_to("net:[1]")
    (directory / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))
    (directory / "environ").write_text(environ)
    (directory / "cgroup").write_text(f"{cgroup}\n")
    (directory / "cwd").symlink_to(proc)
    return directory


def test_options_come_from_flags_environment_and_a_file_of_its_working_directory(tmp_path: Path) -> None:
    (tmp_path / "smgw.toml").write_text("port = 8123\n")
    environ = "SMGWPROXY_TARGET=10.0.0.9\0SMGWPROXY_CONFIG=smgw.toml\0PATH=/bin\0"
    fake(tmp_path, 7, "smgwproxy", environ=environ, cgroup="0::/system.slice/smgwproxy.service")
    fake(tmp_path, 8, "/home/pi/reverse_proxy", "-target", "10.0.0.9", "-port=9000")
    fake(tmp_path, 9, "python3", "-m", "smgwproxy", "--config", "gone.toml")
    (tmp_path / "damaged.toml").write_text("port = ")
    fake(tmp_path, 10, "smgwproxy", "--config=damaged.toml", "--target=10.0.0.9")
    ours, original, unknown, damaged = proxies(tmp_path)
    assert ours.config is not None
    assert ours.config == load(["--target", "10.0.0.9", "--port", "8123"], {}).only
    assert (ours.service, ours.stop, ours.is_original) == ("smgwproxy", "sudo systemctl stop smgwproxy", False)
    assert original.config is not None
    assert (original.config.port, original.stop, original.is_original) == (9000, "sudo kill 8", True)
    assert unknown.config is None
    assert [one.file for one in (ours, original, unknown)] == ["smgw.toml", "", "gone.toml"]
    assert damaged.config == load(["--target", "10.0.0.9"], {}).only


def test_configuration_that_is_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "smgw.toml")
    fake(tmp_path, 7, "smgwproxy", "--config", "smgw.toml", "--target", "10.0.0.9")
    (found,) = proxies(tmp_path)
    assert (found.config, found.file) == (load(["--target", "10.0.0.9"], {}).only, "smgw.toml")


def test_listener_is_found_with_its_owner() -> None:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.create_server((host, 0), family=family) as server:
            port = server.getsockname()[1]
            (found,) = [one for one in listeners(port) if one.address == host]
            assert owner(found.inode) == os.getpid()
            assert name_of(os.getpid())
            assert found.takes(None)
            assert found.takes(host)
            assert not found.takes("192.0.2.1")
        assert [one for one in listeners(port) if one.address == host] == []
    assert owner(0) is None

"""Trust stores by name or by module, ours and others': real distributions and modules on the path."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest

from smgwproxy.errors import ConfigError
from smgwproxy.origin import Origin
from smgwproxy.truststores import TrustStore, open_truststore
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.opening import OPENING_SECONDS
from tests.support import PATIENCE

STORE = """
class Store:
    def __init__(self, argument):
        self.argument = argument
    def lookup(self, origin):
        return ()
    def pin(self, origin, certificate):
        return ()
"""

Install = Callable[..., None]
Write = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution whose module ``plugin_<name>`` has ``source``, with an entry point ``name``."""

    def install(name: str, source: str, attribute: str = "Store") -> None:
        module = f"plugin_{name}"
        place = tmp_path / name
        about = place / f"smgw_{name}-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: smgw-{name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[smgwproxy.truststores]\n{name} = {module}:{attribute}\n")
        (place / f"{module}.py").write_text(source)
        monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(place)

    return install


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a file into a directory that modules are imported from; what is imported is forgotten afterwards."""
    place = tmp_path / "modules"
    place.mkdir()
    monkeypatch.syspath_prepend(place)
    before = set(sys.modules)

    def write(name: str, source: str) -> None:
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(source)
        invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("mine"):
            del sys.modules[name]


def fault(spec: str, seconds: float = OPENING_SECONDS) -> str:
    with pytest.raises(ConfigError) as caught:
        open_truststore(spec, seconds)
    text = str(caught.value)
    assert type(caught.value) is ConfigError
    assert len(text.splitlines()) == 1
    return text


# --- by name --------------------------------------------------------------------------------------------


def test_the_file_store_is_installed_like_any_other(tmp_path: Path) -> None:
    store = open_truststore(f"file:{tmp_path}/certs")
    assert isinstance(store, FileTrustStore)
    assert store.lookup(Origin("10.11.120.2")) == ()
    assert (tmp_path / "certs").is_dir()


def test_a_store_that_refuses_its_argument_says_so_itself() -> None:
    assert fault("file") == fault("file:") == "file: needs a directory, for example file:./certs"


@pytest.mark.parametrize(
    "spec", ["fil", "File:x", "", ":x", ":x:y", "./certs", "../certs:x", "no_such:x", "a b:c"]
)
def test_an_unknown_name_lists_what_is_installed(install: Install, spec: str) -> None:
    install("vault", STORE)
    told = re.fullmatch(r"there is no store (\S.*); installed: (.*); one of your own is (.*)", fault(spec))
    assert told is not None
    assert told[1] == repr(spec.partition(":")[0])
    assert {"file", "vault"} <= set(told[2].split(", "))
    assert told[2].split(", ") == sorted(told[2].split(", "))
    assert told[3] == "MODULE:FACTORY:ARGUMENT"


@pytest.mark.parametrize(
    ("spec", "argument"),
    [("other", ""), ("other:", ""), ("other:a", "a"), ("other::a:/b c?d=e:", ":a:/b c?d=e:")],
)
def test_what_stands_behind_the_first_colon_is_the_argument(install: Install, spec: str, argument: str) -> None:
    install("other", STORE)
    store = open_truststore(spec)
    assert isinstance(store, TrustStore)
    assert vars(store) == {"argument": argument}


def test_only_the_store_that_is_named_is_imported(install: Install) -> None:
    install("named", STORE)
    install("unnamed", "raise RuntimeError")
    open_truststore("named:x")
    assert "plugin_named" in sys.modules
    assert "plugin_unnamed" not in sys.modules


def test_an_installed_name_comes_before_a_module(install: Install, write: Write) -> None:
    install("mine", STORE)
    write("mine.py", "raise RuntimeError")
    assert vars(open_truststore("mine:Store:x")) == {"argument": "Store:x"}


def test_where_no_store_is_installed_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smgwproxy.truststores.opening.GROUP", "no.such.group")
    assert "installed: none; install the package smgwproxy;" in fault("file:x")


def test_a_damaged_package_is_told(install: Install, tmp_path: Path) -> None:
    """The metadata of all packages is read to find the stores."""
    install("other", STORE)
    (tmp_path / "other" / "smgw_other-1.0.dist-info" / "entry_points.txt").write_text(
        "[smgwproxy.truststores]\nx\n"
    )
    assert fault("file:x").startswith("the installed stores cannot be listed, is a package damaged?")


# --- by module ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "argument"),
    [
        ("mine:Store", ""),
        ("mine:Store:", ""),
        ("mine:Store:a", "a"),
        ("mine:Store::a:/b c?d=e:", ":a:/b c?d=e:"),
        ("mine_package.inner:Store:a", "a"),
    ],
)
def test_a_factory_of_any_module_will_do(write: Write, spec: str, argument: str) -> None:
    write("mine.py", STORE)
    write("mine_package/__init__.py", "")
    write("mine_package/inner.py", STORE)
    store = open_truststore(spec)
    assert isinstance(store, TrustStore)
    assert vars(store) == {"argument": argument}


@pytest.mark.parametrize("spec", ["mine", "mine:", "mine::x"])
def test_a_module_without_a_factory_is_not_imported(write: Write, spec: str) -> None:
    """A name that was mistyped must not run any program."""
    write("mine.py", STORE)
    assert "there is no store 'mine'" in fault(spec)
    assert "mine" not in sys.modules


@pytest.mark.parametrize(
    "spec",
    ["mine_not:Store", "mine.inner:Store", "mine_not.inner:Store", ".mine:Store", "mine.:Store", "mine/x:S"],
)
def test_a_module_that_does_not_exist_lists_what_is_installed(write: Write, spec: str) -> None:
    write("mine.py", STORE)
    text = fault(spec)
    assert text.startswith(f"there is no store {spec.partition(':')[0]!r}; installed: ")
    assert "file" in text


def test_a_module_that_a_module_needs_and_is_missing_is_told(write: Write) -> None:
    write("mine.py", "import mine_not")
    write("mine_package/__init__.py", "import mine_not")
    for name in ("mine", "mine_package", "mine_package.inner"):
        assert fault(f"{name}:Store") == f"the store {name!r} cannot be loaded: No module named 'mine_not'"


def test_a_factory_that_is_missing_is_told(write: Write) -> None:
    write("mine.py", STORE)
    text = fault("mine:Stor:x")
    assert text.startswith("the store 'mine' cannot be loaded: ")
    assert "'Stor'" in text


@pytest.mark.parametrize("name", ["mine", "mine_package.inner"])
def test_whatever_fails_at_import_is_told(write: Write, name: str) -> None:
    for number, raised in enumerate(("RuntimeError('no\\nlicence')", "SystemExit('no licence')")):
        write(f"mine_{number}.py", f"raise {raised}")
        write(f"mine_package_{number}/__init__.py", f"raise {raised}")
        module = name.replace("package", f"package_{number}") if "." in name else f"{name}_{number}"
        text = fault(f"{module}:Store:x")
        assert f"the store {module!r} cannot be loaded: " in text
        assert "no licence" in text


# --- plug-ins that fail ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "word"),
    [
        pytest.param("import there_is_no_such_module", "there_is_no_such_module", id="import-error"),
        pytest.param("def", "invalid syntax", id="syntax-error"),
        pytest.param("raise RuntimeError('no\\nlicence')", ": no licence", id="any-error"),
        pytest.param("raise RuntimeError('a\\u2028b\\x0cc\\x85d')", ": a b c d", id="line-ends-of-all-kinds"),
        pytest.param("raise RuntimeError", "RuntimeError", id="an-error-without-text"),
        pytest.param("raise SystemExit", "loaded: SystemExit", id="an-end-of-the-program"),
        pytest.param("raise SystemExit(0)", "loaded: SystemExit 0", id="a-good-end-of-the-program"),
        pytest.param("raise KeyboardInterrupt", "loaded: KeyboardInterrupt", id="an-interrupt-that-nobody-made"),
        pytest.param("import gevent; raise gevent.GreenletExit", "loaded: GreenletExit", id="a-greenlets-end"),
        pytest.param("raise BaseException('x')", "loaded: BaseException x", id="anything-at-all"),
        pytest.param("raise StopIteration(5)", "loaded: 5", id="what-ends-a-generator"),
        pytest.param(
            "class Untold(Exception):\n def __str__(self): raise ValueError\nraise Untold",
            "loaded: Untold",
            id="an-error-that-cannot-be-told",
        ),
        pytest.param("", "Store", id="no-factory"),
    ],
)
def test_a_store_that_cannot_be_imported_is_named(install: Install, source: str, word: str) -> None:
    install("broken", source)
    text = fault("broken:x")
    assert text.startswith("the store 'broken' cannot be loaded: ")
    assert word in text


@pytest.mark.parametrize(
    ("source", "word"),
    [
        pytest.param("def Store(argument): raise ValueError('no\\nhost')", ": no host", id="any-error"),
        pytest.param("def Store(argument): raise SystemExit(3)", ": SystemExit 3", id="an-end-of-the-program"),
        pytest.param("def Store(): ...", "argument", id="a-factory-without-argument"),
        pytest.param("Store = 5", "callable", id="a-factory-that-is-none"),
        pytest.param("Store = None", "callable", id="a-factory-that-is-nothing"),
        pytest.param(
            STORE + "    @property\n    def lookup(self): raise RuntimeError('not yet')",
            ": not yet",
            id="a-method-that-cannot-be-looked-at",
        ),
    ],
)
def test_a_store_that_cannot_be_opened_is_named(install: Install, source: str, word: str) -> None:
    install("closed", source)
    text = fault("closed:x")
    assert text.startswith("the store 'closed' cannot be opened: ")
    assert word in text


CONFIG_ERROR = """
from smgwproxy.errors import ConfigError
class Own(ConfigError): ...
def Store(argument): raise Own(argument)
"""


def test_what_a_store_says_of_its_argument_is_told_in_one_line(install: Install) -> None:
    install("choosy", CONFIG_ERROR)
    assert fault("choosy:give a\n  host") == "give a host"
    assert fault("choosy:") == "Own"


@pytest.mark.parametrize(
    ("source", "lacking"),
    [
        pytest.param(STORE.replace("def lookup", "def look_up"), "lookup()", id="no-lookup"),
        pytest.param(STORE.replace("def pin", "def set"), "pin()", id="no-pin"),
        pytest.param(STORE + "    pin = None", "pin()", id="a-pin-that-is-no-method"),
        pytest.param("def Store(argument): return None", "lookup() and pin()", id="no-store-at-all"),
    ],
)
def test_a_store_that_lacks_a_method_is_named(install: Install, source: str, lacking: str) -> None:
    install("half", source)
    assert fault("half:x") == f"the store 'half' lacks {lacking}"


# --- plug-ins that hang -----------------------------------------------------------------------------------


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What a plug-in waits for that hangs; set in the end, so that no thread is left behind."""
    event = threading.Event()
    monkeypatch.setattr(sys, "released", event, raising=False)
    yield event
    event.set()
    for thread in threading.enumerate():
        if thread.name.startswith("open "):
            thread.join(PATIENCE)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(f"import sys\nsys.released.wait()\n{STORE}", id="at-import"),
        pytest.param(f"import sys\n{STORE}\n    def __init__(self, _): sys.released.wait()", id="when-opened"),
    ],
)
def test_a_store_that_hangs_is_named(install: Install, released: threading.Event, source: str) -> None:
    install("slow", source)
    assert fault("slow:x", 0.2) == "the store 'slow' did not open within 0.2 s: see what it waits for"


def test_a_package_that_hangs_is_named(write: Write, released: threading.Event) -> None:
    write("mine_package/__init__.py", "import sys\nsys.released.wait()")
    assert "'mine_package.inner' did not open within 0.2 s" in fault("mine_package.inner:Store", 0.2)


def test_a_program_ends_although_a_store_hangs(write: Write, tmp_path: Path) -> None:
    write("mine.py", "import threading\nthreading.Event().wait()")
    program = (
        "import sys\n"
        "from smgwproxy.errors import ConfigError\n"
        "from smgwproxy.truststores import open_truststore\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "try: open_truststore('mine:Store', 0.2)\n"
        "except ConfigError as error: sys.exit(str(error))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "modules")],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, "'mine' did not open" in done.stderr) == (1, True)

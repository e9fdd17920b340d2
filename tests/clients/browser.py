"""A headless Chromium, told what to do by the DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/ has its methods and events. Spoken over a socket that the
browser inherits (``--remote-debugging-pipe``): JSON messages, each ended by a NUL.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.clients.libraries import Login
from tests.support import PATIENCE

Message = dict[str, Any]

LAN_NAME = "raspberrypi"
"""A name that the browser takes for this machine.

To 127.0.0.1 it would send Secure cookies over plain HTTP too; to a name it treats it like any host in the LAN.
"""

_OPTIONS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # for root, as in containers; only pages of the tests are opened
    "--no-proxy-server",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--password-store=basic",
)
# The browser reads from 3 and writes to 4: here both are the one socket whose number comes first.
_INHERIT = 'socket=$1; shift; exec "$@" 3<&"$socket" 4>&"$socket"'


class BrowserError(Exception):
    """The browser refused a command, or ended."""


class Browser:
    """A running Chromium; made by `running_browser`."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._unread = b""
        self._last = 0
        self._pages: dict[str, Page] = {}

    @contextmanager
    def page(self, login: Login) -> Iterator[Page]:
        """Open an empty page of a person who starts without cookies and types ``login`` in every Digest dialog."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session, login)
        page.call("Page.enable")
        page.call("Fetch.enable", handleAuthRequests=True)
        try:
            yield page
        finally:
            del self._pages[session]
            self.call("Target.disposeBrowserContext", browserContextId=context)

    def call(self, method: str, session: str = "", **parameters: object) -> Message:
        """Do one command and return its result; what happens meanwhile is told to the pages."""
        number = self.send(method, session, **parameters)
        while (message := self.receive()).get("id") != number:
            pass
        if "error" in message:
            raise BrowserError(f"{method}: {message['error']['message']}")
        result: Message = message["result"]
        return result

    def send(self, method: str, session: str = "", **parameters: object) -> int:
        """Send one command without waiting for its result, and return its number."""
        self._last += 1
        command: Message = {"id": self._last, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        self._socket.sendall(json.dumps(command).encode() + b"\0")
        return self._last

    def receive(self) -> Message:
        """Wait for the next message, and tell it to its page if it is an event."""
        while b"\0" not in self._unread:
            data = self._socket.recv(1 << 16)
            if not data:
                raise BrowserError("the browser ended")
            self._unread += data
        text, _, self._unread = self._unread.partition(b"\0")
        message: Message = json.loads(text)
        page = self._pages.get(message.get("sessionId", ""))
        if page is not None and "method" in message:
            page.happened(message["method"], message["params"])
        return message


class Page:
    """A page of its own in a browser; made by `Browser.page`."""

    def __init__(self, browser: Browser, session: str, login: Login) -> None:
        self._browser = browser
        self._session = session
        self._login = login
        self._dialogs: set[str] = set()
        self._loaded = False
        self.answers: list[tuple[str, int]] = []
        """URL and status of each answer since ``Network.enable`` was called, whoever in the page asked."""

    def call(self, method: str, **parameters: object) -> Message:
        """Do one command in this page."""
        return self._browser.call(method, self._session, **parameters)

    def open(self, url: str) -> None:
        """Go there, and wait until the page and all that belongs to it is loaded."""
        self._loaded = False
        result = self.call("Page.navigate", url=url)
        if "errorText" in result:
            raise BrowserError(f"{url}: {result['errorText']}")
        self._wait_loaded()

    def click(self, text: str) -> None:
        """Click the link or button that says ``text``, and wait until the page that it leads to is loaded."""
        self._loaded = False
        self.evaluate(
            "[...document.querySelectorAll('a, button')]"
            f".find(element => element.innerText.trim() === {json.dumps(text)}).click()"
        )
        self._wait_loaded()

    @property
    def text(self) -> str:
        """What a person can read."""
        return str(self.evaluate("document.body.innerText"))

    @property
    def status(self) -> int:
        """The HTTP status of the page."""
        return int(self.evaluate("performance.getEntriesByType('navigation')[0].responseStatus"))

    @property
    def rows(self) -> list[list[str]]:
        """The text of each cell of each row of the page's tables."""
        rows: list[list[str]] = self.evaluate(
            "[...document.querySelectorAll('tr')].map(row => [...row.cells].map(cell => cell.innerText.trim()))"
        )
        return rows

    def evaluate(self, script: str) -> Any:
        """Return what a script in the page comes to, a promise's outcome too, as far as JSON can say it."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise BrowserError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def look(self, file: Path, *, scheme: str = "light", width: int = 900) -> None:
        """Show the page in the ``scheme`` (light or dark) and ``width`` that are wanted, and take a picture."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=700, deviceScaleFactor=1, mobile=width < 600
        )
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def happened(self, event: str, parameters: Message) -> None:
        """Take note of an event, and do what it asks for."""
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Network.responseReceived":
            self.answers.append((parameters["response"]["url"], parameters["response"]["status"]))
        elif event == "Fetch.requestPaused":  # comes with handleAuthRequests, for every request
            self._browser.send("Fetch.continueRequest", self._session, requestId=parameters["requestId"])
        elif event == "Fetch.authRequired":
            self._answer_dialog(parameters["requestId"])

    def _answer_dialog(self, request: str) -> None:
        """Type the login; when the same dialog comes back, give up as a person does."""
        answer = {"response": "CancelAuth"}
        if request not in self._dialogs:
            self._dialogs.add(request)
            answer = {
                "response": "ProvideCredentials",
                "username": self._login.user,
                "password": self._login.password,
            }
        self._browser.send(
            "Fetch.continueWithAuth", self._session, requestId=request, authChallengeResponse=answer
        )

    def _wait_loaded(self) -> None:
        while not self._loaded:
            self._browser.receive()


@contextmanager
def running_browser(
    program: str, directory: Path, *, names: Sequence[str] = (LAN_NAME,), trusted: str | None = None
) -> Iterator[Browser]:
    """Run Chromium with a new profile in ``directory``; what it complains of goes to a file there.

    It takes each of ``names`` for this machine. With ``trusted``, the SHA-256 of a public key in base64, it checks
    certificates and takes those with that key; without, it takes any, for visits to a gateway itself.
    """
    ours, its = socket.socketpair()
    command = [
        program,
        *_OPTIONS,
        f"--host-resolver-rules={','.join(f'MAP {name} 127.0.0.1' for name in names)}",
        f"--ignore-certificate-errors-spki-list={trusted}" if trusted else "--ignore-certificate-errors",
        f"--user-data-dir={directory / 'profile'}",
        "about:blank",
    ]
    with ours, (directory / "chromium.log").open("wb") as log:
        with its:
            process = subprocess.Popen(
                ["bash", "-c", _INHERIT, "bash", str(its.fileno()), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(its.fileno(),),
                start_new_session=True,
            )
        ours.settimeout(PATIENCE)
        try:
            browser = Browser(ours)
            yield browser
            browser.send("Browser.close")
            process.wait(PATIENCE)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # a group of its own: the browser and its helpers
                process.wait(PATIENCE)

"""Error pages: in the language that the client prefers; what programs read is the same for all."""

from __future__ import annotations

import ast
import errno
import inspect
import itertools
import json
import os
import re
import typing
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

import pytest
import requests

import smgwproxy
from smgwproxy import errors
from smgwproxy.deadline import call_in_thread
from smgwproxy.errors import ExchangeError, GatewayRefused, GatewayUnreachable, PinRefused
from smgwproxy.http1 import values
from smgwproxy.language import Language, Languages
from smgwproxy.origin import Origin
from smgwproxy.phrases import Phrase, phrase
from smgwproxy.problem import render, status_line
from smgwproxy.system import reason
from smgwproxy.truststores import TrustStore
from smgwproxy.truststores.guard import Guard
from tests.support import OK, Identity, RawGateway, running_proxy
from tests.test_cli import program
from tests.texts.pseudo import forgotten, pseudo

StartGateway = Callable[..., RawGateway]
ORIGIN = Origin("10.11.120.2")
HTML = "text/html"
GERMAN = {"Accept": HTML, "Accept-Language": "de-DE,de;q=0.9,en;q=0.5"}
ENGLISH = {"Accept": HTML, "Accept-Language": "en-GB,en;q=0.9,de;q=0.5"}
SOURCE = Path(smgwproxy.__file__).parent
OTHERWISE = "add its fingerprint to the trust store."


def shown(page: str) -> str:
    """Return what a page shows, without its style."""
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)))


# --- through a proxy ------------------------------------------------------------------------------------


def test_page_is_german_for_who_prefers_it_when_the_gateway_is_dead(
    raw_gateway: StartGateway, store: TrustStore
) -> None:
    gateway = raw_gateway(OK)
    gateway.stop()
    with running_proxy(gateway.origin, store) as proxy:
        german = requests.get(proxy.url, headers=GERMAN, timeout=20)
        english = requests.get(proxy.url, headers=ENGLISH, timeout=20)
    assert (german.status_code, german.headers["Content-Language"]) == (502, "de")
    assert (english.status_code, english.headers["Content-Language"]) == (502, "en")
    assert '<html lang="de">' in german.text
    assert '<html lang="en">' in english.text
    assert "<h1>Das Gateway ist nicht erreichbar</h1>" in german.text
    assert f"Das Gateway {gateway.origin} lehnt die Verbindung ab." in german.text
    assert "502 Bad Gateway, gemeldet von smgwproxy, nicht vom Gateway." in german.text
    assert "<h1>The gateway cannot be reached</h1>" in english.text
    for answer in (german, english):
        assert answer.headers["Vary"] == "Accept, Accept-Language"
    assert german.headers["Proxy-Status"] == english.headers["Proxy-Status"]
    assert f"The gateway {gateway.origin} refuses" in german.headers["Proxy-Status"]


def test_changed_certificate_is_told_in_german_with_the_command(
    raw_gateway: StartGateway, store: TrustStore, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK, impostor)
    store.pin(gateway.origin, identity.certificate)
    with running_proxy(gateway.origin, store) as proxy:
        page = requests.get(proxy.url, headers=GERMAN, timeout=20).text
    assert "<h1>Das Zertifikat des Gateways hat sich geändert</h1>" in page
    assert "<dt>Gepinnt (SHA-256)</dt>" in page
    assert str(impostor.certificate.fingerprint) in page
    assert f"smgwproxy trust approve --target {gateway.origin}" in shown(page)
    assert "Fragen Sie den Messstellenbetreiber." in page


def test_who_gets_no_further_than_the_door_is_told_so_in_german(store: TrustStore) -> None:
    with running_proxy(ORIGIN, store) as proxy:
        answer = requests.get(proxy.url, headers={**GERMAN, "Host": "smgw.example.org"}, timeout=20)
    assert (answer.status_code, answer.headers["Content-Language"]) == (421, "de")
    assert "<h1>Unter diesem Namen ist der Proxy nicht bekannt</h1>" in answer.text
    assert "<code>--server-name</code> smgw.example.org" in answer.text


@pytest.mark.parametrize("accept", ["application/json", "*/*"])
def test_problem_document_is_the_same_whatever_language_is_preferred(
    accept: str, raw_gateway: StartGateway, store: TrustStore
) -> None:
    gateway = raw_gateway(OK)
    gateway.stop()
    with running_proxy(gateway.origin, store) as proxy:
        german, english = (
            requests.get(proxy.url, headers={**headers, "Accept": accept}, timeout=20)
            for headers in (GERMAN, ENGLISH)
        )
    assert german.content == english.content
    assert german.json()["title"] == "The gateway cannot be reached"
    assert german.headers["Vary"] == "Accept"
    assert "Content-Language" not in german.headers


def test_language_of_the_page_is_the_clients_and_not_that_of_the_program_and_the_log_is_english(
    raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(OK)
    gateway.stop()
    words = ("--target", str(gateway.origin), "--port", "0", "--listen", "127.0.0.1")
    with program(*words, cwd=tmp_path, environ={"LC_ALL": "de_DE.UTF-8"}) as running:
        url = f"http://127.0.0.1:{running.port}/"
        german, english = (requests.get(url, headers=headers, timeout=20).text for headers in (GERMAN, ENGLISH))
        assert running.end() == 0
    assert "<h1>Das Gateway ist nicht erreichbar</h1>" in german
    assert "<h1>The gateway cannot be reached</h1>" in english
    log = "".join(running.lines)
    assert (
        log.count(f"The gateway {gateway.origin} refuses the connection") >= 2
    )  # as the watch may, too, before them
    assert "stopped" in log


def test_catalogues_are_read_once_and_not_for_each_page(
    raw_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no file can be opened, as with too many connections, there is a German page all the same."""
    languages = Languages()

    def closed(*_: object, **__: object) -> None:
        raise OSError("no file can be opened")

    monkeypatch.setattr(Path, "open", closed)
    assert languages.accepted("de").code == "de"
    _, _, page = render(GatewayRefused(ORIGIN), HTML, languages.accepted("de"))
    assert "lehnt die Verbindung ab" in page.decode()


# --- every error ----------------------------------------------------------------------------------------


def exchange_errors(base: type[ExchangeError] = ExchangeError) -> Iterator[type[ExchangeError]]:
    yield base
    for kind in base.__subclasses__():
        yield from exchange_errors(kind)


KINDS = [kind for kind in exchange_errors() if kind.__module__ == errors.__name__]
# Whatever an error is made of, by the annotation of the argument; no word in lower case is among it.
_VALUES: dict[Any, tuple[Any, ...]] = {
    str: ("DATA", ""),
    int: (400,),
    float: (2.5,),
    bool: (False, True),
    Origin: (ORIGIN,),
    NoneType: (None,),
    tuple[str, ...]: (("DATA", "DATA"),),
    tuple[tuple[str, str], ...]: ((),),
}


def examples(kind: type[ExchangeError]) -> Iterator[ExchangeError]:
    """Make errors of ``kind`` with whatever it can be made of."""
    hints = typing.get_type_hints(kind.__init__, vars(errors) | {"Origin": Origin})
    parameters = list(inspect.signature(kind).parameters.values())
    choices = []
    for parameter in parameters:
        hint = hints[parameter.name]
        kinds = typing.get_args(hint) if isinstance(hint, UnionType) else (hint,)
        choices.append([value for one in kinds for value in _VALUES[one]])
        if parameter.name == "message" and parameter.default is not inspect.Parameter.empty:
            choices[-1] = [parameter.default]
        if parameter.name == "advice" and parameter.default is not inspect.Parameter.empty:
            choices[-1] = [parameter.default]
    for chosen in itertools.product(*choices):
        given = list(zip(parameters, chosen, strict=True))
        positional = [value for parameter, value in given if parameter.kind is not parameter.KEYWORD_ONLY]
        named = {parameter.name: value for parameter, value in given if parameter.kind is parameter.KEYWORD_ONLY}
        yield kind(*positional, **named)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_title_message_advice_and_labels_of_every_error_are_phrases(kind: type[ExchangeError]) -> None:
    taken = inspect.signature(kind).parameters
    for error in examples(kind):
        assert isinstance(error.title, Phrase)
        assert isinstance(error.message, Phrase) or "message" in taken
        assert isinstance(error.advice, Phrase) or "advice" in taken
        assert all(isinstance(label, Phrase) for label, _ in error.facts)
        assert isinstance(error.told, Phrase)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_word_of_a_page_is_left_in_english(kind: type[ExchangeError]) -> None:
    for error in examples(kind):
        _, lines, body = render(error, HTML, pseudo())
        told = shown(body.decode()).replace(status_line(error.status), "")
        assert set(forgotten(told)) <= {"DATA"}, told
        assert values(lines, "content-language") == ["de"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_problem_document_and_text_of_every_error_stay_english(kind: type[ExchangeError]) -> None:
    for error in examples(kind):
        _, lines, body = render(error, "", pseudo())
        assert (lines, body) == render(error, "", Language())[1:]
        assert json.loads(body)["detail"] == error.message
        assert "⟦" not in f"{error}{body.decode()}{lines}"


def test_texts_that_errors_are_raised_with_are_phrases() -> None:
    """Of those that become pages, and of wrong options; a text put together on the spot is English for good."""
    names = {kind.__name__ for kind in KINDS} | {"ConfigError", "MessageError", "Incomplete"}
    wrong = []
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        wrong += [f"{path.relative_to(SOURCE)}:{line}" for line in plain_texts(tree, names)]
    assert not wrong


def plain_texts(tree: ast.AST, names: set[str]) -> Iterator[int]:
    """Yield the lines with calls of ``names`` that are given a sentence that is no phrase."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            for given in (*node.args, *(keyword.value for keyword in node.keywords)):
                text = given.value if isinstance(given, ast.Constant) else ""
                if isinstance(given, ast.JoinedStr) or (isinstance(text, str) and " " in text):
                    yield node.lineno


# --- what the system says -------------------------------------------------------------------------------


def test_what_the_system_says_of_the_way_to_the_gateway_is_told_in_german() -> None:
    error = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
    _, _, body = render(GatewayUnreachable(ORIGIN, reason(error)), HTML, Language.named("de"))
    assert "Das Gateway 10.11.120.2 ist nicht erreichbar: Keine Route dorthin." in body.decode()


def test_what_the_system_says_else_stays_as_it_is() -> None:
    assert reason(OSError(errno.EPROTO, "Protocol error")) == "Protocol error"
    assert reason(OSError("all is lost")) == "all is lost"


def test_trouble_of_the_store_is_told_in_the_language_of_the_page(store: TrustStore) -> None:
    trouble = Guard(store, call_in_thread, 2.5).faulty(phrase("did not answer within {seconds:g} s", seconds=2.5))
    error = PinRefused(ORIGIN, "b" * 64, trouble=trouble.message)
    _, _, body = render(error, HTML, Language.named("de"))
    assert "hat nicht innerhalb von 2.5 s geantwortet. Es wurde nichts gesendet.</code>" in body.decode()
    assert str(error).endswith("Nothing was sent. If the presented certificate is the gateway's, " + OTHERWISE)

"""The page for people, as a value: its texts, its structure, its colours."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.errors import CertificateChanged
from smgwproxy.phrases import Phrase
from smgwproxy.status import chart, wording
from smgwproxy.status.course import Span
from smgwproxy.status.kept import Kept
from smgwproxy.status.page import notice, page
from smgwproxy.status.style import CSS
from smgwproxy.status.watched import Watched
from smgwproxy.truststores.record import Pending, Pin
from tests.status.support import (
    LANGUAGES,
    NOW,
    ORIGIN,
    Element,
    changed,
    commands,
    fresh,
    parsed,
    reader,
    well,
)
from tests.support import Identity


@pytest.fixture
def everything(identity: Identity, impostor: Identity) -> list[Watched]:
    """Gateways in every state that there is something to tell of."""
    return [
        well(identity),
        changed(identity, impostor),
        fresh(),
        replace(fresh("deaf"), listening=False, kept=None),
        replace(fresh("broken"), kept=Kept(trouble="It fails")),
        replace(fresh("strict"), kept=Kept(first_use=False)),
    ]


# --- texts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", LANGUAGES)
def test_page_names_its_language(everything: list[Watched], code: str) -> None:
    (html,) = parsed(page(everything, reader(code))).all("html")
    assert html.attributes["lang"] == code


def test_no_text_of_the_page_is_left_in_english(everything: list[Watched]) -> None:
    english, german = (parsed(page(everything, reader(code))) for code in LANGUAGES)
    assert "The gateway answers." in english.whole_text
    assert "Das Gateway antwortet." in german.whole_text
    told = [value for value in vars(wording).values() if isinstance(value, Phrase) and " " in value]
    assert told
    assert not [one for one in told if one in german.whole_text]


# --- what it tells --------------------------------------------------------------------------------------


def test_reachable_since_and_last_answer_are_told_in_the_time_of_the_house(identity: Identity) -> None:
    told = page([well(identity)], reader())
    assert "status 200" in told
    since, last = (NOW - timedelta(hours=3)).astimezone(), NOW.astimezone()
    for moment in (since, last):
        assert f'datetime="{moment.isoformat(timespec="seconds")}"' in told


def test_certificate_is_told_with_its_fingerprint_in_groups(identity: Identity) -> None:
    told = parsed(page([well(identity)], reader()))
    (fingerprint,) = [one for one in told.all("code") if one.attributes.get("class") == "fingerprint"]
    assert fingerprint.text.split() == identity.certificate.fingerprint.groups.split()
    assert "in 36" in told.whole_text  # days; and a bit, since the certificate is of today
    assert "CN=SMGW" in told.whole_text


@pytest.mark.parametrize(
    ("days", "told"), [(-3, "has ended"), (0.5, "within a day"), (1.5, "in one day"), (9.5, "in 9")]
)
def test_end_of_the_certificate_is_told_in_days(days: float, told: str, identity: Identity) -> None:
    ends = (NOW + timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
    pin = Pin(identity.certificate.fingerprint, not_after=ends)
    assert told in page([replace(fresh(), kept=Kept((pin,)))], reader())


@pytest.mark.parametrize(("moment", "hours"), [(datetime.min, 14), (datetime.max, -14)])
def test_moment_that_is_none_in_this_time_zone_is_told_in_its_own(
    moment: datetime, hours: int, identity: Identity
) -> None:
    pinned_at = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    pin = Pin(identity.certificate.fingerprint, pinned_at=pinned_at)
    assert "Pinned" in page([replace(fresh(), kept=Kept((pin,)))], reader())


def test_pending_change_is_told_with_the_very_command_of_the_error_page(
    identity: Identity, impostor: Identity
) -> None:
    one = changed(identity, impostor)
    told = page([one], reader())
    (command,) = commands(told)
    error = CertificateChanged(ORIGIN, (), "", pending=True)
    assert error.advice.endswith(f": {command}")
    codes = parsed(told).all("code")
    fingerprints = ["".join(code.text.split()) for code in codes if "class" in code.attributes]
    assert str(impostor.certificate.fingerprint) in fingerprints


def test_each_of_several_that_wait_has_a_command_of_its_own(identity: Identity, impostor: Identity) -> None:
    one = changed(identity, impostor)
    assert one.kept is not None
    both = (*one.kept.pending, Pending(identity.certificate, NOW, NOW))
    told = page([replace(one, kept=replace(one.kept, pending=both))], reader())
    wanted = f"smgwproxy trust approve --target {ORIGIN} --fingerprint"
    assert commands(told) == [f"{wanted} {pending.fingerprint}" for pending in both]


def test_nothing_of_a_request_is_told_but_numbers(everything: list[Watched]) -> None:
    told = page(everything, reader())
    assert "secret" not in told
    assert "192.168.0.66" not in told


def test_page_takes_no_action_and_needs_nothing_from_elsewhere(everything: list[Watched]) -> None:
    told = parsed(page(everything, reader()))
    assert not told.all("form", "button", "input", "script", "img", "iframe", "object")
    links = {one.attributes["href"] for one in told.all("a", "link")}
    assert links == {"data:,", "/metrics", "/healthz", "/readyz"}


def test_names_in_a_certificate_are_text_and_turn_no_letters(identity: Identity) -> None:
    pin = Pin(identity.certificate.fingerprint, subject="CN=<script>alert(1)</script>\u202egnp")
    told = page([replace(fresh(), kept=Kept((pin,)))], reader())
    assert "<script" not in told
    assert "&lt;script&gt;" in told
    assert "\u202e" not in told


def test_notices_lead_back_to_the_page() -> None:
    told = parsed(notice(wording.NOT_FOUND, wording.NOT_FOUND_TOLD, reader("de")))
    assert "Diese Seite gibt es nicht" in told.whole_text
    assert "/" in {one.attributes["href"] for one in told.all("a")}


# --- the chart ------------------------------------------------------------------------------------------


def test_chart_has_a_bar_for_what_happened_and_says_the_same_in_words_and_rows(identity: Identity) -> None:
    told = parsed(page([well(identity)], reader()))
    picture = next(one for one in told.all("svg") if one.attributes.get("role") == "img")
    kinds = [one.attributes["class"] for one in picture.all("rect")]
    assert (kinds.count("answered"), kinds.count("average"), kinds.count("longest")) == (4, 4, 4)
    names = {one.attributes["id"]: one.text for one in picture.all("title", "desc")}
    assert names[picture.attributes["aria-labelledby"] or ""] == "The last 6 hours"
    assert "Requests: 4" in names[picture.attributes["aria-describedby"] or ""]
    assert "120\N{NO-BREAK SPACE}s at most" in names[picture.attributes["aria-describedby"] or ""]
    rows = [[cell.text for cell in row.all("td")] for row in told.all("tr")][1:]
    assert [row[0] for row in rows] == ["0", "0", "1", "1", "1", "1"]


@given(st.floats(0, 1e9), st.sampled_from((0.1, 1.0, 5.0)))
def test_upper_line_is_a_round_number_not_far_above_the_highest_bar(most: float, least: float) -> None:
    top = chart.nice(most, least)
    assert top >= max(most, least) * (1 - 1e-9)
    assert top <= max(most, least) * 2.5 * (1 + 1e-9)
    assert f"{top:e}"[0] in "125"


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 10**5)), min_size=72, max_size=72
    )
)
def test_no_bar_leaves_its_panel(happened: list[tuple[int, int, float]]) -> None:
    spans = [Span(0.0, answered + failed, failed, 1, seconds, seconds) for answered, failed, seconds in happened]
    labels = chart.Labels("", "", "", "", "", "", ("a", "b"))
    picture = parsed(chart.svg(spans, labels, "x"))
    lines = sorted({float(line.attributes["y1"] or 0) for line in picture.all("line")})
    for bar in picture.all("rect"):
        panel = lines[:2] if bar.attributes["class"] in {"answered", "failed"} else lines[2:]
        y, height = float(bar.attributes["y"] or 0), float(bar.attributes["height"] or 0)
        assert panel[0] - 1.2 <= y <= y + height <= panel[1] + 0.2  # the least of a bar is a pixel
        x, width = (float((bar.attributes[name] or "").rstrip("%")) for name in ("x", "width"))
        assert 0 <= x <= x + width <= 100


# --- for everybody --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_landmarks_are_unique_and_headings_in_order(everything: list[Watched], language: str) -> None:
    told = parsed(page(everything, reader(language)))
    for landmark in ("header", "main", "footer", "nav", "h1"):
        assert len(told.all(landmark)) == 1
    levels = [int(one.tag[1]) for one in told.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    identifiers = [one.attributes["id"] for one in everything_in(told) if "id" in one.attributes]
    assert len(set(identifiers)) == len(identifiers)
    for section in told.all("section"):
        assert section.attributes["aria-labelledby"] in identifiers
    assert all(one.attributes.get("scope") for one in told.all("th"))


def everything_in(element: Element) -> list[Element]:
    return [element, *(below for child in element.children for below in everything_in(child))]


def colours(scheme: str) -> dict[str, str]:
    light, dark = (dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", part)) for part in CSS.split("@media", 2)[:2])
    return light if scheme == "light" else light | dark


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_that_of_wcag_aa(scheme: str) -> None:
    colour = colours(scheme)
    for text in ("ink", "quiet", "link"):
        assert contrast(colour[text], colour["paper"]) >= 4.5, text
    assert contrast(colour["ink"], colour["field"]) >= 4.5
    for shape in ("answered", "failed", "average", "longest", "good", "bad", "neutral"):
        assert contrast(colour[shape], colour["paper"]) >= 3.0, shape


def test_every_colour_is_a_variable_that_both_schemes_have() -> None:
    light, dark, *_ = CSS.split("@media")
    names = [set(re.findall(r"--([a-z]+):", part)) for part in (light, dark)]
    assert names[0] == names[1]
    assert set(re.findall(r"var\(--([a-z]+)\)", CSS)) == names[0]
    assert not re.search(r"#[0-9a-f]{3,6}", re.sub(r"--[a-z]+: #[0-9a-f]{6}", "", CSS))

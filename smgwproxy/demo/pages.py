"""The frame of the simulated gateways' web pages: HTML in German, without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from string import Template

from smgwproxy.demo.meter import Reading
from smgwproxy.demo.times import german_time


@dataclass(frozen=True, slots=True)
class Look:
    """How a vendor's pages look: a word and a line below it for a logo, two CSS colours."""

    wordmark: str
    claim: str
    dark: str
    bright: str


_PAGE = Template("""<!DOCTYPE html>
<html lang="de">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="data:,">
<style>
body { margin: 0; background: #f1f1f1; color: #333; font: 14px/1.5 Verdana, "DejaVu Sans", sans-serif; }
.sheet { max-width: 68rem; min-height: 30rem; margin: 0 auto; padding: 1rem 1.5rem 2rem; background: #fff;
  box-sizing: border-box; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.5rem; margin-bottom: 1.5rem; }
.wordmark { color: $dark; font-size: 2rem; font-weight: bold; line-height: 1; }
.wordmark small { display: block; margin-top: .3rem; color: $bright; font-size: .9rem; }
h1, h2 { margin: 0; color: $dark; font-size: 1.15rem; }
h2 { margin-bottom: 1rem; font-size: 1rem; }
section { margin-bottom: 2rem; }
.columns { display: flex; flex-wrap: wrap; gap: 1.5rem; }
nav { flex: 1 1 10rem; max-width: 14rem; }
nav ul { margin: 0; padding: 0; list-style: none; }
nav li { border-bottom: 1px solid #999; }
nav li:last-child { border: 0; }
nav a, nav button { display: block; width: 100%; box-sizing: border-box; padding: .3rem .6rem; border: 0;
  background: none; color: $dark; font: inherit; text-align: left; text-decoration: none; cursor: pointer; }
nav .here { background: $dark; color: #fff; }
nav form { margin: 0; }
main { flex: 3 1 18rem; min-width: 0; overflow-x: auto; }
table { border-collapse: collapse; }
table + table { margin-top: 1.5rem; }
th, td { padding: .15rem .6rem .15rem .3rem; font-weight: normal; text-align: left; vertical-align: top; }
thead th { border-bottom: 1px solid #999; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
footer { color: #777; font-size: .85em; }
</style>
</head>
<body>
<div class="sheet">
<header>
<div class="wordmark">$wordmark<small>$claim</small></div>
<h1>$heading</h1>
</header>
<div class="columns">
<nav><ul>
$menu
</ul></nav>
<main>
$content
</main>
</div>
<footer>Simuliertes Gateway: Zähler und Werte sind erfunden.</footer>
</div>
</body>
</html>
""")


def page(look: Look, heading: str, menu: Iterable[str], content: str) -> str:
    """Put a page together; ``menu`` and ``content`` are HTML, everything else is text."""
    return _PAGE.substitute(
        title=escape(heading),
        heading=escape(heading),
        wordmark=escape(look.wordmark),
        claim=escape(look.claim),
        dark=look.dark,
        bright=look.bright,
        menu="\n".join(f"<li>{item}</li>" for item in menu),
        content=content,
    )


def link(path: str, title: str, *, here: bool = False) -> str:
    """Make an item of a menu; ``here`` marks the page that is shown."""
    mark = ' class="here"' if here else ""
    return f'<a href="{escape(path)}"{mark}>{escape(title)}</a>'


def section(title: str, content: str) -> str:
    """Make a section with a heading; ``content`` is HTML."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>"


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Make a table of names and values."""
    lines = (f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows)
    return "<table>\n<tbody>\n" + "\n".join(lines) + "\n</tbody>\n</table>"


def readings(values: Sequence[Reading]) -> str:
    """Make a table of readings as people like them: kWh with a comma, German time."""
    rows = (
        f"<tr><td>{escape(reading.channel.title)}</td><td>{reading.channel.obis}</td>"
        f'<td class="number">{reading.kilowatt_hours.replace(".", ",")}</td><td>kWh</td>'
        f"<td>{german_time(reading.at):%d.%m.%Y %H:%M}</td></tr>"
        for reading in values
    )
    names = ("Register", "OBIS-Kennzahl", "Zählerstand", "Einheit", "Zeitpunkt")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>"

"""How the page for people looks: by day, by night, and on a telephone."""

from __future__ import annotations

CSS = """
:root {
  color-scheme: light dark; font: 1.05rem/1.5 system-ui, sans-serif;
  --paper: #ffffff; --ink: #1b1f24; --quiet: #57606a; --line: #d0d7de; --field: #f3f5f7; --link: #0a58b5;
  --answered: #2f6fb7; --failed: #b3541e; --average: #7a4fb0; --longest: #848d97;
  --good: #1a7f37; --bad: #b42318; --neutral: #57606a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --ink: #e6e8eb; --quiet: #a3adb8; --line: #353b43; --field: #20252b; --link: #7db5f5;
    --answered: #6aa5e8; --failed: #f0883e; --average: #b794f0; --longest: #7f8994;
    --good: #4ac26b; --bad: #ff8279; --neutral: #a3adb8;
  }
}
* { box-sizing: border-box; }
body { background: var(--paper); color: var(--ink); max-width: 44rem; margin: 0 auto; padding: 1.5rem 1rem 2rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.25rem; margin: 2rem 0 .6rem; overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
p { margin: .4rem 0; overflow-wrap: anywhere; }
a { color: var(--link); }
header p, footer { color: var(--quiet); font-size: .9rem; }
footer { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: .6rem; }
footer ul { display: inline; margin: 0; padding: 0; }
footer li { display: inline; margin-left: .5rem; }
.state { background: var(--field); border-left: .3rem solid var(--neutral); border-radius: .2rem;
  padding: .5rem .8rem; }
.good { border-color: var(--good); }
.bad { border-color: var(--bad); }
.pending { border: 2px solid var(--bad); border-radius: .4rem; margin: 1.2rem 0; padding: .3rem 1rem .8rem; }
.pending h3 { margin-top: .5rem; }
dl { display: grid; gap: .2rem 1.2rem; grid-template-columns: 13rem minmax(0, 1fr); margin: .6rem 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .92rem/1.5 ui-monospace, monospace; }
.option { white-space: nowrap; }
.fingerprint { display: inline-block; white-space: pre; }
pre { background: var(--field); border-radius: .2rem; margin: .5rem 0; overflow-wrap: anywhere;
  padding: .5rem .8rem; white-space: pre-wrap; }
figure { margin: .4rem 0; }
figcaption { font-size: .9rem; }
figure svg { display: block; width: 100%; }
svg text { fill: var(--quiet); font: 12px system-ui, sans-serif; }
svg .name { fill: var(--ink); }
svg line { stroke: var(--line); }
.answered { fill: var(--answered); }
.failed { fill: var(--failed); }
.average { fill: var(--average); }
.longest { fill: var(--longest); }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; list-style: none; margin: .3rem 0; padding: 0; }
.legend svg { display: inline-block; height: .8em; margin-right: .35em; width: .8em; }
summary { cursor: pointer; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .3rem; text-align: right; }
th:first-child { text-align: left; }
th { font-weight: 600; }
td { white-space: nowrap; }
@media (max-width: 30rem) {
  dl { display: block; }
  dd { margin-bottom: .5rem; }
  table { font-size: .75rem; }
  th, td { padding: .3rem .1rem; }
}
"""

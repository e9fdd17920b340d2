"""The texts of the page for people: English templates, and their German.

Whoever builds the page hands each template to a `Say`, with the values of its fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

LANGUAGES: Sequence[str] = ("en", "de")
"""The first is for those who say nothing."""


class Say(Protocol):
    """Puts a template of this module, or the title of an error, into a person's language, and fills its fields."""

    def __call__(self, template: str, /, **values: object) -> str:
        """Return the text."""
        ...


def speaking(language: str) -> Say:
    """Return the `Say` of one of `LANGUAGES`; what has no translation stays English."""
    catalogue = GERMAN if language == "de" else {}
    return lambda template, /, **values: catalogue.get(template, template).format(**values)


# --- what is not a sentence -----------------------------------------------------------------------------

MOMENT = "{moment:%Y-%m-%d %H:%M}"
DAY = "{day:%Y-%m-%d}"
CLOCK = "{moment:%H:%M}"
MILLISECONDS = "{count}\N{NO-BREAK SPACE}ms"
TENTHS = "{whole}.{tenths}\N{NO-BREAK SPACE}s"
SECONDS = "{count}\N{NO-BREAK SPACE}s"

# --- the page -------------------------------------------------------------------------------------------

TITLE = "State of the proxy"
AS_OF = "As of {moment}. This page only looks: nothing is asked of the gateway for it."
ALL_WELL = "all is well"
NOT_WELL = "look at this"
FOR_PROGRAMS = "For programs:"
VERSION = "smgwproxy {version}"
WAYS = "Pages for programs"

# --- reachable, and since when --------------------------------------------------------------------------

ANSWERS = "The gateway answers."
TROUBLE = "The last request failed: {title}."
UNASKED = "Nobody has asked the gateway for anything yet."
NOT_LISTENING = "The proxy does not take requests for this gateway yet."
ADDRESS = "Address"
ANSWERS_SINCE = "Answers since"
TROUBLE_SINCE = "Fails since"
LAST_ANSWER = "Last answer"
LAST_ANSWER_TOLD = "{moment}, status {status}"
NONE_YET = "none yet"

# --- trust ----------------------------------------------------------------------------------------------

CERTIFICATE = "Certificate"
PINNED = "The gateway's certificate is known. Requests go to nobody else."
FIRST_USE = "No certificate is known yet: the one that the gateway presents first will be trusted from then on."
CHANGED = "Somebody presents another certificate than the one that is known. Such a peer is sent nothing."
REFUSED = "No certificate is known, and none is trusted without you. Nothing is sent."
UNREADABLE = "The trust store fails, so nothing is trusted and nothing is sent. The log of the proxy tells more."
NOT_LOOKED = "The trust store has not answered yet."
SUBJECT = "Made out to"
PINNED_AT = "Pinned"
ENDS = "Ends"
ENDS_IN_DAYS = "{day}, in {days} days"
ENDS_IN_A_DAY = "{day}, in one day"
ENDS_TODAY = "{day}, within a day"
ENDED = "{day}: it has ended, and is used all the same"
FINGERPRINT = "Fingerprint (SHA-256)"
BACKUP = "Accepted as well"
UNKNOWN = "not known"

# --- a certificate that waits ---------------------------------------------------------------------------

PENDING = "A new certificate waits for your decision"
PENDING_TOLD = (
    "Either the gateway or its certificate was exchanged, or somebody else answers at its address. Ask the "
    "metering point operator, and compare the fingerprint with theirs."
)
PENDING_DO = (
    "If it is right, approve it on the proxy's machine, with the same --certdir or --truststore as the proxy:"
)
FIRST_SEEN = "First seen"
LAST_SEEN = "Last seen"

# --- the last hours -------------------------------------------------------------------------------------

HOURS = "The last {hours} hours"
REQUESTS_CHART = "Requests in {minutes} minutes each"
LATENCY_CHART = "Time to the gateway's answer"
REQUESTS_TOLD = "Requests: {requests}, of which without a whole answer: {failed}."
LATENCY_TOLD = "The gateway's answers took {average} on average, {longest} at most."
NOTHING_YET = "There were no requests."
ANSWERED = "requests answered"
FAILED = "without a whole answer"
AVERAGE = "average time"
LONGEST = "longest time"
NOW = "now"
HOURS_AGO = "\N{MINUS SIGN}{hours}\N{NO-BREAK SPACE}h"
AS_TABLE = "In numbers"
HOUR = "From"
REQUESTS = "Requests"
COLUMN_FAILED = "Failed"
COLUMN_AVERAGE = "Average"
COLUMN_LONGEST = "Longest"

# --- other pages ----------------------------------------------------------------------------------------

NOT_FOUND = "There is no such page"
NOT_FOUND_TOLD = "The proxy tells of itself here. The gateway's own pages are at the proxy's other port."
NOT_ALLOWED = "This page can only be read"
NOT_ALLOWED_TOLD = "Nothing can be changed here: smgwproxy is told what to do on the proxy's machine."
BACK = "To the state of the proxy"


GERMAN: Mapping[str, str] = {
    MOMENT: "{moment:%d.%m.%Y, %H:%M} Uhr",
    DAY: "{day:%d.%m.%Y}",
    CLOCK: "{moment:%H:%M}",
    MILLISECONDS: "{count}\N{NO-BREAK SPACE}ms",
    TENTHS: "{whole},{tenths}\N{NO-BREAK SPACE}s",
    SECONDS: "{count}\N{NO-BREAK SPACE}s",
    TITLE: "Zustand des Proxys",
    AS_OF: "Stand: {moment}. Diese Seite schaut nur zu: Das Gateway wird dafür nicht gefragt.",
    ALL_WELL: "alles in Ordnung",
    NOT_WELL: "bitte ansehen",
    FOR_PROGRAMS: "Für Programme:",
    VERSION: "smgwproxy {version}",
    WAYS: "Seiten für Programme",
    ANSWERS: "Das Gateway antwortet.",
    TROUBLE: "Die letzte Anfrage ist gescheitert: {title}.",
    UNASKED: "Bisher hat niemand etwas vom Gateway abgefragt.",
    NOT_LISTENING: "Der Proxy nimmt für dieses Gateway noch keine Anfragen an.",
    ADDRESS: "Adresse",
    ANSWERS_SINCE: "Antwortet seit",
    TROUBLE_SINCE: "Gestört seit",
    LAST_ANSWER: "Letzte Antwort",
    LAST_ANSWER_TOLD: "{moment}, Status {status}",
    NONE_YET: "noch keine",
    CERTIFICATE: "Zertifikat",
    PINNED: "Das Zertifikat des Gateways ist bekannt. Anfragen gehen an niemand anderen.",
    FIRST_USE: (
        "Noch ist kein Zertifikat bekannt: Dem ersten, das das Gateway vorzeigt, wird von da an vertraut."
    ),
    CHANGED: (
        "Jemand zeigt ein anderes Zertifikat vor als das bekannte. An eine solche Gegenstelle wird nichts "
        "gesendet."
    ),
    REFUSED: "Kein Zertifikat ist bekannt, und ohne Sie wird keinem vertraut. Es wird nichts gesendet.",
    UNREADABLE: (
        "Der Vertrauensspeicher ist gestört. Darum wird niemandem vertraut und nichts gesendet. Näheres steht im "
        "Protokoll des Proxys."
    ),
    NOT_LOOKED: "Der Vertrauensspeicher hat noch nicht geantwortet.",
    SUBJECT: "Ausgestellt auf",
    PINNED_AT: "Gemerkt am",
    ENDS: "Läuft ab",
    ENDS_IN_DAYS: "am {day}, in {days} Tagen",
    ENDS_IN_A_DAY: "am {day}, in einem Tag",
    ENDS_TODAY: "am {day}, innerhalb eines Tages",
    ENDED: "Am {day} abgelaufen; es wird trotzdem verwendet",
    FINGERPRINT: "Fingerabdruck (SHA-256)",
    BACKUP: "Ebenfalls anerkannt",
    UNKNOWN: "nicht bekannt",
    PENDING: "Ein neues Zertifikat wartet auf Ihre Entscheidung",
    PENDING_TOLD: (
        "Entweder wurde das Gateway oder sein Zertifikat ausgetauscht, oder unter seiner Adresse antwortet jemand "
        "anderes. Fragen Sie den Messstellenbetreiber, und vergleichen Sie den Fingerabdruck mit dem, den er "
        "nennt."
    ),
    PENDING_DO: (
        "Wenn es das richtige ist, bestätigen Sie es auf dem Rechner des Proxys, mit demselben --certdir oder "
        "--truststore wie beim Proxy:"
    ),
    FIRST_SEEN: "Zuerst gesehen",
    LAST_SEEN: "Zuletzt gesehen",
    HOURS: "Die letzten {hours} Stunden",
    REQUESTS_CHART: "Anfragen in je {minutes} Minuten",
    LATENCY_CHART: "Zeit bis zur Antwort des Gateways",
    REQUESTS_TOLD: "Anfragen: {requests}, davon ohne vollständige Antwort: {failed}.",
    LATENCY_TOLD: "Die Antworten des Gateways dauerten im Mittel {average}, höchstens {longest}.",
    NOTHING_YET: "Es gab keine Anfragen.",
    ANSWERED: "Anfragen beantwortet",
    FAILED: "ohne vollständige Antwort",
    AVERAGE: "mittlere Zeit",
    LONGEST: "längste Zeit",
    NOW: "jetzt",
    HOURS_AGO: "\N{MINUS SIGN}{hours}\N{NO-BREAK SPACE}h",
    AS_TABLE: "In Zahlen",
    HOUR: "Ab",
    REQUESTS: "Anfragen",
    COLUMN_FAILED: "Fehler",
    COLUMN_AVERAGE: "Mittel",
    COLUMN_LONGEST: "Längste",
    NOT_FOUND: "Diese Seite gibt es nicht",
    NOT_FOUND_TOLD: (
        "Hier gibt der Proxy über sich Auskunft. Die Seiten des Gateways sind am anderen Port des Proxys."
    ),
    NOT_ALLOWED: "Diese Seite lässt sich nur lesen",
    NOT_ALLOWED_TOLD: (
        "Hier lässt sich nichts ändern: Was smgwproxy tun soll, legen Sie auf dem Rechner des Proxys fest."
    ),
    BACK: "Zum Zustand des Proxys",
    # The titles of errors on the gateway's side, as `smgwproxy.errors` has them:
    "The gateway cannot be reached": "Das Gateway ist nicht erreichbar",
    "The gateway does not answer": "Das Gateway antwortet nicht",
    "The gateway hung up": "Das Gateway hat die Verbindung beendet",
    "No secure connection to the gateway": "Keine sichere Verbindung zum Gateway",
    "The secure connection to the gateway broke": "Die sichere Verbindung zum Gateway ist abgerissen",
    "The gateway's answer cannot be understood": "Die Antwort des Gateways ist unverständlich",
    "The gateway's answer broke off": "Die Antwort des Gateways ist abgebrochen",
    "The gateway's certificate has changed": "Das Zertifikat des Gateways hat sich geändert",
    "The gateway's certificate is revoked": "Das Zertifikat des Gateways ist widerrufen",
    "The gateway's certificate is not known": "Das Zertifikat des Gateways ist nicht bekannt",
}

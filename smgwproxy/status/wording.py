"""The texts of the page for people, save the titles of errors."""

from __future__ import annotations

from datetime import datetime

from smgwproxy.phrases import Phrase, phrase

# --- what is not a sentence -----------------------------------------------------------------------------


def moment(moment: datetime) -> Phrase:
    """Tell day and time."""
    return phrase("{moment:%Y-%m-%d %H:%M}", moment=moment)


def day(day: datetime) -> Phrase:
    """Tell the day."""
    return phrase("{day:%Y-%m-%d}", day=day)


def clock(moment: datetime) -> Phrase:
    """Tell the time of the day."""
    return phrase("{moment:%H:%M}", moment=moment)


def milliseconds(count: int) -> Phrase:
    """Tell a duration."""
    return phrase("{count}\N{NO-BREAK SPACE}ms", count=count)


def tenths(whole: int, tenths: int) -> Phrase:
    """Tell a duration of ``whole`` seconds and ``tenths``."""
    return phrase("{whole}.{tenths}\N{NO-BREAK SPACE}s", whole=whole, tenths=tenths)


def seconds(count: int) -> Phrase:
    """Tell a duration."""
    return phrase("{count}\N{NO-BREAK SPACE}s", count=count)


# --- the page -------------------------------------------------------------------------------------------

TITLE = phrase("State of the proxy")


def as_of(moment: str) -> Phrase:
    """Tell when the page was made."""
    return phrase("As of {moment}. This page only looks: nothing is asked of the gateway for it.", moment=moment)


ALL_WELL = phrase("all is well")
NOT_WELL = phrase("look at this")
FOR_PROGRAMS = phrase("For programs:")


def version(version: str) -> Phrase:
    """Tell which program it is."""
    return phrase("smgwproxy {version}", version=version)


WAYS = phrase("Pages for programs")

# --- reachable, and since when --------------------------------------------------------------------------

ANSWERS = phrase("The gateway answers.")


def trouble(title: str) -> Phrase:
    """Tell the ``title`` of the last error."""
    return phrase("The last attempt failed: {title}.", title=title)


UNASKED = phrase("Nobody has asked the gateway for anything yet.")
NOT_LISTENING = phrase("The proxy does not take requests for this gateway yet.")
ADDRESS = phrase("Address")
ANSWERS_SINCE = phrase("Answers since")
TROUBLE_SINCE = phrase("Fails since")
LAST_ANSWER = phrase("Last answer")


def last_answer_told(moment: str, status: int) -> Phrase:
    """Tell of the last answer."""
    return phrase("{moment}, status {status}", moment=moment, status=status)


NONE_YET = phrase("none yet")

# --- trust ----------------------------------------------------------------------------------------------

CERTIFICATE = phrase("Certificate")
PINNED = phrase("The gateway's certificate is known. Requests go to nobody else.")
FIRST_USE = phrase(
    "No certificate is known yet: the one that the gateway presents first will be trusted from then on."
)
CHANGED = phrase("Somebody presents another certificate than the one that is known. Such a peer is sent nothing.")
REFUSED = phrase("No certificate is known, and none is trusted without you. Nothing is sent.")
UNREADABLE = phrase(
    "The trust store fails, so nothing is trusted and nothing is sent. The log of the proxy tells more."
)
NOT_LOOKED = phrase("The trust store has not answered yet.")
SUBJECT = phrase("Made out to")
PINNED_AT = phrase("Pinned")
ENDS = phrase("Ends")


def ends_in_days(day: str, days: int) -> Phrase:
    """Tell the end of a certificate."""
    return phrase("{day}, in {days} days", day=day, days=days)


def ends_in_a_day(day: str) -> Phrase:
    """Tell the end of a certificate."""
    return phrase("{day}, in one day", day=day)


def ends_today(day: str) -> Phrase:
    """Tell the end of a certificate."""
    return phrase("{day}, within a day", day=day)


def ended(day: str) -> Phrase:
    """Tell the end of a certificate."""
    return phrase("{day}: it has ended, and is used all the same", day=day)


FINGERPRINT = phrase("Fingerprint (SHA-256)")
BACKUP = phrase("Accepted as well")
UNKNOWN = phrase("not known")

# --- a certificate that waits ---------------------------------------------------------------------------

PENDING = phrase("A new certificate waits for your decision")
PENDING_TOLD = phrase(
    "Either the gateway or its certificate was exchanged, or somebody else answers at its address. Ask the "
    "metering point operator, and compare the fingerprint with theirs."
)
PENDING_DO = phrase(
    "If it is right, approve it on the proxy's machine, with the same --certdir or --truststore as the proxy:"
)
FIRST_SEEN = phrase("First seen")
LAST_SEEN = phrase("Last seen")

# --- the last hours -------------------------------------------------------------------------------------


def hours(hours: int) -> Phrase:
    """Tell what the chart is of."""
    return phrase("The last {hours} hours", hours=hours)


def requests_chart(minutes: int) -> Phrase:
    """Tell what the upper panel is of."""
    return phrase("Requests in {minutes} minutes each", minutes=minutes)


LATENCY_CHART = phrase("Time to the gateway's answer")


def requests_told(requests: int, failed: int) -> Phrase:
    """Tell the chart in words."""
    return phrase(
        "Requests: {requests}, of which without a whole answer: {failed}.", requests=requests, failed=failed
    )


def latency_told(average: str, longest: str) -> Phrase:
    """Tell the chart in words."""
    return phrase(
        "The gateway's answers took {average} on average, {longest} at most.", average=average, longest=longest
    )


NOTHING_YET = phrase("There were no requests.")
ANSWERED = phrase("requests answered")
FAILED = phrase("without a whole answer")
AVERAGE = phrase("average time")
LONGEST = phrase("longest time")
NOW = phrase("now")


def hours_ago(hours: int) -> Phrase:
    """Tell how long ago that was."""
    return phrase("\N{MINUS SIGN}{hours}\N{NO-BREAK SPACE}h", hours=hours)


AS_TABLE = phrase("In numbers")
HOUR = phrase("From")
REQUESTS = phrase("Requests")
COLUMN_FAILED = phrase("Failed")
COLUMN_AVERAGE = phrase("Average")
COLUMN_LONGEST = phrase("Longest")

# --- other pages ----------------------------------------------------------------------------------------

NOT_FOUND = phrase("There is no such page")
NOT_FOUND_TOLD = phrase("The proxy tells of itself here. The gateway's own pages are at the proxy's other port.")
NOT_ALLOWED = phrase("This page can only be read")
NOT_ALLOWED_TOLD = phrase("Nothing can be changed here: smgwproxy is told what to do on the proxy's machine.")
BACK = phrase("To the state of the proxy")

"""Which language a person is told something in (RFC 9110 section 12.5.4, RFC 4647 section 3.4); no I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence

_RANGE = re.compile(
    r"(?P<range>\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)"
    r"(?:[ \t]*;[ \t]*q=(?P<weight>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)


def preferred(accepted: str, available: Sequence[str]) -> str:
    """Return the one of ``available`` that ``accepted``, an Accept-Language field, likes best.

    ``available`` are primary subtags in lower case, such as ``de``, the default first. ``de-AT`` is content with
    ``de``. Of equal weights the one that was named first wins; what cannot be read is passed over.
    """
    wishes: dict[str, float] = {}
    for part in accepted.lower().split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is not None:
            language = match["range"].partition("-")[0]
            weight = float(match["weight"] or 1)
            wishes[language] = max(weight, wishes.get(language, 0.0))  # de-AT;q=0, de means: any but Austrian
    others = wishes.pop("*", 0.0)
    order = [*wishes, *available]
    weights = {language: wishes.get(language, others) for language in available}
    best = max(available, key=lambda language: (weights[language], -order.index(language)))
    return best if weights[best] else available[0]

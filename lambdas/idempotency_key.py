"""The header Idempotency-Key, read."""

from __future__ import annotations

import re

from conversion.errors import InvalidRequest

MOST_KEY_CHARACTERS = 255

# The draft's key is a string in quotes (RFC 8941 §3.3.3); most clients leave them out.
_KEY = re.compile(rf'("?)([\x21\x23-\x7e]{{1,{MOST_KEY_CHARACTERS}}})\1')


def read_key(header: str | None) -> str | None:
    """Without its quotes; None where there is no header. Raises InvalidRequest."""
    if header is None:
        return None
    if key := _KEY.fullmatch(header.strip(" \t")):
        return key[2]
    raise InvalidRequest(
        f'"Idempotency-Key" has 1 to {MOST_KEY_CHARACTERS} visible characters of ASCII and no '
        "quotes within; a UUID will do."
    )

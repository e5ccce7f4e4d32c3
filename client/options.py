"""Values given on the command line, read as people write them; each a `type=` of an option."""

from __future__ import annotations

import re

import click
import httpx

_BITRATE = re.compile(r"(\d{1,9})(k|kbps)?", re.IGNORECASE | re.ASCII)


def bitrate(text: str) -> int:
    """Kilobits per second out of 192k, 192kbps, 192 or 192000. Nobody asks for less than a
    kilobit, so a bare number below 1000 means kilobits. Raises BadParameter."""
    match = _BITRATE.fullmatch(text.strip())
    if not match or not int(match[1]):
        raise click.BadParameter(f"{text!r} is no bitrate: write 192k, 192000 or 192.")
    number, unit = int(match[1]), match[2]
    if unit or number < 1000:
        return number
    if number % 1000:
        raise click.BadParameter(f"{text!r} is not a whole number of kilobits: write 192k.")
    return number // 1000


def api_url(text: str) -> str:
    """An API's address, given with or without the /v1 that every route begins with, as one that
    ends in it. Raises BadParameter."""
    try:
        url = httpx.URL(text.strip().rstrip("/"))
    except httpx.InvalidURL as error:
        raise click.BadParameter(f"{text!r} is no address: {error}.") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise click.BadParameter(f"{text!r} is no address: write https://….")
    return str(url) if url.path.endswith("/v1") else f"{url}/v1"

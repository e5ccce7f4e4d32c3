"""Values given on the command line, read as people write them; each a `type=` of an option."""

from __future__ import annotations

import re

import click
import httpx

_BITRATE = re.compile(r"(\d{1,9})(k|kbps)?", re.IGNORECASE | re.ASCII)
_HERTZ = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?(k)?(?:hz)?", re.IGNORECASE | re.ASCII)
# Hours, minutes and seconds ("Time duration", ffmpeg-utils manual), and seconds with their unit.
_CLOCK = re.compile(r"(?:(\d{1,3}):)?([0-5]?\d):([0-5]?\d(?:\.\d{1,6})?)", re.ASCII)
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(s|ms|us)?", re.ASCII)
_DECIBELS = re.compile(r"([+-]?\d{1,3}(?:\.\d{1,6})?) ?(?:lufs|lkfs|dbtp|db)?", re.I | re.ASCII)
# Userinfo, query, fragment (RFC 3986 §3): sent, printed and kept, and of no use to the API.
_MORE_THAN_AN_ADDRESS = re.compile("[@?#]")
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}


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


def hertz(text: str) -> int:
    """44100, 44.1k, 44100Hz or 44.1 kHz. Raises BadParameter."""
    match = _HERTZ.fullmatch(text.strip())
    rate = round(float(match[1]) * (1000 if match[2] else 1), 3) if match else 0.0
    if not rate or not rate.is_integer():
        raise click.BadParameter(f"{text!r} is no sample rate: write 44100 or 44.1k.")
    return int(rate)


def seconds(text: str) -> float:
    """ffmpeg's time syntax: 90, 90.5, 500ms, 1:30, 0:01:30.5. Raises BadParameter."""
    text = text.strip()
    if match := _CLOCK.fullmatch(text):
        hours, minutes, rest = (float(each or 0) for each in match.groups())
        return 3600 * hours + 60 * minutes + rest
    if match := _SECONDS.fullmatch(text):
        return float(match[1]) / _UNITS[match[2] or "s"]
    raise click.BadParameter(f"{text!r} is no time: write 90, 90.5, 1:30 or 0:01:30.5.")


def tag(text: str) -> tuple[str, str]:
    """`NAME=TEXT`; the text may hold more of `=`, or be empty. Raises BadParameter."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{text!r} is no tag: write title=Pilot, or title= to remove it.")
    if _sendable(text) != text:
        raise click.BadParameter(f"{text!r} is no UTF-8: check the terminal's encoding.")
    return name, value


def name(text: str) -> str:
    """Of a format or preset: lower case, and sent in any case, for the API to say no to."""
    return _sendable(text.strip().lower())


def decibels(text: str) -> float:
    """-16, -16.5, or -16 with its unit. Raises BadParameter."""
    match = _DECIBELS.fullmatch(text.strip())
    if not match:
        raise click.BadParameter(f"{text!r} is no level: write -16 or -1.5.")
    return float(match[1])


def an_id(text: str) -> str:
    """Of a job or a file, in any form, for the API to know or not. Raises BadParameter."""
    told = _sendable(text.strip())
    if not told:
        raise click.BadParameter("an id is wanted, but this one is empty.")
    return told


def _sendable(text: str) -> str:
    """Bytes of the command line that were no UTF-8 cannot be sent in JSON."""
    return text.encode("utf-8", "replace").decode()


def api_url(text: str) -> str:
    """An API's address, given with or without the /v1 that every route begins with, as one that
    ends in it. Raises BadParameter."""
    if _MORE_THAN_AN_ADDRESS.search(text):  # not repeated: it may be a secret
        raise click.BadParameter(
            "what is given has more than an address: leave out a user and password (@), a query "
            "(?) and a fragment (#). Who calls is said by a token or by AWS credentials."
        )
    try:
        url = httpx.URL(text.strip().rstrip("/"))
    except httpx.InvalidURL as error:
        raise click.BadParameter(f"{text!r} is no address: {error}.") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise click.BadParameter(f"{text!r} is no address: write https://….")
    return str(url) if url.path.endswith("/v1") else f"{url}/v1"

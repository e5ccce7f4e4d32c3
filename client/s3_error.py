"""What S3 says to a signed request it does not serve, as an error that says what to do."""

from __future__ import annotations

from http import HTTPStatus
from xml.etree import ElementTree

import httpx

from client.errors import PassingError, StorageRefused
from client.retry import BUSY, retry_after

# Two conditional writes of one key met (S3 API reference, PutObject): the other may yet fail.
CONFLICT = HTTPStatus.CONFLICT
# No URL to ask at, or bytes that are not encoded as they say: to ask again does not help.
NO_ANSWER = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.DecodingError, UnicodeError)


def storage_error(response: httpx.Response, broken: type[PassingError]) -> Exception:
    """`broken` where another try may do."""
    message = f"S3 answered {response.status_code}{_reason(response)}"
    if response.status_code in BUSY or response.status_code == CONFLICT:
        return broken(f"{message}: try again later.", retry_after=retry_after(response))
    return StorageRefused(f"{message}: the link has expired or was not accepted; try again.")


def why(error: httpx.TransportError) -> str:
    return str(error) or type(error).__name__


def _reason(response: httpx.Response) -> str:
    """`, AccessDenied: Request has expired`, out of S3's XML; empty where there is none."""
    try:
        root = ElementTree.fromstring(response.content)  # noqa: S314 the signed URL's own server
    except ElementTree.ParseError:
        return ""
    return f", {root.findtext('Code', '')}: {root.findtext('Message', '')}".rstrip(": ")

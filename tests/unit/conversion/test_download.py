"""The download's name, whatever it is, in a header that nothing can break out of."""

from __future__ import annotations

import email
import http.client
import io
import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from conversion.clock import utc_now
from conversion.conversion import Conversion, Waveform
from conversion.download import (
    attachment,
    download_url,
    inline,
    waveform_json_url,
    waveform_png_url,
)
from conversion.errors import JobNotReady, NoOutput, NoWaveform
from conversion.job import Status
from tests.contract.examples import JOB, LATER, OUTPUT, a_job, completed, failed

DRAWN = Conversion("mp3", waveform=Waveform())
KEYS = JOB.waveform_keys(1)

# RFC 6266 §4.1 with RFC 8187 §3.2.1: a quoted-string without escapes, then an ext-value.
GRAMMAR = re.compile(
    r'attachment; filename="(?P<plain>[ !#-\[\]-~]*)"; '
    r"filename\*=UTF-8''(?P<real>(%[0-9A-F]{2}|[A-Za-z0-9!#$&+.^_`|~-])*)"
)

EVIL = [
    "talk.mp3",
    "Ärzte – live.mp3",
    'a"; filename="b.exe.mp3',
    "a\r\nSet-Cookie: x=1.mp3",
    "a\\\".mp3",
    "../../etc/passwd",
    "100%.mp3",
    "%22%0d%0a.mp3",
    "a;b,c=d.mp3",
    "\u202egpj.mp3",
    "שלום.mp3",
    "🎧.mp3",
    "a'b.mp3",
    "UTF-8''a.mp3",
    "",
    " ",
    "x" * 255,
    "ﷺ" * 255,
    "a\x00b\x7f.mp3",
    "\ud800.mp3",
]  # fmt: skip


@pytest.mark.parametrize("name", EVIL, ids=range(len(EVIL)))
def test_an_evil_name_stays_inside_its_quotes(name: str) -> None:
    matched = GRAMMAR.fullmatch(attachment(name))
    assert matched
    assert unquote(matched["real"]) == name.replace("\ud800", "?")


# What breaks out of headers, quotes, percent signs and folders, and what shows otherwise than it is
# written, more often than chance would have it.
_pieces = st.sampled_from(
    [
        "\r\n", "\n", "\r", '"', '\\"', "\\", ";", ",", "'", " ", "filename=", "filename*=UTF-8''",
        "%0d%0a", "%", "=?utf-8?q?a?=", "../", "..\\", "/etc/passwd", "\u202e", "\u200f", "שלום",
        "مرحبا", "🎧", "\U0001f468\u200d\U0001f469", "e\u0301", "\ufeff", "\x00", "\x7f", "\x85",
        "\u2028", "\ud800", "\udfff",
    ]
)  # fmt: skip
_any_character = st.characters(exclude_categories=())
names = st.one_of(
    st.text(_any_character, max_size=255),
    st.lists(st.one_of(_pieces, st.text(_any_character, max_size=5)), max_size=60).map(
        lambda pieces: "".join(pieces)[:255]
    ),
)


def writable(name: str) -> str:
    """Halves of surrogate pairs are in no UTF-8."""
    return name.encode(errors="replace").decode()


@given(names)
def test_any_name_comes_back_whole_from_a_header_of_ascii(name: str) -> None:
    header = attachment(name)
    matched = GRAMMAR.fullmatch(header)

    assert header.isascii()
    assert header.isprintable()
    assert matched
    assert unquote(matched["real"]) == writable(name)
    assert len(matched["plain"]) == len(name)
    assert inline(name) == header.replace("attachment", "inline", 1)


@given(names)
@example("a\r\nSet-Cookie: session=1\r\n\r\n<script>.mp3")
@example('a"; filename="b.exe')
def test_any_name_is_one_line_of_a_response(name: str) -> None:
    """As the standard library's HTTP client reads it."""
    answered = f"Content-Disposition: {attachment(name)}\r\nETag: x\r\n\r\n".encode()
    headers = http.client.parse_headers(io.BytesIO(answered))
    assert headers.items() == [("Content-Disposition", attachment(name)), ("ETag", "x")]


@given(names.filter(bool))
def test_any_name_is_read_back_by_another_hand(name: str) -> None:
    """werkzeug's, which knows RFC 8187 and takes the real name before the plain one."""
    assert parse_options_header(attachment(name)) == ("attachment", {"filename": writable(name)})


@given(names.filter(bool))
def test_who_knows_only_the_plain_name_gets_no_folder_and_no_quote(name: str) -> None:
    """email's, which takes the first of the two."""
    message = email.message_from_string(f"Content-Disposition: {attachment(name)}\n\n")
    plain = message.get_filename()
    assert plain is not None
    assert len(plain) <= len(name)
    assert not set(plain) & set('/\\"%\r\n')


class Signer:
    def presign_get(self, key: str, media_type: str, disposition: str, seconds: int) -> str:
        return f"{key}|{media_type}|{disposition}|{seconds}"


def test_a_completed_job_has_a_url() -> None:
    url = download_url(completed(), Signer(), 60)
    assert url == f"{OUTPUT.key}|audio/mpeg|{attachment(OUTPUT.file_name)}|60"


@pytest.mark.parametrize("status", Status)
def test_every_status_answers(status: Status) -> None:
    job = completed() if status is Status.COMPLETED else a_job(status=status)
    if status is Status.COMPLETED:
        assert download_url(job, Signer(), 60)
    else:
        with pytest.raises(NoOutput if status.is_terminal else JobNotReady, match=status.value):
            download_url(job, Signer(), 60)


def test_a_failed_job_says_why_there_is_nothing() -> None:
    with pytest.raises(NoOutput, match="CORRUPT_INPUT: The file cannot be decoded"):
        download_url(failed(), Signer(), 60)


def test_a_waveform_is_named_after_its_output_and_its_picture_is_shown() -> None:
    job = completed(conversion=DRAWN, output=replace(OUTPUT, waveform=KEYS))
    stem = "Ärzte – live.waveform"

    as_json, as_png = (each(job, Signer(), 60) for each in (waveform_json_url, waveform_png_url))
    assert as_json == f"{KEYS.json}|application/json|{attachment(f'{stem}.json')}|60"
    assert as_png == f"{KEYS.png}|image/png|{inline(f'{stem}.png')}|60"


@pytest.mark.parametrize("url_of", [waveform_json_url, waveform_png_url])
@pytest.mark.parametrize("status", Status)
def test_a_waveform_that_was_asked_for_is_there_when_the_output_is(
    status: Status, url_of: Any
) -> None:
    if status is Status.COMPLETED:
        job = completed(conversion=DRAWN, output=replace(OUTPUT, waveform=KEYS))
        assert url_of(job, Signer(), 60)
    else:
        with pytest.raises(NoOutput if status.is_terminal else JobNotReady, match=status.value):
            url_of(a_job(status=status, conversion=DRAWN), Signer(), 60)


@pytest.mark.parametrize("url_of", [waveform_json_url, waveform_png_url])
@pytest.mark.parametrize("status", Status)
def test_a_waveform_nobody_asked_for_is_not_waited_for(status: Status, url_of: Any) -> None:
    with pytest.raises(NoWaveform, match="waveform"):
        url_of(a_job(status=status), Signer(), 60)


def test_an_output_without_the_waveform_it_should_have_says_so() -> None:
    with pytest.raises(NoWaveform, match="made no waveform"):
        waveform_png_url(completed(conversion=DRAWN), Signer(), 60)


@pytest.mark.parametrize("left", [1.5, 30.2, 59.9])
def test_a_url_to_what_leaves_ends_with_it(left: float) -> None:
    ends = int(utc_now().timestamp() + left) + 1
    job = completed(expires_at=ends, delete_after_download=True)

    seconds = int(download_url(job, Signer(), 60).rpartition("|")[2])
    assert 0 < ends - utc_now().timestamp() - seconds <= 1.5


def test_a_url_to_what_may_stay_is_good_for_its_time() -> None:
    assert download_url(completed(expires_at=LATER), Signer(), 60).endswith("|60")

"""The download's name, whatever it is, in a header that nothing can break out of."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from tests.contract.examples import JOB, OUTPUT, a_job, completed, failed

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


@given(st.text(max_size=255))
def test_any_name_comes_back_whole_from_a_header_of_ascii(name: str) -> None:
    header = attachment(name)
    matched = GRAMMAR.fullmatch(header)

    assert header.isascii()
    assert header.isprintable()
    assert matched
    assert unquote(matched["real"]) == name
    assert len(matched["plain"]) == len(name)
    assert inline(name) == header.replace("attachment", "inline", 1)


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

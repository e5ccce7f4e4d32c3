"""Names as people, other systems and attackers write them, from the upload to the saved file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from unicodedata import normalize

import httpx
import pytest
from werkzeug.http import parse_options_header

from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline, make_tone

KEYS = re.compile(r"(uploads/[0-9a-f]{32}\.wav|conversions/[0-9a-f]+/1/output\.mp3)")
_PLAIN = re.compile(r'attachment; filename="[^"\\%/\x00-\x1f\x7f-\uffff]+"; filename\*=UTF-8\'\'')
# What is behind the last slash is the name; the rest of a name is taken as it is.
KEPT = {
    "quo\"te's.wav": "quo\"te's",
    "percent%0d%0aX-Evil%3A 1%2F..%2F%00.wav": "percent%0d%0aX-Evil%3A 1%2F..%2F%00",
    "../../../etc/passwd.wav": "passwd",
    "\u202evaw.3pm\u2066.wav": "\u202evaw.3pm\u2066",
    "\N{HEADPHONE}\N{MAN}\u200d\N{PERSONAL COMPUTER}\N{MULTIPLE MUSICAL NOTES}.wav": (
        "\N{HEADPHONE}\N{MAN}\u200d\N{PERSONAL COMPUTER}\N{MULTIPLE MUSICAL NOTES}"
    ),
    "漢" * 251 + ".wav": "漢" * 251,
    normalize("NFD", "Ménage à trois.wav"): normalize("NFD", "Ménage à trois"),
}
ALSO_KEPT = {
    normalize("NFC", "Ménage à trois.wav"): normalize("NFC", "Ménage à trois"),
    "a" * 251 + ".wav": "a" * 251,
    "...hidden.wav": "...hidden",
    "-rf; $(reboot) `reboot` | & < > *?.wav": "-rf; $(reboot) `reboot` | & < > *?",
    'x"; filename=evil.exe; y=".wav': 'x"; filename=evil.exe; y="',
    "UTF-8''a%20b.wav": "UTF-8''a%20b",
    "C:\\Users\\me\\CON.wav": "CON",
    "a.mp3.WAV": "a.mp3",
    "Ελλάδα, 日本, مصر, भारत.wav": "Ελλάδα, 日本, مصر, भारत",
    "zero\u200bwidth\u00a0and\u3000spaces.wav": "zero\u200bwidth\u00a0and\u3000spaces",
    "{{7*7}}${jndi:ldap://x}<script>.wav": "x}<script>",
}
REFUSED = {
    "two\r\nlines.wav": (400, "INVALID_REQUEST"),
    "two\nlines.wav": (400, "INVALID_REQUEST"),
    "nul\x00.wav": (400, "INVALID_REQUEST"),
    "escape\x1b[31m.wav": (400, "INVALID_REQUEST"),
    "separator\u2028.wav": (400, "INVALID_REQUEST"),
    "half a pair\ud800.wav": (400, "INVALID_REQUEST"),
    "a" * 252 + ".wav": (400, "INVALID_REQUEST"),
    "": (400, "INVALID_REQUEST"),
    "   ": (400, "INVALID_REQUEST"),
    "a.wav/": (400, "INVALID_REQUEST"),
    "..": (415, "UNSUPPORTED_MEDIA_TYPE"),
    ".wav": (415, "UNSUPPORTED_MEDIA_TYPE"),
    "no suffix": (415, "UNSUPPORTED_MEDIA_TYPE"),
    "song.wav.exe": (415, "UNSUPPORTED_MEDIA_TYPE"),
    "song.wav%00.exe": (415, "UNSUPPORTED_MEDIA_TYPE"),
    "notes.txt": (415, "UNSUPPORTED_MEDIA_TYPE"),
}


@pytest.fixture(scope="module")
def blip(ffmpeg: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("blip") / "blip.wav"
    make_tone(ffmpeg, path, seconds=0.5)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        *KEPT.items(),
        *(pytest.param(*each, marks=pytest.mark.long) for each in ALSO_KEPT.items()),
    ],
    ids=ascii,
)
def test_a_name_comes_back_as_it_was_given_and_is_in_no_key(
    pipeline: Pipeline, blip: bytes, name: str, stem: str
) -> None:
    answer = journey.ask_for_upload(pipeline.api, name, len(blip), {"format": "mp3"})
    assert answer.status_code == 201, answer.text
    upload = answer.json()
    assert upload["fileName"] == name.replace("\\", "/").rpartition("/")[2]
    assert journey.put(upload, blip).status_code == 200

    [listed] = journey.jobs_of(pipeline.api, upload["fileId"])
    assert listed["fileName"] == upload["fileName"]
    job = journey.finished(pipeline.api, listed["jobId"])
    assert job["status"] == "completed", job["error"]
    assert job["output"]["fileName"] == f"{stem}.mp3"

    saved = journey.fetch(pipeline.api, job["jobId"], "output")
    assert saved_as(saved.headers["content-disposition"]) == f"{stem}.mp3"
    assert "x-evil" not in saved.headers
    for prefix in (f"uploads/{upload['fileId']}", f"conversions/{job['jobId']}"):
        found = pipeline.client("s3").list_objects_v2(Bucket=pipeline.bucket, Prefix=prefix)
        [key] = [each["Key"] for each in found["Contents"]]
        assert KEYS.fullmatch(key)


def saved_as(disposition: str) -> str | None:
    """As werkzeug reads it, which knows RFC 6266's `filename*`; and for those who do not, there is
    a plain name, in which nothing can be mistaken for the header's own signs."""
    assert _PLAIN.match(disposition), disposition
    kind, parameters = parse_options_header(disposition)
    assert (kind, parameters.keys()) == ("attachment", {"filename"})
    return parameters["filename"]


@pytest.mark.parametrize(("name", "refusal"), REFUSED.items(), ids=ascii)
def test_a_name_that_nobody_could_keep_is_refused(
    pipeline: Pipeline, name: str, refusal: tuple[int, str]
) -> None:
    body = json.dumps({"fileName": name, "bytes": 1000}).encode()
    answer = httpx.post(f"{pipeline.api}/uploads", content=body, timeout=30)
    assert journey.refused(answer) == refusal


def test_a_plain_name_is_spelt_plainly_for_old_clients_too(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    job = journey.completed(pipeline.api, music["wav"], {"format": "mp3"})
    saved = journey.fetch(pipeline.api, job["jobId"], "output")
    told = saved.headers["content-disposition"]
    assert told == "attachment; filename=\"music.mp3\"; filename*=UTF-8''music.mp3"

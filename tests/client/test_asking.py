"""What `sluice convert` can be asked for, what reaches the API of it, and what comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from client.verbs import main
from conversion.conversion import Conversion
from tests.client.conftest import Run
from tests.client.service import Service, Trouble, converted

LOUDNESS = {
    "before": {"integratedLufs": -27.34, "rangeLu": 5.2, "truePeakDbtp": -3.1},
    "after": {"integratedLufs": -16.0, "rangeLu": 5.0, "truePeakDbtp": None},
}
WARNING = {"code": "SOMETHING_ODD", "message": "The file is odd\x1b[2J."}


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    file = tmp_path / "a.wav"
    file.write_bytes(b"RIFF")
    return file


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (["--to", "FLAC"], {"format": "flac"}),
        (["--preset", "podcast-mono-64k"], {"preset": "podcast-mono-64k"}),
        (
            ["--preset", "podcast-mono-64k", "--bitrate", "96k", "--tag", "title=x"],
            {"preset": "podcast-mono-64k", "bitrateKbps": 96, "tags": {"title": "x"}},
        ),
        (["--to", "mp3", "--quality", "0"], {"format": "mp3", "quality": 0}),
        (
            ["--to", "flac", "--sample-rate", "44.1k", "--channels", "2", "--bit-depth", "24"],
            {"format": "flac", "sampleRate": 44_100, "channels": 2, "bitDepth": 24},
        ),
        (
            ["--to", "mp3", "--start", "1:30", "--end", "0:02:00.5", "--fade-in", "500ms"],
            {"format": "mp3", "startSeconds": 90.0, "endSeconds": 120.5, "fadeInSeconds": 0.5},
        ),
        (["--to", "mp3", "--fade-out", "3"], {"format": "mp3", "fadeOutSeconds": 3.0}),
        (
            ["--to", "mp3", "--loudness", "-16"],
            {"format": "mp3", "loudness": {"integratedLufs": -16.0}},
        ),
        (
            ["--to", "mp3", "--loudness", "-23", "--true-peak", "-2"],
            {"format": "mp3", "loudness": {"integratedLufs": -23.0, "truePeakDbtp": -2.0}},
        ),
        (
            ["--to", "mp3", "--tag", "title=Ä=1", "--tag", "comment=", "--drop-metadata"],
            {"format": "mp3", "tags": {"title": "Ä=1", "comment": ""}, "metadata": "drop"},
        ),
        (
            ["--to", "mp3", "--drop-cover", "--waveform"],
            {"format": "mp3", "cover": "drop", "waveform": True},
        ),
    ],
)
def test_an_option_is_said_as_the_api_reads_it(
    run: Run, service: Service, wav: Path, options: list[str], asked: dict[str, Any]
) -> None:
    assert run("a.wav", *options).code == 0
    (upload,) = service.uploads.values()
    assert upload["conversions"] == [asked]
    assert Conversion.from_request(
        asked
    )  # the API's own reading, of which the client knows nothing


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--to", "mp3", "--preset", "archive-flac"],
        ["--to", "mp3", "--true-peak", "-1"],
        ["--to", "mp3", "--tag", "title=a", "--tag", "title=b"],
        ["--to", "mp3", "--tag", "title"],
        ["--to", "mp3", "--start", "soon"],
        ["--to", "mp3", "--loudness", "nan"],
        ["--to", "mp3", "--sample-rate", "fast"],
        ["--to", "mp3", "--channels", "mono"],
    ],
)
def test_what_means_nothing_is_wrong_usage(wav: Path, options: list[str]) -> None:
    result = CliRunner().invoke(main, ["convert", str(wav), *options])
    assert result.exit_code == 2
    assert "Error:" in result.stderr


def test_what_the_api_refuses_is_told_with_its_words(run: Run, service: Service, wav: Path) -> None:
    ran = run("a.wav", "--to", "mp3", "--tag", "artist=x")
    assert ran.code == 1
    assert ran.object["error"] == {
        "code": "INVALID_REQUEST",
        "message": "There is no title among the tags.",
    }
    assert service.jobs == {}


def test_a_preset_gets_the_suffix_of_its_format(run: Run, wav: Path) -> None:
    assert run("a.wav", "--preset", "podcast-mono-64k").object["output"] == "a.mp3"


def test_formats_with_one_suffix_do_not_overwrite_each_other(run: Run, wav: Path) -> None:
    outputs = [run("a.wav", "--to", each).object["output"] for each in ("m4a", "alac", "m4a")]
    assert outputs == ["a.m4a", "a (1).m4a", "a (2).m4a"]
    assert Path("a.m4a").read_bytes() == converted(b"RIFF", "m4a")
    assert Path("a (1).m4a").read_bytes() == converted(b"RIFF", "alac")


def test_a_waveform_is_saved_beside_its_output_under_its_number(
    run: Run, service: Service, wav: Path, tmp_path: Path
) -> None:
    Path("a.waveform.json").write_bytes(b"precious")
    ran = run("a.wav", "--to", "mp3", "--waveform", "--out", "new")
    assert ran.object["waveform"] == ["new/a.waveform.json", "new/a.waveform.png"]
    again = run("a.wav", "--to", "mp3", "--waveform")
    assert again.object["output"] == "a (1).mp3"
    assert again.object["waveform"] == ["a (1).waveform.json", "a (1).waveform.png"]
    assert Path("a (1).waveform.png").read_bytes() == b"png"
    assert Path("a.waveform.json").read_bytes() == b"precious"
    assert {each.name for each in tmp_path.iterdir()} == {
        *("a.wav", "new", "a.waveform.json"),
        *("a (1).mp3", "a (1).waveform.json", "a (1).waveform.png"),
    }


@pytest.mark.parametrize("kind", ["waveform.json", "waveform.png"])
def test_a_waveform_that_does_not_come_leaves_nothing_behind(
    run: Run, service: Service, wav: Path, tmp_path: Path, kind: str
) -> None:
    service.troubles[kind] = Trouble(2, 503)
    assert run("a.wav", "--to", "mp3", "--waveform", "--out", "first").code == 0
    service.troubles[kind] = Trouble(99, 503)
    ran = run("a.wav", "--to", "mp3", "--waveform", "--out", "second")
    assert (ran.code, ran.object["status"], ran.object["waveform"]) == (1, "failed", [])
    assert len(list((tmp_path / "first").iterdir())) == 3
    assert list((tmp_path / "second").iterdir()) == []


def test_loudness_and_warnings_are_told(run: Run, service: Service, wav: Path) -> None:
    service.loudness, service.warnings = LOUDNESS, [WARNING]
    ran = run("a.wav", "--to", "mp3", "--loudness", "-16", "--true-peak", "-1")
    assert ran.code == 0, "a warning is no failure"
    assert ran.object["loudness"] == LOUDNESS
    assert ran.object["warnings"] == [WARNING]
    assert "a.wav: warning: SOMETHING_ODD: The file is odd\ufffd[2J." in ran.stderr.splitlines()


def test_people_are_told_what_was_saved_and_how_loud_it_was(
    run: Run, service: Service, wav: Path
) -> None:
    service.loudness, service.warnings = LOUDNESS, [WARNING]
    options = ["--to", "mp3", "--waveform", "--api", service.url]
    result = CliRunner().invoke(main, ["convert", "a.wav", *options])
    assert result.stdout == (
        "a.wav -> a.mp3, a.waveform.json, a.waveform.png "
        "(1:02, 8 bytes, -27.3 -> -16.0 LUFS, peak -3.1 -> silence dBTP)\n"
    )
    assert "SOMETHING_ODD" in result.stderr


def test_loudness_that_is_none_is_an_unexpected_answer(
    run: Run, service: Service, wav: Path
) -> None:
    service.loudness = {"before": "quiet"}
    assert run("a.wav", "--to", "mp3").object["error"]["code"] == "UNEXPECTED_ANSWER"


def test_a_deployment_that_tells_of_no_warnings_is_understood(
    run: Run, service: Service, wav: Path
) -> None:
    service.warnings = None  # type: ignore[assignment]
    ran = run("a.wav", "--to", "mp3")
    assert (ran.code, json.loads(ran.stdout)["warnings"]) == (0, [])

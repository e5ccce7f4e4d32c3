"""The image's ffmpeg has what the code asks of it, by the same names, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from conversion.conversion import Conversion, Loudness, Waveform
from conversion.formats import FORMATS
from tasks.converter import sound
from tasks.converter.command import DEMUXERS, measure_command, probe_command, to_file, to_sink
from tasks.converter.filters import Shape, Tap, filter_options, measuring_chain
from tasks.converter.loudness import Gain
from tasks.converter.sound import Sound
from tasks.converter.trim import Span

ROOT = Path(__file__).parents[2]
IMAGE = ROOT / "tasks" / "converter" / "image"

# Where `configure` has another name than the program, which calls a demuxer by its file format.
_CONFIGURED = {"mpeg": "mpegps", "shn": "shorten"}
# What an MPEG stream is recognised by, besides audio (libavformat/demux.c, fmt_id_type).
_RECOGNISED = {"dvbsub", "dvbtxt", "h264", "hevc", "m4v", "mjpeg_2000", "mpegvideo", "truehd"}
# What ffmpeg puts in by itself, where two filters do not fit together or there is none.
_AUTOMATIC = {"anull", "aresample"}


def _components() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in (IMAGE / "components").read_text().splitlines():
        kind, equals, names = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(kind, set()).update(names.split(","))
    return found


BUILT = _components()
SOUND = Sound("wav", "pcm_s16le", 0, 2, 44_100, 16, 60.0, False, layout="stereo")


def test_it_reads_what_the_engine_may_read() -> None:
    wanted = {_CONFIGURED.get(each, each) for each in DEMUXERS.split(",")}
    assert BUILT["demuxer"] == wanted | _RECOGNISED


def test_it_opens_nothing_that_only_tells_streams_apart() -> None:
    assert not _RECOGNISED & set(DEMUXERS.split(","))


def test_it_encodes_and_writes_what_the_formats_table_says() -> None:
    assert BUILT["encoder"] == {each for made in FORMATS.values() for each in made.encoders}
    measured = measure_command("ffmpeg", SOUND, "http://gate", "")
    nowhere = measured[len(measured) - 1 - measured[::-1].index("-f") + 1]
    assert BUILT["muxer"] == {each.muxer for each in FORMATS.values()} | {nowhere}


def test_it_has_the_encoder_that_a_measurement_ends_in() -> None:
    """The `null` muxer takes PCM in the machine's order (libavformat/nullenc.c)."""
    assert f"pcm_s16{sys.byteorder[0]}e" in BUILT["encoder"]


def test_it_filters_by_every_filter_that_a_request_can_lead_to() -> None:
    asked = Conversion(
        "flac", start_seconds=1.0, end_seconds=9.0, fade_in_seconds=1.0, fade_out_seconds=1.0,
        loudness=Loudness(), waveform=Waveform(), bit_depth=16,
    )  # fmt: skip
    shape = Shape(Span.of(SOUND, asked), 9.0, Gain(3.0, -1.0))
    chains = [
        filter_options(SOUND, asked, shape, Tap(3, 512))[1],
        measuring_chain(SOUND, asked, shape.span),
    ]
    named = {each for chain in chains for each in _filters_in(chain)}
    assert BUILT["filter"] == named | _AUTOMATIC


def _filters_in(chain: str) -> list[str]:
    """A filter's name stands at the start, or behind a comma, a semicolon or a label."""
    return re.findall(r"(?:^|[,;\]])([a-z][a-z0-9]*)(?=[=,;\[]|$)", chain)


def test_it_speaks_the_protocols_the_engine_uses_and_no_other() -> None:
    commands = [probe_command("ffprobe", ""), to_sink(""), to_file("")]
    allowed = {
        name
        for command in commands
        for name in command[command.index("-protocol_whitelist") + 1].split(",")
    }
    assert BUILT["protocol"] == allowed | {"pipe"}  # progress, and the peaks of a waveform


def test_it_decodes_of_pictures_the_covers_alone() -> None:
    covers = set(sound._COVER_CODECS)  # pyright: ignore[reportPrivateUsage]
    assert covers <= BUILT["decoder"]
    films = {
        "av1",
        "h264",
        "hevc",
        "mpeg1video",
        "mpeg2video",
        "mpeg4",
        "vc1",
        "vp8",
        "vp9",
        "webp",
    }
    assert not films & BUILT["decoder"]


def test_botocore_keeps_the_services_that_the_converter_calls() -> None:
    kept = {
        line for line in (IMAGE / "services").read_text().splitlines() if line and line[0] != "#"
    }
    clients = (ROOT / "conversion" / "stores" / "clients.py").read_text()
    made = dict(
        re.findall(
            r"^def (\w+)\((?:(?!^def ).)*?boto3\.client\(\"([a-z0-9-]+)\"", clients, re.M | re.S
        )
    )
    called = {
        made[name]
        for path in _imported()
        for name in re.findall(r"\bclients\.(\w+)\(", path.read_text())
        if name in made
    }
    assert kept == called


def _imported() -> list[Path]:
    """Our own modules that the task has imported when it starts, asked of a process of its own."""
    ask = (
        "import sys, tasks.converter.__main__\n"
        "print(*(m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None)),"
        " sep='\\n')"
    )
    said = subprocess.run(
        [sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    ours = [Path(each) for each in said.splitlines()]
    return [each for each in ours if each.is_relative_to(ROOT) and ".venv" not in each.parts]


@pytest.mark.parametrize("script", ["ffmpeg.sh", "packages.sh", "root.sh"])
def test_a_script_of_the_build_is_one_a_shell_can_read(script: str) -> None:
    done = subprocess.run(["sh", "-n", IMAGE / script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

"""What can be asked of a conversion on the command line, and how the API's JSON says it.

Which of it goes together is for the API to say: it knows the deployment's formats, and refuses with
a reason.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from client.options import bitrate, decibels, hertz, name, seconds, tag

# A conversion as POST /v1/uploads takes it.
Asked = dict[str, Any]
Command = Callable[..., Any]

# Each option's second name is the API's.
_OPTIONS = (
    click.option(
        "--to",
        "format",
        metavar="FORMAT",
        type=name,
        help="mp3, flac, opus …: what the deployment offers.",
    ),
    click.option(
        "--preset",
        metavar="NAME",
        type=name,
        help="podcast-mono-64k, music-mp3-v0, archive-flac …, instead of --to; the options below "
        "change parts of it.",
    ),
    click.option(
        "--bitrate",
        "bitrateKbps",
        metavar="RATE",
        type=bitrate,
        help="For lossy formats: 192k, 192000 or 192 mean the same.",
    ),
    click.option(
        "--quality",
        metavar="N",
        type=int,
        help="Variable bitrate on the encoder's scale: mp3 0 (best) to 9, ogg 10 (best) to -1.",
    ),
    click.option("--sample-rate", "sampleRate", metavar="HZ", type=hertz, help="48000, or 48k."),
    click.option("--channels", metavar="N", type=int, help="1 is mono, 2 stereo, 6 is 5.1."),
    click.option("--bit-depth", "bitDepth", metavar="N", type=int, help="For lossless formats."),
    click.option(
        "--start",
        "startSeconds",
        metavar="TIME",
        type=seconds,
        help="Leave out what is before: 90, 90.5, 1:30 or 0:01:30.5.",
    ),
    click.option(
        "--end", "endSeconds", metavar="TIME", type=seconds, help="Leave out what is after."
    ),
    click.option(
        "--fade-in", "fadeInSeconds", metavar="TIME", type=seconds, help="From silence, so long."
    ),
    click.option(
        "--fade-out", "fadeOutSeconds", metavar="TIME", type=seconds, help="To silence, so long."
    ),
    click.option(
        "--loudness",
        metavar="LUFS",
        type=decibels,
        help="Normalise to this loudness (EBU R 128): -23 for broadcast, -16 for podcasts.",
    ),
    click.option(
        "--true-peak",
        metavar="DBTP",
        type=decibels,
        help="With --loudness: no peak above it.  [default: -1]",
    ),
    click.option(
        "--tag",
        "tags",
        metavar="NAME=TEXT",
        type=tag,
        multiple=True,
        help="title=Pilot, artist=…; can be repeated. Without a text it removes the tag.",
    ),
    click.option("--drop-metadata", is_flag=True, help="Leave the file's own tags out."),
    click.option("--drop-cover", is_flag=True, help="Leave the file's cover out."),
    click.option(
        "--waveform",
        is_flag=True,
        help="Save peaks for players and a picture of them beside the output: a.waveform.json and "
        "a.waveform.png.",
    ),
)
_AS_THEY_ARE = (
    *("format", "preset", "bitrateKbps", "quality", "sampleRate", "channels", "bitDepth"),
    *("startSeconds", "endSeconds", "fadeInSeconds", "fadeOutSeconds"),
)
_OTHERS = (*("loudness", "true_peak", "tags", "drop_metadata", "drop_cover", "waveform"),)


def conversion_options(command: Command) -> Command:
    """Give the command these options; it is called with `conversion`, what they ask for."""
    return _with_options(command, lambda given: asked(**given))


def optional_conversion_options(command: Command) -> Command:
    """As `conversion_options`, but `conversion` is None when none of them is given."""
    return _with_options(command, lambda given: asked(**given) if _is_any(given) else None)


def _with_options(command: Command, read: Callable[[dict[str, Any]], Asked | None]) -> Command:
    @functools.wraps(command)
    def asking(*arguments: Any, **given: Any) -> Any:
        ours = {each: given.pop(each) for each in (*_AS_THEY_ARE, *_OTHERS)}
        return command(*arguments, conversion=read(ours), **given)

    whole: Command = asking
    for option in reversed(_OPTIONS):
        whole = option(whole)
    return whole


def _is_any(given: dict[str, Any]) -> bool:
    """`--quality 0` is something, though 0 equals False."""
    return any(each is not None and each is not False and each != () for each in given.values())


def asked(
    loudness: float | None,
    true_peak: float | None,
    tags: tuple[tuple[str, str], ...],
    drop_metadata: bool,
    drop_cover: bool,
    waveform: bool,
    **as_they_are: Any,
) -> Asked:
    """Raises UsageError for what means nothing."""
    if (as_they_are["format"] is None) == (as_they_are["preset"] is None):
        raise click.UsageError("Say what to make, with one of --to FORMAT and --preset NAME.")
    if true_peak is not None and loudness is None and as_they_are["preset"] is None:
        raise click.UsageError("--true-peak goes with --loudness, or with a preset that has one.")
    if len(dict(tags)) < len(tags):
        raise click.UsageError("A --tag is given twice.")
    target = {"integratedLufs": loudness, "truePeakDbtp": true_peak}
    conversion = {
        **as_they_are,
        "loudness": _said(target) or None,
        "tags": dict(tags) or None,
        "metadata": "drop" if drop_metadata else None,
        "cover": "drop" if drop_cover else None,
        "waveform": waveform or None,
    }
    return _said(conversion)


def _said(fields: Asked) -> Asked:
    return {field: value for field, value in fields.items() if value is not None}

"""What a client sends: the schemas of requests, with the bounds that the domain checks them by.

A schema cannot say all that the domain refuses: which bitrates go with which sample rate, or that a
trim must leave something. GET /v1/formats tells the former, a 400 says either.
"""

from __future__ import annotations

from collections.abc import Iterable

from conversion.declared import (
    AUDIO_CONTAINERS,
    AUDIO_TREES,
    MOST_CONVERSIONS,
    MOST_MEDIA_TYPE_CHARACTERS,
    MOST_NAME_CHARACTERS,
    PARAMETERS,
    SUBTYPE,
)
from conversion.formats import FORMATS, INPUT_SUFFIXES, LEAST_RATE, MOST_CHANNELS, MOST_RATE
from conversion.parts import MOST_PARTS, SINGLE_PUT_BYTES
from conversion.presets import PRESETS
from conversion.receiving import MOST_SIGNED
from conversion.refusals import DBTP, LUFS, MOST_SECONDS, SAMPLES_PER_PIXEL
from conversion.tags import MOST_TAG_BYTES, MOST_TAGS, NAME
from lambdas.openapi.shapes import (
    Schema,
    array,
    asked,
    flag,
    identifier,
    nullable,
    number,
    one_of,
    ref,
    text,
    whole,
)

# What S3 holds in one object ("Amazon S3 multipart upload limits", S3 user guide); a deployment
# takes less, and says how much.
_MOST_BYTES = 5 * 1024**4

_CONTROLS = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
_NO_CONTROLS_BUT_LINES = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"


def _in_any_case(suffix: str) -> str:
    return "".join(f"[{each}{each.upper()}]" if each.isalpha() else each for each in suffix)


def _file_name() -> str:
    suffixes = "|".join(map(_in_any_case, sorted(INPUT_SUFFIXES)))
    return rf"^[^\s/\\{_CONTROLS}][^/\\{_CONTROLS}]*\.(?:{suffixes})$"


def _media_type() -> str:
    trees = "|".join(f"{_in_any_case(each)}/{SUBTYPE}" for each in AUDIO_TREES)
    containers = "|".join(_in_any_case(each.replace(".", r"\.")) for each in AUDIO_CONTAINERS)
    return f"^(?:{trees}|{containers}){PARAMETERS}$"


def _bitrates() -> Iterable[int]:
    """The ends of what each format takes at each of its rates."""
    for made in FORMATS.values():
        if made.bitrates:
            for rate in made.bitrates.choices:
                choices = made.bitrates.at(rate, made.channel_counts)
                yield from (choices[0], choices[-1])


def _qualities() -> Iterable[int]:
    for made in FORMATS.values():
        if made.quality:
            yield from (made.quality.best, made.quality.worst)


def _depths() -> Iterable[int]:
    return sorted({bits for made in FORMATS.values() for bits in made.depths})


def _seconds(told: str) -> Schema:
    return nullable(number(told, 0, MOST_SECONDS))


_LOUDNESS = asked(
    "A target of EBU R 128. `true` asks for the usual one.",
    integratedLufs=nullable(number("Integrated loudness, LUFS; -23 unless given.", *LUFS)),
    truePeakDbtp=nullable(number("The highest true peak, dBTP; -1 unless given.", *DBTP)),
)
_WAVEFORM = asked(
    "Peaks for a player to draw, as JSON (audiowaveform's layout) and as a PNG.",
    samplesPerPixel=nullable(whole("One pair for so many samples; 512.", *SAMPLES_PER_PIXEL)),
)
_TAGS: Schema = {
    "type": "object",
    "description": "Written over what is kept of the source's; an empty text removes a tag. Up to "
    f"{MOST_TAG_BYTES} bytes of UTF-8 in all. Names differ by more than their case.",
    "propertyNames": {"pattern": f"^{NAME.pattern}$"},
    "additionalProperties": text(pattern=_NO_CONTROLS_BUT_LINES),
    "maxProperties": MOST_TAGS,
}

_CONVERSION_REQUEST = asked(
    "What to make of a file: a `format` or a `preset`, and whatever should be otherwise than the "
    "source has it. What a format takes is told by GET /v1/formats; what cannot be is refused "
    "with a 400 that says what to ask for instead. `null` is as good as left out, and takes a "
    "field out of a preset.",
    format=nullable(one_of(FORMATS, "The output format.")),
    preset=nullable(one_of(PRESETS, "A conversion with a name; what stands beside it goes first.")),
    bitrateKbps=nullable(
        whole("Constant bitrate, of lossy formats.", min(_bitrates()), max(_bitrates()))
    ),
    quality=nullable(
        whole("Variable bitrate, on the encoder's own scale.", min(_qualities()), max(_qualities()))
    ),
    sampleRate=nullable(whole("Hz.", LEAST_RATE, MOST_RATE)),
    channels=nullable(whole("1 is mono, 2 is stereo.", 1, MOST_CHANNELS)),
    bitDepth=nullable(one_of(_depths(), "Bits a sample, of lossless formats.", "integer")),
    startSeconds=_seconds("Where the output begins in the source."),
    endSeconds=_seconds("Where it stops, after `startSeconds`."),
    fadeInSeconds=_seconds("Within what is left of the source."),
    fadeOutSeconds=_seconds("Likewise."),
    loudness={"anyOf": [{"type": ["boolean", "null"]}, _LOUDNESS]},
    metadata=nullable(one_of(("keep", "drop"), "The source's tags; kept unless told otherwise.")),
    tags=nullable(_TAGS),
    cover=nullable(one_of(("keep", "drop"), "The picture, where the format can hold one.")),
    waveform={"anyOf": [{"type": ["boolean", "null"]}, _WAVEFORM]},
) | {
    "anyOf": [
        {"required": ["format"], "properties": {"format": {"type": "string"}}},
        {"required": ["preset"], "properties": {"preset": {"type": "string"}}},
    ]
}

_DELETE_AFTER_DOWNLOAD = nullable(
    flag("Remove what was made once it has been fetched: soon after the first link to it ends.")
)

SENT: dict[str, Schema] = {
    "ConversionRequest": _CONVERSION_REQUEST,
    "UploadRequest": asked(
        f"A file that is coming. Up to {SINGLE_PUT_BYTES} bytes it is sent by one PUT, above in "
        "parts.",
        required=("fileName", "bytes"),
        fileName=text(
            "Its name, in any language, with a suffix that can hold audio (`inputs.suffixes` of "
            "GET /v1/formats). Folders in front of it are dropped.",
            pattern=_file_name(),
            maxLength=MOST_NAME_CHARACTERS,
            examples=["Gespräch.wav"],
        ),
        bytes=whole(
            "Its length; `limits.maxUploadBytes` of GET /v1/formats at most, or it is a 413.",
            1,
            _MOST_BYTES,
        ),
        contentType=nullable(
            text(
                "Its media type, one that can hold audio (`inputs.mediaTypes` of GET /v1/formats). "
                "Signed, and to be sent with the PUT.",
                pattern=_media_type(),
                maxLength=MOST_MEDIA_TYPE_CHARACTERS,
            )
        ),
        conversions=array(
            ref("ConversionRequest"),
            "Jobs to start as soon as the file is there. Without any, POST /v1/jobs starts them.",
            maxItems=MOST_CONVERSIONS,
        ),
        deleteAfterDownload=_DELETE_AFTER_DOWNLOAD,
    ),
    "PartsRequest": asked(
        "Parts to sign.",
        required=("partNumbers",),
        partNumbers=array(
            whole(least=1, most=MOST_PARTS),
            "Numbers from 1 to the upload's `partCount`.",
            minItems=1,
            maxItems=MOST_SIGNED,
        ),
    ),
    "JobRequest": asked(
        "A conversion of a file that is there.",
        required=("fileId", "conversion"),
        fileId=identifier("What POST /v1/uploads answered with."),
        conversion=ref("ConversionRequest"),
        deleteAfterDownload=_DELETE_AFTER_DOWNLOAD,
    ),
    "CleanUpRequest": asked(
        "What to clean up: all that has expired, and what failed attempts have left.",
        dryRun=nullable(flag("Count what would be removed, and remove nothing.")),
    ),
}

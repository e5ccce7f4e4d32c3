"""What can be asked for: the formats with what each holds, the presets, the names that can hold
audio, and the deployment's limits. A page and a client build their choices from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conversion.declared import MEDIA_TYPES, MOST_NAME_CHARACTERS
from conversion.formats import FORMATS, INPUT_SUFFIXES, Format
from conversion.parts import SINGLE_PUT_BYTES
from conversion.presets import PRESETS
from conversion.settings import DescribeApiSettings

Json = dict[str, Any]

# Bitrates people know, of those an encoder with a range of them is shown with; kbit/s.
_KNOWN = (
    *(6, 8, 12, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256, 320),
    *(384, 448, 512, 640, 768, 1024, 1280, 1536),
)


def offered(settings: DescribeApiSettings) -> Json:
    return {
        "formats": [_format(each) for each in FORMATS.values()],
        "presets": [{"name": name, "conversion": asked} for name, asked in PRESETS.items()],
        "inputs": {"suffixes": sorted(INPUT_SUFFIXES), "mediaTypes": list(MEDIA_TYPES)},
        "limits": {
            "maxUploadBytes": settings.max_upload_bytes,
            "singlePutBytes": SINGLE_PUT_BYTES,
            "maxConversions": settings.max_conversions,
            "maxNameCharacters": MOST_NAME_CHARACTERS,
            "retentionDays": settings.retention_days,
        },
    }


def _format(made: Format) -> Json:
    bitrates = made.bitrates.at(None, made.channel_counts) if made.bitrates else None
    return {
        "name": made.name,
        "title": made.title,
        "suffix": made.suffix,
        "mediaType": made.media_type,
        "lossless": made.lossless,
        "bitratesKbps": bitrates and [each for each in bitrates if _is_shown(each, bitrates)],
        "anyBitrate": isinstance(bitrates, range),
        "quality": made.quality and {"best": made.quality.best, "worst": made.quality.worst},
        "sampleRates": sorted(made.rates),
        "anySampleRateTo": made.any_rate_to,
        "channels": list(made.channel_counts),
        "bitDepths": sorted(made.depths),
        "tags": made.tags,
        "cover": made.cover,
        "chapters": made.chapters,
    }


def _is_shown(bitrate: int, bitrates: Sequence[int]) -> bool:
    """A list is shown whole, a range by its ends and what people know of it."""
    known = (*_KNOWN, bitrates[0], bitrates[-1])
    return not isinstance(bitrates, range) or bitrate in known

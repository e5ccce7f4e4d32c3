"""The options that a conversion has, each with its default.

conversion/refusals.py says which of them cannot be together, and conversion/conversion.py reads and
writes them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conversion.fields import Item, number, object_of, whole
from conversion.tags import Tags


@dataclass(frozen=True)
class Loudness:
    """A target of EBU R 128: integrated loudness in LUFS, and the highest true peak in dBTP."""

    integrated_lufs: float = -23.0
    true_peak_dbtp: float = -1.0

    def to_item(self) -> Item:
        return {"integratedLufs": self.integrated_lufs, "truePeakDbtp": self.true_peak_dbtp}

    @classmethod
    def from_item(cls, item: Any) -> Loudness:
        fields = object_of(item, '"loudness"', ("integratedLufs", "truePeakDbtp"))
        lufs, peak = number(fields, "integratedLufs"), number(fields, "truePeakDbtp")
        return cls(
            cls.integrated_lufs if lufs is None else lufs,
            cls.true_peak_dbtp if peak is None else peak,
        )


@dataclass(frozen=True)
class Waveform:
    """Peaks for a player to draw, as JSON and as a PNG: one pair for so many samples."""

    samples_per_pixel: int = 512

    def to_item(self) -> Item:
        return {"samplesPerPixel": self.samples_per_pixel}

    @classmethod
    def from_item(cls, item: Any) -> Waveform:
        fields = object_of(item, '"waveform"', ("samplesPerPixel",))
        samples = whole(fields, "samplesPerPixel")
        return cls() if samples is None else cls(samples)


@dataclass(frozen=True)
class Options:
    """All that can be asked for. None and empty mean "as the source is" or "as the format does it".

    Seconds count in the source's own time; `end_seconds` is where the output stops. `metadata`
    "drop" leaves the source's tags out; `tags` are written over what is kept, and an empty text
    removes one. `cover` None keeps the picture where the format can hold it.
    """

    format: str
    bitrate_kbps: int | None = None
    quality: int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    bit_depth: int | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None
    fade_in_seconds: float | None = None
    fade_out_seconds: float | None = None
    loudness: Loudness | None = None
    metadata: str | None = None
    tags: Tags = ()
    cover: str | None = None
    waveform: Waveform | None = None

    @property
    def fade_seconds(self) -> float:
        """Both fades together."""
        return (self.fade_in_seconds or 0.0) + (self.fade_out_seconds or 0.0)

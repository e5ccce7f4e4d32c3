"""How a job ended: with an output and what there is to say about it, or with a failure.

Each class writes itself into a record and reads itself back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from conversion.fields import Item


class Mode(StrEnum):
    """How the output was written: streamed into S3, or by way of a file on the task's disk."""

    STREAM = "stream"
    FILE = "file"


@dataclass(frozen=True)
class Remark:
    """What is said of a job; `code` is stable, the message is for people."""

    code: str
    message: str

    def to_item(self) -> Item:
        return {"code": self.code, "message": self.message}

    @classmethod
    def from_item(cls, item: Item) -> Self:
        return cls(item["code"], item["message"])


class JobWarning(Remark):
    """Something a person should know about a completed job."""


@dataclass(frozen=True)
class MeasuredLoudness:
    """As EBU R 128 measures it: integrated loudness in LUFS, loudness range in LU, and the highest
    true peak in dBTP. None for silence, which has no loudness."""

    integrated_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None

    def to_item(self) -> Item:
        return {
            "integratedLufs": self.integrated_lufs,
            "rangeLu": self.range_lu,
            "truePeakDbtp": self.true_peak_dbtp,
        }

    @classmethod
    def from_item(cls, item: Item) -> MeasuredLoudness:
        names = ("integratedLufs", "rangeLu", "truePeakDbtp")
        return cls(*(None if item[name] is None else float(item[name]) for name in names))


@dataclass(frozen=True)
class LoudnessChange:
    """Measured in the source, as far as it was asked for, and again behind the normalisation."""

    before: MeasuredLoudness
    after: MeasuredLoudness

    def to_item(self) -> Item:
        return {"before": self.before.to_item(), "after": self.after.to_item()}

    @classmethod
    def from_item(cls, item: Item) -> LoudnessChange:
        return cls(
            MeasuredLoudness.from_item(item["before"]), MeasuredLoudness.from_item(item["after"])
        )


@dataclass(frozen=True)
class WaveformKeys:
    """Where the peaks are: audiowaveform's JSON, and a picture of them."""

    json: str
    png: str

    def to_item(self) -> Item:
        return {"json": self.json, "png": self.png}

    @classmethod
    def from_item(cls, item: Item) -> WaveformKeys:
        return cls(item["json"], item["png"])


@dataclass(frozen=True)
class Output:
    """What a completed job made, and the name it is downloaded under."""

    key: str
    bytes: int
    media_type: str
    file_name: str
    duration_seconds: float
    mode: Mode
    warnings: tuple[JobWarning, ...] = ()
    loudness: LoudnessChange | None = None
    waveform: WaveformKeys | None = None

    def to_item(self) -> Item:
        return {
            "key": self.key,
            "bytes": self.bytes,
            "mediaType": self.media_type,
            "fileName": self.file_name,
            "durationSeconds": self.duration_seconds,
            "mode": self.mode.value,
            "warnings": [each.to_item() for each in self.warnings],
            "loudness": self.loudness and self.loudness.to_item(),
            "waveform": self.waveform and self.waveform.to_item(),
        }

    @classmethod
    def from_item(cls, item: Item) -> Output:
        loudness, waveform = item.get("loudness"), item.get("waveform")
        return cls(
            key=item["key"],
            bytes=item["bytes"],
            media_type=item["mediaType"],
            file_name=item["fileName"],
            duration_seconds=float(item["durationSeconds"]),
            mode=Mode(item["mode"]),
            warnings=tuple(JobWarning.from_item(each) for each in item.get("warnings", [])),
            loudness=LoudnessChange.from_item(loudness) if loudness else None,
            waveform=WaveformKeys.from_item(waveform) if waveform else None,
        )


class Failure(Remark):
    """Why a job failed: a `code` of conversion/errors.py and its message."""

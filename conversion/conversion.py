"""What a client can ask for: read from a request, a record or a line of settings, and written back.

A request is checked whole before anything is started: conversion/refusals.py says what can
never be.
"""

from __future__ import annotations

import json
from dataclasses import InitVar, dataclass
from typing import Any, Protocol, Self, TypeVar

from conversion.errors import InvalidRequest
from conversion.fields import Item, choice, number, object_of, whole
from conversion.formats import Format, format_named
from conversion.options import Loudness, Options, Waveform
from conversion.presets import PRESETS
from conversion.refusals import refuse_impossible
from conversion.tags import read_tags

_FIELDS = (
    *("format", "preset", "bitrateKbps", "quality", "sampleRate", "channels", "bitDepth"),
    *("startSeconds", "endSeconds", "fadeInSeconds", "fadeOutSeconds"),
    *("loudness", "metadata", "tags", "cover", "waveform"),
)


@dataclass(frozen=True)
class Conversion(Options):
    """One conversion, refused when it is made for what can never work; but not when it is read from
    a record, which was checked when it was asked for."""

    checked: InitVar[bool] = True

    def __post_init__(self, checked: bool) -> None:
        """Raises UnsupportedOutputFormat or InvalidRequest for what can never work."""
        if checked:
            refuse_impossible(self, format_named(self.format))

    @property
    def target(self) -> Format:
        return format_named(self.format)

    @property
    def is_trimmed(self) -> bool:
        return bool(self.start_seconds) or self.end_seconds is not None

    def to_item(self) -> Item:
        """What was asked for, and nothing else."""
        item: Item = {
            "format": self.format,
            "bitrateKbps": self.bitrate_kbps,
            "quality": self.quality,
            "sampleRate": self.sample_rate,
            "channels": self.channels,
            "bitDepth": self.bit_depth,
            "startSeconds": self.start_seconds,
            "endSeconds": self.end_seconds,
            "fadeInSeconds": self.fade_in_seconds,
            "fadeOutSeconds": self.fade_out_seconds,
            "loudness": self.loudness and self.loudness.to_item(),
            "metadata": self.metadata,
            "tags": dict(self.tags) or None,
            "cover": self.cover,
            "waveform": self.waveform and self.waveform.to_item(),
        }
        return {name: value for name, value in item.items() if value is not None}

    @classmethod
    def from_request(cls, item: Any) -> Conversion:
        """Raises InvalidRequest or UnsupportedOutputFormat, each with what to send instead."""
        fields = _with_preset(object_of(item, "A conversion", _FIELDS))
        if not isinstance(fields.get("format"), str):
            raise InvalidRequest('A conversion needs a "format", for example "mp3", or a "preset".')
        return cls._of(fields, checked=True)

    @classmethod
    def from_item(cls, item: Any) -> Conversion:
        """Read one from a record. It was checked when it was asked for, and is not refused by
        rules that a later release has made stricter."""
        return cls._of(object_of(item, "A conversion", _FIELDS), checked=False)

    @classmethod
    def _of(cls, fields: Item, checked: bool) -> Conversion:
        return cls(
            format=fields["format"],
            bitrate_kbps=whole(fields, "bitrateKbps"),
            quality=whole(fields, "quality"),
            sample_rate=whole(fields, "sampleRate"),
            channels=whole(fields, "channels"),
            bit_depth=whole(fields, "bitDepth"),
            # Zero asks for nothing, and must not make another job of it.
            start_seconds=number(fields, "startSeconds") or None,
            end_seconds=number(fields, "endSeconds"),
            fade_in_seconds=number(fields, "fadeInSeconds") or None,
            fade_out_seconds=number(fields, "fadeOutSeconds") or None,
            loudness=_optional(Loudness, fields.get("loudness")),
            metadata=choice(fields, "metadata", "keep", "drop"),
            tags=read_tags(fields.get("tags")),
            cover=choice(fields, "cover", "keep", "drop"),
            waveform=_optional(Waveform, fields.get("waveform")),
            checked=checked,
        )

    def __str__(self) -> str:
        """`mp3` or `mp3@192`, as settings write it, and the names of whatever else is asked for.
        For people and logs: a tag's text is not in it."""
        more = self.to_item().keys() - {"format", "bitrateKbps"}
        short = self.format if self.bitrate_kbps is None else f"{self.format}@{self.bitrate_kbps}"
        return "+".join([short, *sorted(more)])

    @property
    def identity(self) -> str:
        """The same text for the same conversion and for no other: part of a job's id."""
        item = self.to_item()
        if item.keys() <= {"format", "bitrateKbps"}:
            return str(self)
        return json.dumps(item, sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> Conversion:
        """Read `mp3`, `mp3@192` or a preset's name, which is how settings list conversions."""
        if text in PRESETS:
            return cls.from_request({"preset": text})
        name, at, bitrate = text.partition("@")
        if at and not bitrate.isdecimal():
            raise InvalidRequest(f"{text!r} is not a conversion: write mp3 or mp3@192.")
        return cls(name, int(bitrate) if at else None)


class _Readable(Protocol):
    def __init__(self) -> None: ...
    @classmethod
    def from_item(cls, item: Any) -> Self: ...


_Part = TypeVar("_Part", bound=_Readable)


def _optional(kind: type[_Part], item: Any) -> _Part | None:
    """A part of a conversion: an object, or true for one with nothing but defaults."""
    if item is None or item is False:
        return None
    return kind() if item is True else kind.from_item(item)


def _with_preset(fields: Item) -> Item:
    """The preset's fields under those of the request, where null takes one out of the preset; a
    bitrate and a quality are one choice, made by whoever speaks last."""
    name = fields.get("preset")
    if name is None:
        return fields
    if not isinstance(name, str) or name not in PRESETS:
        raise InvalidRequest(f'"preset" is one of {", ".join(sorted(PRESETS))}.')
    preset = dict(PRESETS[name])
    if fields.get("format") not in (None, preset["format"]):
        raise InvalidRequest(f'Preset {name} makes {preset["format"]}: leave "format" out.')
    if fields.keys() & {"bitrateKbps", "quality"}:
        preset.pop("bitrateKbps", None)
        preset.pop("quality", None)
    asked, within = fields.get("loudness"), preset.get("loudness")
    if isinstance(asked, dict) and isinstance(within, dict):
        fields = fields | {"loudness": within | asked}
    return preset | fields | {"format": preset["format"]}

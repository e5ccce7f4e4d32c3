"""What a deployment offers, as the API tells it: formats, presets, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from client.reading import whole


@dataclass(frozen=True)
class Format:
    """`quality` is best and worst on the encoder's scale. Any sample rate will do up to
    `any_sample_rate_to`, beside those listed; 0 for none."""

    name: str
    title: str
    suffix: str
    lossless: bool
    bitrates: Sequence[int]
    quality: tuple[float, float] | None
    sample_rates: Sequence[int]
    any_sample_rate_to: int
    channels: Sequence[int]
    bit_depths: Sequence[int]
    keeps: Sequence[str]

    @classmethod
    def from_json(cls, body: Any) -> Format:
        quality = body.get("quality")
        return cls(
            name=str(body["name"]),
            title=str(body.get("title") or ""),
            suffix=str(body.get("suffix") or ""),
            lossless=bool(body.get("lossless")),
            bitrates=_numbers(body.get("bitratesKbps")),
            quality=(float(quality["best"]), float(quality["worst"])) if quality else None,
            sample_rates=_numbers(body.get("sampleRates")),
            any_sample_rate_to=int(body.get("anySampleRateTo") or 0),
            channels=_numbers(body.get("channels")),
            bit_depths=_numbers(body.get("bitDepths")),
            keeps=tuple(each for each in ("tags", "cover", "chapters") if body.get(each)),
        )


@dataclass(frozen=True)
class Preset:
    name: str
    conversion: Mapping[str, Any]

    @classmethod
    def from_json(cls, body: Any) -> Preset:
        return cls(str(body["name"]), dict(body["conversion"]))


@dataclass(frozen=True)
class Limits:
    """0 where none is told."""

    upload_bytes: int
    conversions: int
    retention_days: int

    @classmethod
    def from_json(cls, body: Any) -> Limits:
        names = ("maxUploadBytes", "maxConversions", "retentionDays")
        return cls(*(whole(body.get(each) or 0) for each in names))


@dataclass(frozen=True)
class Offers:
    formats: tuple[Format, ...]
    presets: tuple[Preset, ...]
    suffixes: tuple[str, ...]
    limits: Limits
    # All of it, as it was told.
    told: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, body: Any) -> Offers:
        return cls(
            formats=tuple(Format.from_json(each) for each in body["formats"]),
            presets=tuple(Preset.from_json(each) for each in body.get("presets") or ()),
            suffixes=tuple(str(each) for each in (body.get("inputs") or {}).get("suffixes") or ()),
            limits=Limits.from_json(body.get("limits") or {}),
            told=body,
        )


def _numbers(told: Any) -> tuple[int, ...]:
    return tuple(int(each) for each in told or ())

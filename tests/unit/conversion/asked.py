"""Any conversion there can be, as a request's JSON, for what must hold for all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from conversion.conversion import Conversion
from conversion.errors import InvalidRequest
from conversion.formats import FORMATS, Format

seconds = st.floats(0, 86_400, allow_nan=False) | st.integers(0, 86_400)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=60)
names = st.sampled_from(["title", "comment", "copyright"]) | st.from_regex(
    r"[A-Za-z0-9][A-Za-z0-9 _-]{0,20}", fullmatch=True
)
loudness = st.booleans() | st.fixed_dictionaries(
    {},
    optional={
        "integratedLufs": st.floats(-70, -5) | st.integers(-70, -5),
        "truePeakDbtp": st.floats(-9, 0) | st.integers(-9, 0),
    },
)
waveforms = st.booleans() | st.fixed_dictionaries(
    {}, optional={"samplesPerPixel": st.integers(32, 65_536)}
)


def _rates(made: Format) -> st.SearchStrategy[int]:
    some = st.sampled_from(made.rates) if made.rates else st.nothing()
    return some | st.integers(4_000, made.any_rate_to) if made.any_rate_to else some


def _of(made: Format) -> st.SearchStrategy[dict[str, Any]]:
    optional: dict[str, st.SearchStrategy[Any]] = {
        "channels": st.sampled_from(made.channel_counts),
        "sampleRate": _rates(made),
        "startSeconds": seconds,
        "endSeconds": seconds,
        "fadeInSeconds": seconds,
        "fadeOutSeconds": seconds,
        "loudness": loudness,
        "waveform": waveforms,
        "cover": st.sampled_from(["keep", "drop"] if made.cover else ["drop"]),
        "metadata": st.sampled_from(["keep", "drop"] if made.tags else ["drop"]),
    }
    if made.bitrates:
        optional["bitrateKbps"] = st.sampled_from(made.bitrates.at(None, made.channel_counts))
    if made.quality:
        optional["quality"] = st.integers(0, 9)
    if made.depths:
        optional["bitDepth"] = st.sampled_from(sorted(made.depths))
    if made.tags:
        optional["tags"] = st.dictionaries(names, texts, max_size=5)
    return st.fixed_dictionaries({"format": st.just(made.name)}, optional=optional)


def _possible(request: dict[str, Any]) -> Conversion | None:
    try:
        return Conversion.from_request(request)
    except InvalidRequest:
        return None


requests = st.sampled_from(list(FORMATS.values())).flatmap(_of)
conversions = requests.map(_possible).filter(lambda each: each is not None)

"""Conversions with a name, for what people ask for most. Each is a request's own JSON, so that a
preset can ask for nothing that a client could not, and a client can change any part of it.

Loudness: −16 LUFS and −1 dBTP for podcasts (Apple Podcasts, "Audio requirements"), −23 LUFS and
−1 dBTP for broadcast (EBU R 128).
"""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "podcast-mono-64k": {
        "format": "mp3",
        "bitrateKbps": 64,
        "channels": 1,
        "sampleRate": 44_100,
        "loudness": {"integratedLufs": -16, "truePeakDbtp": -1},
    },
    "podcast-stereo-128k": {
        "format": "mp3",
        "bitrateKbps": 128,
        "channels": 2,
        "sampleRate": 44_100,
        "loudness": {"integratedLufs": -16, "truePeakDbtp": -1},
    },
    "audiobook-m4a-64k": {"format": "m4a", "bitrateKbps": 64, "channels": 1},
    "music-mp3-v0": {"format": "mp3", "quality": 0},
    "music-mp3-320k": {"format": "mp3", "bitrateKbps": 320},
    "music-aac-256k": {"format": "m4a", "bitrateKbps": 256},
    "music-opus-160k": {"format": "opus", "bitrateKbps": 160},
    "voice-opus-24k": {"format": "opus", "bitrateKbps": 24, "channels": 1},
    "speech-wav-16k": {"format": "wav", "sampleRate": 16_000, "channels": 1, "bitDepth": 16},
    "cd-wav": {"format": "wav", "sampleRate": 44_100, "channels": 2, "bitDepth": 16},
    "broadcast-wav-r128": {
        "format": "wav",
        "sampleRate": 48_000,
        "bitDepth": 24,
        "loudness": {"integratedLufs": -23, "truePeakDbtp": -1},
    },
    "archive-flac": {"format": "flac", "metadata": "keep"},
}

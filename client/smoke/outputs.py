"""Whether what came back is what was asked for: its format, its length, and, where they can be
known, its very samples."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from client.errors import NotAsPromised
from client.smoke.lengths import NotSuchFile, flac_digest, seconds_of
from client.smoke.sounds import Sound

# Encoders add up to three frames of silence, of 26 ms each.
_MORE_SECONDS = 0.12
_LESS_SECONDS = 0.03


async def check(name: str, content: bytes, sound: Sound) -> str:
    """How it was found to be right. Raises NotAsPromised."""
    try:
        seconds = seconds_of(name, content)
    except NotSuchFile as error:
        raise NotAsPromised(f"{name}: {error}") from error
    facts = [f"{len(content)} bytes"]
    if seconds is not None:
        _check_seconds(name, seconds, sound.seconds)
        facts.append(f"{seconds:.2f} s by its own header")
    if name == "flac":
        _check_samples(content, sound)
        facts.append("sample for sample")
    if tools := _tools():
        played = await _played(tools, content)
        _check_seconds(name, played, sound.seconds)
        facts.append("played by ffmpeg")
    return ", ".join(facts)


def _check_seconds(name: str, seconds: float, sent: float) -> None:
    if not sent - _LESS_SECONDS <= seconds <= sent + _MORE_SECONDS:
        raise NotAsPromised(f"{name}: {sent:g} s were sent, and {seconds:.3f} s came back.")


def _check_samples(content: bytes, sound: Sound) -> None:
    if flac_digest(content) != sound.digest:
        raise NotAsPromised("flac: its samples are not those that were sent: another's output?")


def _tools() -> tuple[str, str] | None:
    """This machine's, if it has both: what is on PATH is good enough to play a second."""
    ffmpeg, ffprobe = shutil.which("ffmpeg"), shutil.which("ffprobe")
    return (ffmpeg, ffprobe) if ffmpeg and ffprobe else None


async def _played(tools: tuple[str, str], content: bytes) -> float:
    """Decoded to its end; its seconds by ffprobe."""
    ffmpeg, ffprobe = tools
    with tempfile.NamedTemporaryFile(prefix="sluice-smoke-") as file:
        Path(file.name).write_bytes(content)
        await _said((ffmpeg, "-nostdin", "-v", "error", "-i", file.name, "-f", "null", "-"))
        wanted = ("-v", "error", "-of", "json", "-show_format", "-show_streams", file.name)
        told = json.loads(await _said((ffprobe, *wanted)))
    lasts = told["format"].get("duration") or told["streams"][0].get("duration")
    return float(lasts)


async def _said(command: Sequence[str]) -> bytes:
    """Raises NotAsPromised with what it complained of."""
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await child.communicate()
    if child.returncode or complained.strip():
        why = complained.decode("utf-8", "replace").strip()[:200] or f"code {child.returncode}"
        raise NotAsPromised(f"ffmpeg here does not play it: {why}")
    return said

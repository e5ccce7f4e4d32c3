"""Ask ffprobe what the input is, through the gate, before anything is converted.

The answer decides what ffmpeg may do: it gets exactly the demuxer that was found among the allowed
ones, and never looks for one itself.
"""

from __future__ import annotations

import json
import threading
from typing import Any

from conversion.errors import (
    ConverterStalled,
    InputOutOfRange,
    Interrupted,
    PermanentError,
    TruncatedInput,
    UnsupportedInput,
)
from tasks.converter.child import KILLED, TOLD_TO_END, Child, Limits, chunks_of, memory_for
from tasks.converter.command import probe_command
from tasks.converter.containers.endings import is_cut
from tasks.converter.gate import SourceGate
from tasks.converter.reports import Log, without_addresses
from tasks.converter.sound import Sound
from tasks.converter.watch import Watch

# A day of AAC takes ffprobe some seconds, most of them for its index.
_MOST_CPU_SECONDS, _MOST_SECONDS = 20, 25.0
_STALL_SECONDS = 20.0
_MOST_OUTPUT_BYTES = 4 * 1024**2
_UNREADABLE = (
    "This is not audio that can be read here; check that the file plays, and that it is not a "
    "playlist, a document or a renamed file."
)
# What ffmpeg says when a file ends before what its own header promises.
_CUT_SHORT = ("moov atom not found", "End of file", "Input/output error")


def probe(ffprobe: str, gate: SourceGate, stop: threading.Event) -> Sound:
    """Raises the coded reason why the input cannot be read, or the gate's own error."""
    log = Log()
    watch = Watch(stop, [gate], lambda: gate.bytes_served, _STALL_SECONDS, _MOST_SECONDS)
    limits = Limits(_MOST_CPU_SECONDS, data_bytes=memory_for(gate.size))
    command = probe_command(ffprobe, gate.url)
    try:
        with Child(command, limits, log.hear, chunks_of) as child:
            answer = _collect(child, watch)
            exit_code = child.exit_code()
    except ConverterStalled as error:
        raise UnsupportedInput(_UNREADABLE) from error
    watch.check()
    if exit_code in (*TOLD_TO_END, KILLED):
        raise Interrupted(
            f"ffprobe was ended from outside (signal {-exit_code}); it will be tried again."
        )
    if exit_code != 0:
        raise _refusal(log, is_cut(gate))
    try:
        return Sound.from_probe(_parsed(answer), duration_is_guess=log.duration_is_guess)
    except PermanentError as error:
        if is_cut(gate):
            raise _truncated(error.message) from error
        raise


def _collect(child: Child, watch: Watch) -> bytes:
    answer = bytearray()
    for chunk in child.ticks():
        watch.check()
        answer += chunk or b""
        if len(answer) > _MOST_OUTPUT_BYTES:
            raise UnsupportedInput("This file has more streams, tags or chapters than is sane.")
    return bytes(answer)


def _parsed(answer: bytes) -> dict[str, Any]:
    """A text in the file may be in any encoding, or in none."""
    try:
        return json.loads(answer.decode("utf-8", "replace"))
    except json.JSONDecodeError as error:
        raise UnsupportedInput(f"{_UNREADABLE} (ffprobe's answer is not JSON)") from error


def _refusal(log: Log, source_is_cut: bool) -> PermanentError:
    said = without_addresses(log.last_error)
    if log.lacked_memory:
        return InputOutOfRange(
            f"What this file declares takes more memory than a file of its size may ({said}); "
            "check that it plays."
        )
    if source_is_cut or any(log.has(words) for words in _CUT_SHORT):
        return _truncated(said)
    return UnsupportedInput(f"{_UNREADABLE} (ffprobe: {said})")


def _truncated(said: str) -> TruncatedInput:
    return TruncatedInput(f"The file ends before its audio does ({said}); upload it again, whole.")

"""Make what was written visible, and read it back from S3 as its first listener would.

Whoever calls takes back what stands in the bucket when something here raises.
"""

from __future__ import annotations

import logging

from conversion.errors import OutputBroken, PermanentError, SourceMissing, TransientError
from conversion.outcome import WaveformKeys
from conversion.stores.objects import Head, Objects
from tasks.converter import verify
from tasks.converter.gate import SourceGate
from tasks.converter.picture import picture
from tasks.converter.probe import probe
from tasks.converter.sound import Sound
from tasks.converter.surroundings import Surroundings
from tasks.converter.trim import Part
from tasks.converter.upload import MultipartUpload
from tasks.converter.waveform import Peaks
from tasks.converter.writer import ObjectWriter

log = logging.getLogger(__name__)

_JSON, _PNG = "application/json", "image/png"


def publish(
    writer: ObjectWriter, objects: Objects, key: str, around: Surroundings, part: Part
) -> int:
    """Complete the object and check it; returns its bytes. Raises OutputBroken, CorruptInput."""
    writer.finish()
    found = _found(objects, key, writer.size)
    with SourceGate(objects, key, found.etag, found.bytes) as gate:
        verify.check_output(_probed(gate, around, part.seconds), part.seconds, part.heard)
    return found.bytes


def publish_waveform(
    peaks: Peaks, objects: Objects, keys: WaveformKeys, around: Surroundings
) -> None:
    """Both objects or none. The JSON can be longer than what should be in memory at once."""
    upload = MultipartUpload(objects, keys.json, _JSON, around.stop)
    most = around.settings.max_output_bytes
    with ObjectWriter(upload, most, around.first_part_bytes) as writer:
        for piece in peaks.json():
            writer.write(writer.size, memoryview(piece))
        writer.finish()
        try:
            objects.put(keys.png, picture(peaks), _PNG)
        except BaseException:  # the answer may be lost and the object there; the JSON is `writer`'s
            take_back(objects, keys.png)
            raise


def take_back(objects: Objects, *keys: str) -> None:
    """Delete what is not to stay. What the caller met says why the run ends, and not this: what
    cannot be deleted is left to the clean-up."""
    for key in keys:
        try:
            objects.delete(key)
        except Exception as error:
            log.warning("an object was left behind: %s: %s", type(error).__name__, error)


def _found(objects: Objects, key: str, size: int) -> Head:
    try:
        found = objects.head(key)
    except SourceMissing as error:
        raise OutputBroken("The output was gone after its upload.") from error
    if found.bytes != size:
        raise OutputBroken(f"S3 holds {found.bytes} bytes of an output of {size}.")
    return found


def _probed(gate: SourceGate, around: Surroundings, seconds: float) -> Sound:
    """Its own errors, and the gate's, would blame the input; here they mean that our output is no
    good. Only an S3 that does not answer is none of its doing."""
    try:
        return probe(around.settings.ffprobe, gate, around.stop)
    except PermanentError as error:
        if isinstance(gate.error, TransientError):
            raise gate.error from error
        if gate.error is not None:
            raise OutputBroken(
                f"The output was removed or replaced before it could be read back ({error.code})."
            ) from error
        raise OutputBroken(
            f"What ffmpeg wrote of {seconds:.4f} s of audio cannot be read back ({error.code}) "
            "and was thrown away. Less than a frame is too short for some formats; otherwise "
            "convert again."
        ) from error

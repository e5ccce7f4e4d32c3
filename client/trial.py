"""The proof that a deployment converts: a second of sound, sent, converted and brought back.

It is done as `sluice convert` does it. What it leaves is let go: its output goes after the
download, and a job that is not over is cancelled.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
import wave
from array import array
from contextlib import suppress
from pathlib import Path

from client.answers import Job
from client.destination import Destination
from client.errors import ClientError, UnexpectedAnswer
from client.moment import Moment
from client.outputs import save_output
from client.sending import Sending
from client.service import Service
from client.source import Source
from client.unfinished import Wanted
from client.watch import until_over

# A task of Fargate's takes a minute to begin, and a full deployment has others first.
MOST_SECONDS = 600.0
_RATE = 44_100
# An MP3 begins with its tags (id3.org, ID3v2 §3.1) or with a frame's 11 bits of sync.
_BEGINNINGS = (b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2")
# Encoders add up to two frames of silence, of 26 ms each at this rate.
_SECONDS = (0.9, 1.2)


class Trial:
    def __init__(self, service: Service) -> None:
        self._seen = Moment("connecting")
        self._service = service
        self._job: Job | None = None

    @property
    def where(self) -> str:
        """How far it came, for whoever has to say that it came no further."""
        job = f" (job {self._job.job_id})" if self._job else ""
        return f"while {self._seen.stage}{job}"

    async def run(self) -> str:
        """What was proved. Raises a ClientError, or TimeoutError."""
        with tempfile.TemporaryDirectory(prefix="sluice-doctor-") as folder:
            try:
                async with asyncio.timeout(MOST_SECONDS):
                    output = await self._convert(Path(folder))
            finally:
                await self._tidy()
            content = output.read_bytes()
        if not content.startswith(_BEGINNINGS):
            raise UnexpectedAnswer("What came back is no MP3: look at the job with inspect.")
        return f"a second of WAV became {len(content)} bytes of MP3"

    async def _convert(self, folder: Path) -> Path:
        file = folder / "sluice-doctor.wav"
        write_sound(file)
        wanted = Wanted(({"format": "mp3"},), delete_after_download=True)
        file_id = await Sending(Source.at(file), self._service, self._see).run(wanted)
        self._see(Moment("queued"))
        self._job = await self._service.job_of(file_id)
        self._job = await until_over(
            self._service.api,
            self._job.job_id,
            self._service.patience,
            lambda progress: self._see(Moment.of(progress)),
        )
        output, *_ = await save_output(
            self._service, self._job, Destination(folder), "sluice-doctor", 0, self._see
        )
        self._check_length(self._job)
        return output

    def _see(self, moment: Moment) -> None:
        self._seen = moment

    def _check_length(self, job: Job) -> None:
        seconds = job.output and job.output.duration_seconds
        if seconds is None or not _SECONDS[0] <= seconds <= _SECONDS[1]:
            raise UnexpectedAnswer(f"A second of sound became {seconds} seconds of MP3.")

    async def _tidy(self) -> None:
        """As far as it can be done; what is left expires."""
        if self._job is not None and not self._job.is_over:
            with suppress(ClientError):
                await self._service.api.cancel(self._job.job_id)


def write_sound(file: Path) -> None:
    """A second of A4, mono, at a tenth of full scale."""
    samples = array(
        "h", (round(3277 * math.sin(2 * math.pi * 440 * n / _RATE)) for n in range(_RATE))
    )
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, _RATE, _RATE, "NONE", ""))
        sound.writeframes(samples.tobytes())

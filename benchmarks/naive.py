"""The naive pipe, as a process of its own: the object into ffmpeg, what comes out into S3.

python -m benchmarks.naive BUCKET SOURCE TARGET ffmpeg … INPUT … OUTPUT
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from typing import IO, Any

from conversion.stores import clients

_CHUNK_BYTES = 256 * 1024


def main(bucket: str, source: str, target: str, *command: str) -> int:
    s3 = clients.s3()
    words = [{"INPUT": "pipe:0", "OUTPUT": "pipe:1"}.get(word, word) for word in command]
    body = s3.get_object(Bucket=bucket, Key=source)["Body"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ffmpeg:
        assert ffmpeg.stdin is not None
        feeder = threading.Thread(target=_feed, args=(body, ffmpeg.stdin))
        feeder.start()
        s3.upload_fileobj(ffmpeg.stdout, bucket, target)
        feeder.join()
    return ffmpeg.returncode


def _feed(body: Any, pipe: IO[bytes]) -> None:
    try:
        with pipe:
            shutil.copyfileobj(body, pipe, _CHUNK_BYTES)
    except BrokenPipeError:
        return  # ffmpeg ended early; its exit code says why


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

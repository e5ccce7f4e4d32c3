"""The usual way, as a process of its own: download the object, convert it, upload the result.

python -m benchmarks.usual BUCKET SOURCE TARGET FOLDER ffmpeg … INPUT … OUTPUT
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from conversion.stores import clients


def main(bucket: str, source: str, target: str, folder: str, *command: str) -> int:
    s3 = clients.s3()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        paths = {"INPUT": str(Path(scratch, "input")), "OUTPUT": str(Path(scratch, "output"))}
        s3.download_file(bucket, source, paths["INPUT"])
        code = subprocess.run([paths.get(word, word) for word in command], check=False).returncode
        if code == 0:
            s3.upload_file(paths["OUTPUT"], bucket, target)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

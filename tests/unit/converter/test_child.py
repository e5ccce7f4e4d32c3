"""What a child says arrives as it was said, and what the kernel lets it have ends it in time."""

from __future__ import annotations

import io
import signal
from pathlib import Path

import pytest

from tasks.converter.child import Child, Limits, chunks_of, lines_of
from tasks.converter.transcode import _cpu_seconds  # pyright: ignore[reportPrivateUsage]


def _ignore(_: str) -> None: ...


def test_a_long_line_arrives_whole_in_chunks(tmp_path: Path) -> None:
    said = b"  a\n" + b"x y " * 25_000 + b"\n\n z"
    (tmp_path / "said").write_bytes(said)

    with Child(["cat", str(tmp_path / "said")], Limits(10), _ignore, chunks_of) as child:
        heard = b"".join(chunk or b"" for chunk in child.ticks())
        assert child.exit_code() == 0

    assert heard == said


def test_the_rest_of_a_long_line_is_no_line() -> None:
    lines = list(lines_of(io.BytesIO(b"short\n" + b"x" * 8192 + b"[error] no\nlast")))

    assert lines == [b"short\n", b"x" * 8192, b"last"]


def test_a_child_that_spins_is_told_why_it_ends() -> None:
    """SIGKILL would look like want of memory, and be tried again."""
    with Child(["sh", "-c", "while :; do :; done"], Limits(1), _ignore, lines_of) as child:
        assert [piece for piece in child.ticks() if piece] == []
        assert child.exit_code() == -signal.SIGXCPU


@pytest.mark.parametrize(
    ("most_audio", "cpu"), [(60, 600), (7200, 7200), (24 * 3600, 6 * 3600 - 600)]
)
def test_the_cpu_limit_binds_before_the_flow_gives_up(most_audio: int, cpu: int) -> None:
    assert _cpu_seconds(most_audio) == cpu

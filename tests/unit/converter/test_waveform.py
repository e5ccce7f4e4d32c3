"""Peaks out of ffmpeg's text, in the layout of audiowaveform, and their picture."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.conversion import Waveform
from conversion.errors import OutputBroken
from local.ffmpeg import find_ffmpeg
from tasks.converter import waveform
from tasks.converter.picture import HEIGHT, WIDTH, picture
from tasks.converter.waveform import Peaks, PeaksPipe, samples_per_pixel

Pairs = list[tuple[int, int]]
_LEVELS = st.tuples(st.integers(-(2**15), 2**15 - 1), st.integers(-(2**15), 2**15 - 1))


def _text(pairs: Pairs) -> bytes:
    """As `ametadata` prints it, ffmpeg 5.1 to 9.0."""
    lines = [
        f"frame:{at}    pts:{at * 512}       pts_time:{at * 0.01161:g}\n"
        f"lavfi.astats.Overall.Min_level={low}.000000\n"
        f"lavfi.astats.Overall.Max_level={high}.000000\n"
        for at, (low, high) in enumerate(pairs)
    ]
    return "".join(lines).encode()


def _peaks(pairs: Pairs) -> Peaks:
    peaks = Peaks(44_100, 512)
    peaks.hear(_text(pairs))
    peaks.end()
    return peaks


def test_a_document_is_audiowaveforms() -> None:
    document = json.loads(b"".join(_peaks([(-32768, 32767), (-1, 1), (-300, 512)]).json()))
    assert document == {
        "version": 2,
        "channels": 1,
        "sample_rate": 44_100,
        "samples_per_pixel": 512,
        "bits": 8,
        "length": 3,
        "data": [-128, 127, 0, 0, -1, 2],
    }


def test_a_long_document_is_written_in_pieces() -> None:
    pairs = [(-(at % 30_000), at % 30_000) for at in range(70_000)]
    pieces = list(_peaks(pairs).json())
    assert len(pieces) == 5
    data = json.loads(b"".join(pieces))["data"]
    assert data == [int(level / 256) for pair in pairs for level in pair]


@given(st.lists(_LEVELS, min_size=1, max_size=40), st.data())
def test_it_does_not_matter_where_the_text_is_cut(pairs: Pairs, data: st.DataObject) -> None:
    text, peaks = _text(pairs), Peaks(44_100, 512)
    while text:
        cut = data.draw(st.integers(1, len(text)))
        peaks.hear(text[:cut])
        text = text[cut:]
    peaks.end()
    whole = _peaks(pairs)
    assert (peaks.lows, peaks.highs) == (whole.lows, whole.highs)


@given(st.lists(_LEVELS, min_size=1, max_size=200), st.integers(1, 60))
def test_more_pixels_than_there_may_be_are_folded(pairs: Pairs, piece: int) -> None:
    """Twice as many samples to a pixel, as often as it takes, and every peak in its place."""
    peaks = Peaks(44_100, 512)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waveform, "MOST_PIXELS", 16)
        for at in range(0, len(pairs), piece):
            peaks.hear(_text(pairs[at : at + piece]))
        peaks.end()
    size = peaks.samples_per_pixel // 512
    groups = [pairs[at : at + size] for at in range(0, len(pairs), size)]
    assert list(peaks.lows) == [min(int(low / 256) for low, _ in each) for each in groups]
    assert list(peaks.highs) == [max(int(high / 256) for _, high in each) for each in groups]
    assert peaks.length <= 17


def test_a_length_that_is_known_is_fitted_in_advance() -> None:
    day = 24 * 3600.0
    assert samples_per_pixel(Waveform(512), 44_100, 600.0) == 512
    assert samples_per_pixel(Waveform(512), 44_100, None) == 512
    assert samples_per_pixel(Waveform(512), 44_100, day) == 1024
    assert samples_per_pixel(Waveform(32), 192_000, day) == 8192


def test_a_coarser_waveform_is_told() -> None:
    peaks = Peaks(44_100, 1024)
    assert peaks.warnings(Waveform(1024)) == []
    [warning] = peaks.warnings(Waveform(512))
    assert warning.code == "WAVEFORM_COARSER"
    assert "1024" in warning.message


def test_a_pipe_brings_what_a_child_writes_to_it() -> None:
    text = _text([(-256, 256)] * 1000)
    with PeaksPipe(Peaks(44_100, 512)) as pipe:
        command = ["sh", "-c", f"cat > /dev/fd/{pipe.fd}"]
        subprocess.run(command, input=text, pass_fds=(pipe.fd,), check=True)
        pipe.finish()
    assert pipe.peaks.length == 1000


def _open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_a_pipe_without_peaks_is_an_error_and_leaves_nothing_open() -> None:
    before = _open_files()
    with pytest.raises(OutputBroken), PeaksPipe(Peaks(44_100, 512)) as pipe:
        pipe.finish()
    assert _open_files() == before


def test_peaks_that_are_no_numbers_are_an_error() -> None:
    with PeaksPipe(Peaks(44_100, 512)) as pipe:
        os.write(pipe.fd, _text([(1, 2)]).replace(b"1.0", b"one"))
        with pytest.raises(OutputBroken, match="one"):
            pipe.finish()


def _columns(drawn: bytes, folder: Path) -> list[tuple[int, int]]:
    """The first and the last opaque row of each column, as ffmpeg decodes the picture."""
    path = folder / "waveform.png"
    path.write_bytes(drawn)
    command = [str(find_ffmpeg().ffmpeg), "-v", "error", "-i", str(path), "-f", "rawvideo"]
    pixels = subprocess.run(
        [*command, "-pix_fmt", "rgba", "pipe:1"], capture_output=True, check=True
    ).stdout
    assert len(pixels) == WIDTH * HEIGHT * 4
    columns: list[tuple[int, int]] = []
    for x in range(WIDTH):
        opaque = pixels[4 * x + 3 :: 4 * WIDTH]
        columns.append((opaque.find(b"\xff"), opaque.rfind(b"\xff")))
    return columns


def test_a_picture_goes_from_edge_to_edge(tmp_path: Path) -> None:
    drawn = picture(_peaks([(-32768, 32767)]))
    assert drawn.startswith(b"\x89PNG")
    assert _columns(drawn, tmp_path) == [(0, HEIGHT - 1)] * WIDTH


def test_silence_is_a_line(tmp_path: Path) -> None:
    middle = HEIGHT // 2
    columns = _columns(picture(_peaks([(0, 0)])), tmp_path)
    assert set(columns) <= {(middle - 1, middle), (middle, middle), (middle - 1, middle - 1)}


def test_a_long_sound_is_drawn_by_folding(tmp_path: Path) -> None:
    """One loud pixel among tens of thousands is still seen, where it is."""
    pairs = [(0, 0)] * 90_000
    pairs[45_000] = (-32768, 32767)
    columns = _columns(picture(_peaks(pairs)), tmp_path)
    assert [x for x, column in enumerate(columns) if column == (0, HEIGHT - 1)] == [WIDTH // 2]


def test_a_picture_is_small_and_its_chunks_are_sound() -> None:
    drawn = picture(_peaks([(-at, at) for at in range(0, 32_000, 7)]))
    assert len(drawn) < 20_000
    at, names = 8, list[bytes]()
    while at < len(drawn):
        (size,) = struct.unpack_from(">I", drawn, at)
        name, data = drawn[at + 4 : at + 8], drawn[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", drawn, at + 8 + size) == (zlib.crc32(name + data),)
        names.append(name)
        at += 12 + size
    assert names == [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"]

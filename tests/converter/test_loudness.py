"""Normalisation to EBU R 128, checked by another measurement: of the finished output, decoded."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from conversion.conversion import Conversion, Loudness
from conversion.job import Job, Status
from conversion.outcome import LoudnessChange
from local.ffmpeg import Ffmpeg
from tests.converter.sounds import Sounds
from tests.converter.world import World

# Soft tones with bursts far above them, as in speech: a gain alone would carry them over.
_PEAKY = (
    "0.03*sin(2*PI*{tone}*t)+0.02*(random({seed})-0.5)"
    "+if(lt(mod(t,{every}),0.004),{burst}*sin(2*PI*{click}*t),0)"
)


def _peaky(burst: float, seconds: float = 6) -> list[str]:
    left = _PEAKY.format(tone=440, seed=0, every=0.37, burst=burst, click=3700)
    right = _PEAKY.format(tone=660, seed=1, every=0.53, burst=burst, click=9700)
    return ["-f", "lavfi", "-i", f"aevalsrc=exprs='{left}|{right}':s=44100:d={seconds}"]


def _made(sounds: Sounds, folder: Path, source: list[str], options: str) -> bytes:
    path = folder / "made"
    sounds.make(path, [*source, *options.split()])
    return path.read_bytes()


def _measured(ffmpeg: Ffmpeg, data: bytes, folder: Path) -> tuple[float, float]:
    """Integrated loudness and true peak, not by our code."""
    path = folder / "measured"
    path.write_bytes(data)
    command = [str(ffmpeg.ffmpeg), "-hide_banner", "-nostdin", "-nostats", "-i", str(path)]
    said = subprocess.run(
        [*command, "-map", "0:a", "-af", "ebur128=peak=true", "-f", "null", "-"],
        capture_output=True,
        check=True,
    ).stderr.decode()
    lufs = re.findall(r"I: +(-?[\d.]+|-?inf|nan) LUFS", said)[-1]
    peak = re.findall(r"Peak: +(-?[\d.]+|-?inf) dBFS", said)[-1]
    return float(lufs), float(peak)


def _change(job: Job) -> LoudnessChange:
    assert job.output is not None, job.failure
    assert job.output.loudness is not None
    return job.output.loudness


def _codes(job: Job) -> list[str]:
    assert job.output is not None
    return [each.code for each in job.output.warnings]


_LOSSY_DB = 1.0  # what a lossy encoder may take from the loudness; to peaks it adds up to 2.5


@pytest.mark.parametrize(
    ("asked", "off"),
    [
        ("wav", 0.11),
        ("mp3", _LOSSY_DB),
        *(
            pytest.param(name, off, marks=pytest.mark.long)
            for name, off in [
                ("flac", 0.11),
                ("m4a", _LOSSY_DB),
                ("ogg", _LOSSY_DB),
                ("aiff", 0.11),
            ]
        ),
    ],
)
@pytest.mark.parametrize("target", [-23.0, pytest.param(-16.0, marks=pytest.mark.long)])
def test_the_output_is_as_loud_as_was_asked_for(
    world: World, sounds: Sounds, ffmpeg: Ffmpeg, tmp_path: Path,
    asked: str, off: float, target: float,
) -> None:  # fmt: skip
    data = sounds.bytes("mp3")
    job = world.convert(data, Conversion(asked, loudness=Loudness(target, -1.0)))

    change = _change(job)
    before = _measured(ffmpeg, data, tmp_path)
    after = _measured(ffmpeg, world.output(job), tmp_path)
    assert change.before.integrated_lufs == pytest.approx(before[0], abs=0.11)
    assert change.before.true_peak_dbtp == pytest.approx(before[1], abs=0.11)
    assert after[0] == pytest.approx(target, abs=off)
    assert change.after.integrated_lufs == pytest.approx(target, abs=0.11)
    assert change.after.true_peak_dbtp == pytest.approx(after[1], abs=3 * off)
    assert _codes(job) == []


def test_a_gain_that_the_peaks_allow_changes_nothing_else(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    """Sample by sample the same factor, whatever the loudness range."""
    loud_and_soft = "aevalsrc=exprs='if(lt(t,4),0.2,0.01)*sin(2*PI*441*t)':s=44100:d=8:c=stereo"
    data = _made(sounds, tmp_path, ["-f", "lavfi", "-i", loud_and_soft], "-c:a pcm_s24le -f wav")

    job = world.convert(data, Conversion("wav", loudness=Loudness(-20.0, -1.0), bit_depth=24))

    gain = 10 ** ((-20.0 - (_change(job).before.integrated_lufs or 0)) / 20)
    was, now = sounds.pcm(data, "s32le"), sounds.pcm(world.output(job), "s32le")
    assert len(was) == len(now)
    for at in range(0, len(was), 4 * 331):
        before, after = (
            int.from_bytes(each[at : at + 4], "little", signed=True) for each in (was, now)
        )
        assert after == pytest.approx(gain * before, abs=2**9)


@pytest.mark.parametrize("asked", ["wav", pytest.param("flac", marks=pytest.mark.long)])
def test_peaks_that_are_in_the_way_are_limited(
    world: World, sounds: Sounds, ffmpeg: Ffmpeg, tmp_path: Path, asked: str
) -> None:
    data = _made(sounds, tmp_path, _peaky(0.6), "-c:a pcm_s24le -f wav")

    job = world.convert(data, Conversion(asked, loudness=Loudness(-16.0, -1.0)))

    lufs, peak = _measured(ffmpeg, world.output(job), tmp_path)
    change = _change(job)
    assert change.after.integrated_lufs == pytest.approx(lufs, abs=0.11)
    assert lufs > -18.5
    assert peak <= -1.0
    assert (change.after.true_peak_dbtp or 0) <= -1.0
    assert (_codes(job) == []) is (abs(lufs + 16.0) <= 0.5)
    assert len(sounds.pcm(world.output(job))) == len(sounds.pcm(data))


def test_a_gain_that_would_distort_is_held_back_and_told(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    soft = ["-f", "lavfi", "-i", "aevalsrc=exprs='0.004*sin(2*PI*441*t)+if(lt(mod(t,2),0.001),"
            "0.8*sin(2*PI*997*t),0)':s=44100:d=6"]  # fmt: skip
    data = _made(sounds, tmp_path, soft, "-c:a pcm_s24le -f wav")
    job = world.convert(data, Conversion("wav", loudness=Loudness(-14.0, -1.0)))
    assert _codes(job) == ["LOUDNESS_TARGET_MISSED"]
    assert (_change(job).after.true_peak_dbtp or 0) <= -1.0


@pytest.mark.parametrize(
    "sound",
    ["anullsrc=r=44100:cl=stereo:d=3", "aevalsrc=exprs='0.4*sin(2*PI*441*t)':s=44100:d=0.3"],
)
def test_what_has_no_loudness_is_converted_as_it_is(
    world: World, sounds: Sounds, tmp_path: Path, sound: str
) -> None:
    data = _made(sounds, tmp_path, ["-f", "lavfi", "-i", sound], "-c:a pcm_s16le -f wav")

    job = world.convert(data, Conversion("wav", loudness=Loudness()))

    change = _change(job)
    assert change.before == change.after
    assert change.before.integrated_lufs is None
    assert _codes(job) == ["LOUDNESS_NOT_MEASURABLE"]
    assert sounds.pcm(world.output(job)) == sounds.pcm(data)


def test_only_the_part_that_is_kept_is_measured(
    world: World, sounds: Sounds, ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    stepped = "aevalsrc=exprs='if(lt(t,3),0.5,0.05)*sin(2*PI*441*t)':s=44100:d=8"
    data = _made(sounds, tmp_path, ["-f", "lavfi", "-i", stepped], "-c:a pcm_s16le -f wav")

    job = world.convert(data, Conversion("wav", start_seconds=3, loudness=Loudness(-20.0)))

    assert _measured(ffmpeg, world.output(job), tmp_path)[0] == pytest.approx(-20.0, abs=0.11)
    assert (_change(job).before.integrated_lufs or 0) < -25


@pytest.mark.parametrize(
    ("channels", "rate"),
    [
        (1, 48_000),
        *(pytest.param(*each, marks=pytest.mark.long) for each in [(1, None), (None, 22_050)]),
    ],
)
def test_it_is_measured_as_it_is_mixed_and_sampled(
    world: World, sounds: Sounds, ffmpeg: Ffmpeg, tmp_path: Path,
    channels: int | None, rate: int | None,
) -> None:  # fmt: skip
    asked = Conversion(
        "wav", channels=channels, sample_rate=rate, loudness=Loudness(-20.0), bit_depth=16
    )
    job = world.convert(sounds.bytes("wav"), asked)

    output = world.output(job)
    assert _measured(ffmpeg, output, tmp_path)[0] == pytest.approx(-20.0, abs=0.11)
    assert int.from_bytes(output[22:24], "little") == (channels or 2)
    assert int.from_bytes(output[24:28], "little") == (rate or 44_100)


def test_surround_is_normalised_as_the_stereo_it_becomes(
    world: World, sounds: Sounds, ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    tones = "|".join(f"0.2*sin(2*PI*{330 + 60 * each}*t)" for each in range(6))
    source = ["-f", "lavfi", "-i", f"aevalsrc=exprs='{tones}':s=48000:d=4:c=5.1"]
    data = _made(sounds, tmp_path, source, "-c:a flac -f flac")

    job = world.convert(data, Conversion("wav", channels=2, loudness=Loudness(-18.0, -1.0)))

    assert _measured(ffmpeg, world.output(job), tmp_path)[0] == pytest.approx(-18.0, abs=0.11)


@pytest.mark.parametrize(
    "source",
    ["wav24", *(pytest.param(each, marks=pytest.mark.long) for each in ("flac", "wav-float"))],
)
def test_the_rate_and_the_depth_stay(
    world: World, sounds: Sounds, tmp_path: Path, source: str
) -> None:
    plain = world.output(world.convert(sounds.bytes(source), "wav"))
    levelled = world.output(
        world.convert(sounds.bytes(source), Conversion("wav", loudness=Loudness(-5.0, -3.0)))
    )
    assert levelled[20:36] == plain[20:36]  # the WAV's `fmt `: rate, channels, bits
    assert len(sounds.pcm(levelled)) == len(sounds.pcm(plain))


def test_normalised_twice_gives_the_same_bytes(world: World, sounds: Sounds) -> None:
    """Dither too: a job that is tried again makes the same object."""
    asked = Conversion("wav", loudness=Loudness(-20.0))
    first, second = (world.output(world.convert(sounds.bytes("wav"), asked)) for _ in range(2))
    assert first == second


@pytest.mark.long
def test_a_file_that_changes_on_its_way_is_not_normalised(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    other = _made(
        sounds, tmp_path, ["-i", str(sounds.path("wav"))], "-ar 22050 -ac 1 -write_xing 0 -f mp3"
    )
    job = world.convert(sounds.bytes("mp3-no-xing") + other, Conversion("mp3", loudness=Loudness()))
    assert job.status is Status.FAILED
    assert job.failure is not None
    assert job.failure.code == "UNSUPPORTED_INPUT"

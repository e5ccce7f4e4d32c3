"""The built image, run as Fargate runs it: as nobody, on a read-only root, without a shell."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conversion.conversion import Conversion, Loudness, Waveform
from conversion.formats import FORMATS
from local.ffmpeg import find_ffmpeg
from local.image.build import ROOT
from local.image.container import Image
from local.image.trial import Trial
from local.sample import TAGS, make_sample
from local.tasks import IMAGE_ENTRYPOINT
from tests.image.test_components import BUILT

# The build takes some minutes the first time.
pytestmark = pytest.mark.long

_SECONDS = 5
# docs/image.md has what was measured; a tenth more is for Debian's own updates.
_MOST_UNPACKED, _MOST_COMPRESSED = 78_000_000, 30_500_000

# As ffprobe calls each format's container and codec.
_MADE = {
    "mp3": ("mp3", "mp3"),
    "m4a": ("mov,mp4,m4a,3gp,3g2,mj2", "aac"),
    "aac": ("aac", "aac"),
    "ogg": ("ogg", "vorbis"),
    "opus": ("ogg", "opus"),
    "webm": ("matroska,webm", "opus"),
    "flac": ("flac", "flac"),
    "alac": ("mov,mp4,m4a,3gp,3g2,mj2", "alac"),
    "mka": ("matroska,webm", "flac"),
    "wav": ("wav", "pcm_s24le"),
    "w64": ("w64", "pcm_s24le"),
    "aiff": ("aiff", "pcm_s24be"),
    "caf": ("caf", "pcm_s24le"),
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """FLAC of 24 bits, with tags and a cover."""
    path = tmp_path_factory.mktemp("sample") / "sample.flac"
    make_sample(str(find_ffmpeg().ffmpeg), path, _SECONDS)
    return path.read_bytes()


def _probed(path: Path) -> dict[str, Any]:
    see = ["-show_format", "-show_streams", "-of", "json"]
    command = [find_ffmpeg().ffprobe, "-v", "error", *see, path]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def test_every_format_has_an_expectation() -> None:
    assert _MADE.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", FORMATS)
def test_it_converts_a_file_to(name: str, trial: Trial, sample: bytes, tmp_path: Path) -> None:
    made = trial.convert(sample, Conversion(name))

    assert made.record["status"] == "completed", made.task.stdout + made.task.stderr
    assert made.record["output"]["mode"] == "stream"
    path = tmp_path / "output"
    path.write_bytes(made.data)
    found = _probed(path)
    sound = found["streams"][0]
    assert (found["format"]["format_name"], sound["codec_name"]) == _MADE[name]
    # ADTS says nothing of its length: ffprobe guesses it by the bitrate.
    air = 0.5 if name == "aac" else 0.1
    assert float(found["format"]["duration"]) == pytest.approx(_SECONDS, abs=air)
    tags = {**sound.get("tags", {}), **found["format"].get("tags", {})}
    if FORMATS[name].tags:
        assert {key.lower(): text for key, text in tags.items()}["title"] == TAGS["title"]
    pictures = [each for each in found["streams"] if each["disposition"]["attached_pic"]]
    assert len(pictures) == FORMATS[name].cover


def test_what_needs_every_filter_is_converted(trial: Trial, sample: bytes) -> None:
    asked = Conversion(
        "opus", start_seconds=1.0, end_seconds=4.0, fade_in_seconds=0.5, fade_out_seconds=0.5,
        loudness=Loudness(-14.0), waveform=Waveform(),
    )  # fmt: skip

    made = trial.convert(sample, asked)

    assert made.record["status"] == "completed", made.task.stdout + made.task.stderr
    assert made.record["output"]["waveform"]
    assert made.record["output"]["loudness"]


def test_what_is_no_audio_is_refused_by_its_code(trial: Trial) -> None:
    made = trial.convert(b"Dear Sir or Madam,\n" * 100, Conversion("mp3"))

    assert made.task.returncode == 0
    assert made.record["failure"]["code"] == "UNSUPPORTED_INPUT"


_WRITABLE = """
import json, os
found = []
for folder, folders, files in os.walk("/"):
    if folder in ("/proc", "/dev", "/sys"):
        folders.clear()
        continue
    found += [p for p in (folder, *(f"{folder}/{each}" for each in files)) if os.access(p, os.W_OK)]
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
print(json.dumps([os.getuid(), status["CapEff"].strip(), status["NoNewPrivs"].strip(), found]))
"""


def test_it_may_write_to_its_scratch_space_alone(image: Image) -> None:
    done = image.run(["python", "-c", _WRITABLE], {})

    user, capabilities, no_new_privileges, writable = json.loads(done.stdout)
    assert user == 10001
    assert int(capabilities, 16) == 0
    assert no_new_privileges == "1"
    assert writable == ["/tmp"]


_LEFT_BEHIND = """
import glob, json, os, subprocess, time
subprocess.run(["python", "-c", "import os, time; os.fork() or time.sleep(0.2)"])
time.sleep(0.6)
told = [open(each).read() for each in glob.glob("/proc/[0-9]*/stat")]
states = [each.rpartition(")")[2].split()[0] for each in told]
print(json.dumps([os.getpid(), states]))
"""


def test_what_a_child_leaves_behind_is_reaped_by_an_init_that_is_not_the_task(image: Image) -> None:
    own, states = json.loads(image.run(["python", "-c", _LEFT_BEHIND], {}).stdout)
    assert own != 1
    assert len(states) == 2
    assert "Z" not in states


@pytest.mark.parametrize(("ending", "said"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 137)])
def test_a_containers_exit_code_is_its_commands(image: Image, ending: str, said: int) -> None:
    assert image.run(["python", "-c", f"import os, sys; {ending}"], {}).returncode == said


_HELD = """
import json, os
print(json.dumps([f"{folder}/{each}" for top in ("/usr", "/bin", "/etc", "/app", "/packages")
                  for folder, _, files in os.walk(top) for each in files]))
"""


@pytest.fixture(scope="module")
def files(image: Image) -> list[str]:
    return json.loads(image.run(["python", "-c", _HELD], {}).stdout)


def test_there_is_no_shell_and_nothing_that_installs(files: list[str]) -> None:
    names = {Path(each).name for each in files if "/bin/" in each or "/sbin/" in each}
    programs = {"python", "python3", "python3.11", "ffmpeg", "ffprobe"}
    assert names == programs


def test_nothing_is_compiled_when_it_starts(files: list[str]) -> None:
    compiled = {
        re.sub(r"/__pycache__/([^/]+)\.cpython-\d+\.pyc$", r"/\1.py", each)
        for each in files
        if each.endswith(".pyc")
    }
    sources = {each for each in files if each.endswith(".py") and not each.startswith("/etc")}
    assert sources <= compiled


_FLAGS = """
import json, os
print(json.dumps({f"{folder}/{each}": list(open(f"{folder}/{each}", "rb").read(8)[4:])
                  for top in ("/usr", "/app", "/packages") for folder, _, files in os.walk(top)
                  for each in files if each.endswith(".pyc")}))
"""


def test_nobody_asks_for_a_sources_time_when_it_starts(image: Image) -> None:
    """The second word of a .pyc is 1 where it goes by a hash that is not checked (PEP 552)."""
    flags = json.loads(image.run(["python", "-c", _FLAGS], {}).stdout)
    assert len(flags) > 500
    assert not [each for each, word in flags.items() if word != [1, 0, 0, 0]]


def test_the_builds_own_files_are_not_in_it(files: list[str]) -> None:
    assert not [each for each in files if each.startswith("/app/tasks/converter/image")]
    assert "/app/tasks/converter/Dockerfile" not in files


def test_the_local_engine_starts_tasks_as_the_image_does(image: Image) -> None:
    assert tuple(image.facts.entrypoint) == IMAGE_ENTRYPOINT


def test_it_is_small(image: Image) -> None:
    assert image.facts.size.unpacked <= _MOST_UNPACKED
    assert image.facts.size.compressed <= _MOST_COMPRESSED


@pytest.fixture(scope="module")
def sbom(image: Image) -> dict[str, str]:
    """Versions by name."""
    where = "/usr/share/sbom/converter.cdx.json"
    read = ["python", "-c", f"print(open({where!r}).read())"]
    document = json.loads(image.run(read, {}).stdout)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    assert all(each["purl"].startswith("pkg:") for each in document["components"])
    return {each["name"]: each["version"] for each in document["components"]}


def test_its_sbom_names_ffmpeg_and_what_is_linked_into_it(
    image: Image, sbom: dict[str, str]
) -> None:
    said = image.run(["ffmpeg", "-hide_banner", "-version"], {}).stdout
    assert said.startswith(f"ffmpeg version {sbom['ffmpeg']} ")
    assert sbom.keys() >= {"libmp3lame-dev", "libogg-dev", "libopus-dev", "libvorbis-dev"}


def test_its_sbom_names_every_debian_package(sbom: dict[str, str]) -> None:
    listed = (ROOT / "tasks/converter/image/packages").read_text().splitlines()
    assert sbom.keys() >= {each for each in listed if not each.startswith("#")}


def test_its_sbom_names_every_distribution_at_its_pin(sbom: dict[str, str]) -> None:
    pins = (ROOT / "tasks/converter/requirements.txt").read_text()
    wanted = dict(re.findall(r"^([\w.-]+)==(\S+?)(?: ;.*)?$", pins, re.M))
    assert wanted.items() <= sbom.items() | {("async-timeout", wanted.get("async-timeout"))}


@pytest.mark.parametrize(
    ("kind", "question"), [("protocol", "-protocols"), ("encoder", "-encoders")]
)
def test_ffmpeg_is_built_of_its_list_and_nothing_else(
    image: Image, kind: str, question: str
) -> None:
    said = image.run(["ffmpeg", "-hide_banner", question], {}).stdout
    names = re.findall(r"^  (\w+)$" if kind == "protocol" else r"^ A\S+ (\w+)", said, re.M)
    assert set(names) == BUILT[kind]


def test_ffmpeg_decodes_no_video_but_covers(image: Image) -> None:
    said = image.run(["ffmpeg", "-hide_banner", "-decoders"], {}).stdout
    assert set(re.findall(r"^ V[A-Z.]{5} (\w+) ", said, re.M)) == {"mjpeg", "png"}


def test_ffmpeg_links_to_the_c_library_and_zlib_alone(image: Image) -> None:
    """What it encodes with is inside: docs/image.md says why."""
    read = "print(open('/usr/bin/ffmpeg', 'rb').read())"
    said = re.findall(r"(lib\w+\.so\.\d+)\\x00", image.run(["python", "-c", read], {}).stdout)
    assert set(said) == {"libc.so.6", "libm.so.6", "libz.so.1"}

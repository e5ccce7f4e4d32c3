"""Build the converter's image: with Docker where it answers, else with buildah, which needs none.

buildah has no registry to take the base from here, and needs none either: mmdebstrap makes one of
Debian's packages, with the certificates this machine trusts, and it is handed to the Dockerfile as
BASE. Of the base nothing gets into the image.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

from local.child import ROOT
from local.errors import ImageNotBuilt, NotInstalled
from local.image.container import Facts, Image, InDocker, Size, Unpacked, read_facts

DOCKERFILE = "tasks/converter/Dockerfile"
NAME = "localhost/sluice-converter"
MADE = ROOT / "build" / "image"
# The base, and buildah's store.
CACHE = ROOT / ".cache" / "image"
DOCKER_SECONDS = 30.0
_BASE = "localhost/sluice-base"
# Without a kernel's overlays each layer is a copy of all below it: to keep one for each step takes
# 12 GB, and longer than to compile ffmpeg again.
_ONE_COPY = ("--layers=false", "--force-rm")
_SUITE = "bookworm"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Where Debian looks for what an administrator adds, as one behind a proxy has to.
_TRUSTED = "/usr/local/share/ca-certificates/this-machine.crt"


def build() -> Image:
    """The image of the sources as they are. Raises NotInstalled, ImageNotBuilt."""
    if docker_answers():
        return _with_docker()
    if missing := [each for each in ("buildah", "mmdebstrap") if not shutil.which(each)]:
        raise NotInstalled(
            f"There is no Docker engine here, and no {' and no '.join(missing)}. Start Docker, or "
            "on Debian run: apt-get install buildah mmdebstrap"
        )
    if os.geteuid() != 0:
        raise NotInstalled("Building without Docker takes root, to unpack files of other users.")
    return _with_buildah()


def docker_answers() -> bool:
    if not shutil.which("docker"):
        return False
    try:
        asked = subprocess.run(["docker", "version"], capture_output=True, timeout=DOCKER_SECONDS)
    except subprocess.TimeoutExpired:  # the client waits for an engine that hangs
        return False
    return asked.returncode == 0


def _with_docker() -> Image:
    _do("docker", "build", "--file", DOCKERFILE, "--tag", NAME, ".")
    told = _asked("docker", "image", "inspect", NAME)
    [about] = json.loads(told)
    saved = subprocess.Popen(["docker", "save", NAME], stdout=subprocess.PIPE)
    with saved, tempfile.TemporaryFile() as zipped:
        subprocess.run(["gzip", "-6"], stdin=saved.stdout, stdout=zipped, check=True)
        return InDocker(NAME, Facts(about["Config"], Size(about["Size"], zipped.tell())))


def _with_buildah() -> Image:
    """Kept unpacked under a digest of what it was made from."""
    made = MADE / _digest()
    with _alone():
        if not (made / "facts.json").exists():
            _make_base()
            _buildah("rm", "--all")  # what a build that was broken off has left
            base = ["--build-arg", f"BASE={_BASE}", "--isolation", "chroot", *_ONE_COPY]
            _buildah("bud", *base, "--file", DOCKERFILE, "--tag", NAME, ".")
            shutil.rmtree(MADE, ignore_errors=True)
            _unpack(made)
    return Unpacked(made / "root", read_facts(made / "facts.json"))


@contextlib.contextmanager
def _alone() -> Generator[None]:
    """One build at a time: two would write to the same layers."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_base() -> None:
    """Once: what is built with it asks Debian for the current packages itself."""
    tar = CACHE / f"{_SUITE}.tar"
    if tar.exists():
        return
    partly = tar.with_suffix(".partly.tar")
    _do("mmdebstrap", "--quiet", "--variant=minbase", _SUITE, str(partly))
    container = _buildah("from", "scratch").strip()
    _buildah("add", container, str(partly), "/")
    if _CERTIFICATES.exists():
        _buildah("add", container, str(_CERTIFICATES), _TRUSTED)
    _buildah("commit", "--rm", container, _BASE)
    partly.rename(tar)


def _unpack(made: Path) -> None:
    """As an OCI layout first: there the layers are zipped, and the configuration stands."""
    layout, root = made / "oci", made / "root"
    root.mkdir(parents=True)
    _buildah("push", "--quiet", "--format", "oci", NAME, f"oci:{layout}:latest")
    blobs = layout / "blobs" / "sha256"
    [named] = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads(_blob(blobs, named).read_text())
    for layer in manifest["layers"]:
        _do("tar", "--extract", "--gzip", "--file", str(_blob(blobs, layer)), "-C", str(root))
    config = json.loads(_blob(blobs, manifest["config"]).read_text())["config"]
    size = Size(_bytes(root), sum(layer["size"] for layer in manifest["layers"]))
    shutil.rmtree(layout)
    (made / "facts.json").write_text(json.dumps({"config": config, "size": vars(size)}))


def _blob(blobs: Path, described: dict[str, str]) -> Path:
    return blobs / described["digest"].removeprefix("sha256:")


def _bytes(root: Path) -> int:
    """A file of several names counts once."""
    found = {each.lstat().st_ino: each.lstat().st_size for each in _files(root)}
    return sum(found.values())


def _files(folder: Path) -> Iterator[Path]:
    return (each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())


def _digest() -> str:
    """Of what .dockerignore lets in; anything else of these folders only builds once too often."""
    digest = hashlib.sha256((ROOT / ".dockerignore").read_bytes())
    for room in ("conversion", "tasks"):
        for path in sorted(_files(ROOT / room)):
            if "__pycache__" not in path.parts:
                digest.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _buildah(verb: str, *arguments: str) -> str:
    """What it answers; `bud` alone talks at length, and to us."""
    store = [f"--root={CACHE / 'layers'}", f"--runroot={CACHE / 'run'}", "--storage-driver=vfs"]
    command = ["buildah", *store, verb, *arguments]
    if verb == "bud":
        _do(*command)
        return ""
    return _asked(*command)


def _do(*command: str) -> None:
    if subprocess.run(command, cwd=ROOT, stdout=sys.stderr).returncode != 0:
        raise ImageNotBuilt(f"{command[0]} failed; it says above why.")


def _asked(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise ImageNotBuilt(f"{' '.join(command[:2])} failed; it says above why.")
    return done.stdout

"""The functions' code: complete, small, the same every time, and pure Python."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from infra import bundle
from infra.errors import BundleError
from tests.infra.test_functions import settings_of

# Measured: 11.9 MB, a third of it Powertools, a fifth redis. Lambda takes 250 MB, but a cold start
# loads it.
MOST_BYTES = 13_000_000

HANDLERS = sorted(path.parent.name for path in bundle.ROOT.glob("lambdas/*/handler.py"))

IMPORT_ALONE = """
import sys, time
sys.path.insert(0, sys.argv[1])
started = time.perf_counter()
from lambdas.{name}.handler import handler
elsewhere = [
    module.__file__ for module in list(sys.modules.values())
    if "site-packages" in (getattr(module, "__file__", None) or "")
]
assert not elsewhere, elsewhere
print(round((time.perf_counter() - started) * 1000), "redis" in sys.modules)
"""


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_imports_from_the_bundle_alone(functions: Path, name: str) -> None:
    milliseconds, has_redis = import_alone(functions, name)
    print(f"{name}: imported in {milliseconds} ms, without bytecode")
    assert has_redis == "False"  # most deployments have none, and should not pay for its client


def test_the_client_of_redis_is_in_the_bundle_for_those_that_have_one(functions: Path) -> None:
    milliseconds, has_redis = import_alone(functions, "get_progress", redis_host="cache")
    print(f"get_progress with Redis: imported in {milliseconds} ms, without bytecode")
    assert has_redis == "True"


def import_alone(functions: Path, name: str, **texts: str) -> list[str]:
    """Isolated and without site-packages: what is not in the bundle is not there, as on AWS."""
    needed = dict.fromkeys(settings_of(name).__dataclass_fields__, "1")
    given = {**needed, "default_conversions": "mp3", "redis_host": "", **texts}
    told = {f"SLUICE_{each.upper()}": value for each, value in given.items()}
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", IMPORT_ALONE.format(name=name), functions],
        env={**told, "AWS_DEFAULT_REGION": "eu-west-1", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def test_the_bundle_is_small(functions: Path) -> None:
    size = bundle.size(functions)
    print(f"{size / 1e6:.1f} MB")
    assert size < MOST_BYTES


def test_nothing_is_packed_that_no_function_needs(functions: Path) -> None:
    parts = {part for path in functions.rglob("*") for part in path.relative_to(functions).parts}
    assert not parts & {"__pycache__", "tests", ".."}
    assert not [each for each in parts if each.endswith((".dist-info", ".pyc", ".so"))]


def test_botocore_keeps_the_services_we_call_and_what_describes_all(functions: Path) -> None:
    data = functions / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == bundle.SERVICES
    assert {path.name for path in data.iterdir() if path.is_file()} >= {
        "_retry.json",
        "endpoints.json",
        "partitions.json",
        "sdk-default-configuration.json",
    }


def test_the_services_are_those_of_the_stores() -> None:
    source = (bundle.ROOT / "conversion" / "stores" / "clients.py").read_text()
    called = {
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "boto3.client"
        and isinstance(node.args[0], ast.Constant)
    }
    assert called == bundle.SERVICES


def test_the_same_inputs_give_the_same_bytes(
    functions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "TARGET", tmp_path / "build" / "lambdas")
    again = bundle.ensure()
    assert contents(again) == contents(functions)


def test_nothing_is_done_when_nothing_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "TARGET", tmp_path / "build" / "lambdas")
    made = bundle.ensure()
    (made / "left.txt").touch()
    bundle.ensure()
    assert (made / "left.txt").exists()


def test_a_changed_source_is_packed_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "TARGET", tmp_path / "build" / "lambdas")
    monkeypatch.setattr(bundle, "ROOT", tmp_path)
    monkeypatch.setattr(bundle, "ROOMS", ("conversion",))
    (tmp_path / "pyproject.toml").write_text('[project.optional-dependencies]\nlambdas = ["six"]\n')
    source = tmp_path / "conversion" / "job.py"
    source.parent.mkdir()
    for text in ("a = 1\n", "a = 2\n"):
        source.write_text(text)
        assert (bundle.ensure() / "conversion" / "job.py").read_text() == text


def test_what_a_distribution_requires_is_packed_too() -> None:
    found = [each.name for each in bundle.distributions([Requirement("boto3")])]
    assert {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six"} <= set(found)


@pytest.mark.parametrize("file", ["fast/_fast.cpython-311-x86_64-linux-gnu.so", "fast/lib.so.1"])
def test_native_code_is_refused_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    installed(tmp_path, "fast", file)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BundleError, match=r"fast has native code .*pure\s+Python distribution"):
        bundle.distributions([Requirement("fast")])


def test_what_is_not_installed_is_refused_with_advice() -> None:
    with pytest.raises(BundleError, match=r"no-such-thing is not installed here.*pip install"):
        bundle.distributions([Requirement("no-such-thing")])


def installed(site: Path, name: str, file: str) -> None:
    metadata = site / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "RECORD").write_text(f"{name}/__init__.py,,\n{file},,\n")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }

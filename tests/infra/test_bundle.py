"""The functions' code: complete, small, compiled, quick to start, the same every time, and for the
platform that Lambda runs it on."""

from __future__ import annotations

import ast
import marshal
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType

import pytest
from packaging.requirements import Requirement

from infra import bundle, third_party
from infra.choices import Architecture
from infra.cold_start import handlers, imported
from infra.errors import BundleError

# Measured by `python -m infra.bundle`: 22.4 MB, of which bytecode is a half. Lambda takes 250 MB
# ("Lambda quotas"), but a cold start loads it.
MOST_BYTES = 24_500_000
# DESIGN's budget for a cold start. It is of CPU time, and of the best of a few tries: others on the
# same cores would lengthen either.
MOST_SECONDS = 0.4

HANDLERS = handlers(bundle.ROOT)


@pytest.fixture(scope="module")
def here() -> Path:
    """The bundle that this machine can run, native code included."""
    return bundle.ensure(third_party.architecture_here())


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_starts_from_the_bundle_alone_and_in_its_budget(here: Path, name: str) -> None:
    tries = (imported(here, name) for _ in range(5))
    once = next((each for each in tries if each.cpu_seconds <= MOST_SECONDS), None)
    assert once is not None
    print(f"{name}: imported in {once.cpu_seconds * 1000:.0f} ms of CPU")
    assert once.elsewhere == []
    # Most deployments have no Redis, and most invocations no trace: they pay for neither.
    assert not {"redis", "aws_xray_sdk"}.intersection(once.modules)


def test_the_client_of_redis_is_in_the_bundle_for_those_that_have_one(here: Path) -> None:
    assert "redis" in imported(here, "get_progress", redis_host="cache").modules


def test_the_bundle_is_small(functions: Path) -> None:
    size = bundle.size(functions)
    print(f"{size / 1e6:.1f} MB")
    assert size < MOST_BYTES


def test_every_module_has_bytecode_that_a_start_takes_as_it_is(functions: Path) -> None:
    """PEP 552: flags 1 are of a hash that is not compared with the source."""
    sources = list(functions.rglob("*.py"))
    for source in sources:
        compiled = Path(third_party.bytecode_of(source))
        assert compiled.read_bytes()[4:8] == (1).to_bytes(4, "little"), source
    assert len(sources) == len(list(functions.rglob("*.pyc"))) > 500


def test_a_trace_names_the_file_where_lambda_has_it(functions: Path) -> None:
    compiled = Path(third_party.bytecode_of(functions / "conversion" / "job.py"))
    code = marshal.loads(compiled.read_bytes()[16:])
    assert isinstance(code, CodeType)
    assert code.co_filename == "/var/task/conversion/job.py"


@pytest.mark.parametrize("architecture", Architecture)
def test_native_code_is_of_the_chosen_platform(architecture: Architecture) -> None:
    machine = {Architecture.ARM64: 183, Architecture.X86_64: 62}  # EM_AARCH64, EM_X86_64 (ELF)
    native = list(bundle.ensure(architecture).rglob("*.so"))
    assert native
    for each in native:
        assert int.from_bytes(each.read_bytes()[18:20], "little") == machine[architecture]


def test_nothing_is_packed_that_no_function_needs(functions: Path) -> None:
    parts = {part for path in functions.rglob("*") for part in path.relative_to(functions).parts}
    assert not parts & {"tests", "swagger_ui", "..", "bin"}
    assert not [each for each in parts if each.endswith((".dist-info", ".pyi", ".lock"))]


def test_botocore_keeps_the_services_we_call_and_what_describes_all(functions: Path) -> None:
    data = functions / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == third_party.SERVICES
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
    # X-Ray's API is the converter's alone: functions send traces by Lambda's daemon.
    assert called - {"xray"} == third_party.SERVICES


def test_what_is_packed_is_what_is_installed_here(functions: Path) -> None:
    """To the version: what the tests ran with is what is deployed."""
    pinned = third_party.pins(third_party.distributions(bundle.wanted()))
    required = (bundle.ROOT / "requirements.txt").read_text().split("\n")
    assert {each.partition(" ;")[0] for each in required} >= set(pinned)


@pytest.mark.long
def test_the_same_inputs_give_the_same_bytes(
    functions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "TARGET", tmp_path / "build" / "bundles")
    monkeypatch.setattr(bundle, "FETCHED", tmp_path / "cache")
    again = bundle.ensure()
    assert again.name == functions.name
    assert contents(again) == contents(functions)


def test_nothing_is_done_when_nothing_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "TARGET", tmp_path / "bundles")
    made = bundle.ensure()
    (made / "left.txt").touch()
    assert (bundle.ensure() / "left.txt").exists()


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A bundle of one module of ours and one distribution, made from the source given."""
    monkeypatch.setattr(bundle, "TARGET", tmp_path / "build" / "bundles")
    monkeypatch.setattr(bundle, "FETCHED", tmp_path / "cache")
    monkeypatch.setattr(bundle, "ROOT", tmp_path)
    monkeypatch.setattr(bundle, "ROOMS", ("conversion",))
    (tmp_path / "pyproject.toml").write_text('[project.optional-dependencies]\nlambdas = ["six"]\n')
    (tmp_path / "conversion").mkdir()

    def make(source: str) -> Path:
        (tmp_path / "conversion" / "job.py").write_text(source)
        return bundle.ensure()

    return make


def test_a_changed_source_is_packed_anew_and_the_old_bundle_stays(
    small: Callable[[str], Path],
) -> None:
    first, second = small("a = 1\n"), small("a = 2\n")
    assert (first / "conversion" / "job.py").read_text() == "a = 1\n"
    assert (second / "conversion" / "job.py").read_text() == "a = 2\n"


def test_old_bundles_are_forgotten(
    small: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "KEPT", 1)
    first, second = small("a = 1\n"), small("a = 2\n")
    assert (first.exists(), second.exists()) == (False, True)


def test_once_fetched_no_network_is_needed(
    small: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle.fetch()
    without_index(monkeypatch)
    assert (small("a = 1\n") / "six.py").exists()


def test_pip_fetches_where_uv_cannot(
    small: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_uv = small("a = 1\n")
    shutil.rmtree(bundle.FETCHED)
    shutil.rmtree(bundle.TARGET)
    monkeypatch.setattr(third_party, "_by_uv", lambda _: [sys.executable, "-c", "exit(1)"])
    assert contents(small("a = 1\n")) == contents(by_uv)


def test_what_cannot_be_fetched_is_refused_with_advice(
    small: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_index(monkeypatch)
    with pytest.raises(BundleError, match=r"six==\S+ cannot be fetched for arm64.*infra.bundle"):
        small("a = 1\n")


def test_code_that_does_not_compile_is_refused(small: Callable[[str], Path]) -> None:
    with pytest.raises(BundleError, match=r"does not compile.*job\.py"):
        small("a = \n")


def test_what_a_distribution_requires_is_packed_too() -> None:
    found = [each.name for each in third_party.distributions([Requirement("boto3")])]
    assert {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six"} <= set(found)


def test_what_only_another_system_requires_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Lambda's Linux reads the markers, whichever machine packs."""
    monkeypatch.setattr(sys, "platform", "win32")
    installed(tmp_path, "fast", 'six; sys_platform == "win32"', 'boto3; sys_platform == "linux"')
    monkeypatch.syspath_prepend(tmp_path)
    found = [each.name for each in third_party.distributions([Requirement("fast")])]
    assert "boto3" in found


def test_what_is_not_installed_is_refused_with_advice() -> None:
    with pytest.raises(BundleError, match=r"no-such-thing is not installed here.*make install"):
        third_party.distributions([Requirement("no-such-thing")])


def test_a_python_that_lambda_does_not_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(third_party, "RUNTIMES", ("2.7",))
    with pytest.raises(BundleError, match=r"no runtime for Python 3\..*install with one of 2\.7"):
        third_party.runtime()


def test_run_by_hand_it_tells_sizes_and_times(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle, "handlers", lambda _: ["fail_execution"])
    bundle.main()
    told = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert told == [*Architecture, "fail_execution"]


def without_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """uv and pip end as they do when there is none, and remember nothing."""
    for name in ("_by_uv", "_by_pip"):
        monkeypatch.setattr(third_party, name, lambda _: [sys.executable, "-c", "exit(1)"])


def installed(site: Path, name: str, *requires: str) -> None:
    metadata = site / f"{name}-1.0.dist-info"
    metadata.mkdir()
    told = "".join(f"Requires-Dist: {each}\n" for each in requires)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{told}")
    (metadata / "RECORD").write_text("")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }

"""Which deployment, and who calls: tokens, what is refused before it is sent, what is explained."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner

from client.deployment import Bearer, Deployment, on_deployment, on_deployment_or_local
from client.signing import Signature
from client.verbs import main
from tests.client.conftest import Run
from tests.client.service import Service

Spawn = Callable[..., subprocess.Popen[str]]

GATEWAY = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com"


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """But those a test gives."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("SLUICE_API", "SLUICE_TOKEN", "SLUICE_REGION", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, no_credentials: None) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")


class Asked:
    """What a verb with these options was called with, or what it said instead."""

    def __init__(self, *arguments: str, required: bool = True) -> None:
        self.deployment: Deployment | None = None

        def verb(deployment: Deployment | None) -> None:
            self.deployment = deployment

        options = on_deployment if required else on_deployment_or_local
        result = CliRunner().invoke(click.command()(options(verb)), list(arguments))
        self.code, self.stderr = result.exit_code, result.stderr

    @property
    def auth(self) -> httpx.Auth | None:
        assert self.deployment, self.stderr
        return self.deployment.auth

    @property
    def authorization(self) -> str:
        assert self.auth
        request = httpx.Request("GET", "https://x.example/v1/jobs")
        return next(self.auth.auth_flow(request)).headers["authorization"]


def test_a_deployment_has_its_address_and_nothing_is_said_of_who_calls() -> None:
    asked = Asked("--api", "http://127.0.0.1:8787")
    assert asked.deployment == Deployment("http://127.0.0.1:8787/v1", None)


def test_without_an_address_some_verbs_start_a_pipeline_and_others_do_not() -> None:
    assert Asked(required=False).deployment is None
    assert (Asked().code, "--api" in Asked().stderr) == (2, True)


@pytest.mark.parametrize("given", ["secret.token-1", "  secret.token-1\n", "Bearer secret.token-1"])
def test_a_token_goes_with_each_request(given: str) -> None:
    asked = Asked("--api", "https://x.example", "--token", given)
    assert asked.authorization == "Bearer secret.token-1"


def test_a_token_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_TOKEN", "from-there")
    assert Asked("--api", "https://x.example").authorization == "Bearer from-there"


def test_a_token_in_a_file_is_read_for_each_request(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    asked = Asked("--api", "https://x.example", "--token-file", str(file))
    assert asked.authorization == "Bearer first"
    file.write_text("second\n")
    assert asked.authorization == "Bearer second"


def test_a_token_may_come_through_a_pipe_which_is_read_once() -> None:
    """As in `--token-file <(get-token)`."""
    ours, theirs = os.pipe()
    os.write(theirs, b"piped\n")
    os.close(theirs)
    asked = Asked("--api", "https://x.example", "--token-file", f"/dev/fd/{ours}")
    assert [asked.authorization, asked.authorization] == ["Bearer piped"] * 2
    os.close(ours)


def test_a_token_beside_a_file_with_one_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    asked = Asked("--api", "https://x.example", "--token", "other", "--token-file", str(file))
    assert (asked.code, "give one of them" in asked.stderr) == (2, True)


def test_a_file_named_in_the_command_goes_before_a_token_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("named")
    monkeypatch.setenv("SLUICE_TOKEN", "around")
    asked = Asked("--api", "https://x.example", "--token-file", str(file))
    assert asked.authorization == "Bearer named"


@pytest.mark.parametrize("text", ["", "two words", "evil\r\nheader: x", "sécret", "\x00"])
def test_what_is_no_token_is_refused_and_never_repeated(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    asked = Asked("--api", "https://x.example", "--token-file", str(file))
    assert asked.code == 2
    assert "token" in asked.stderr
    assert not text or text not in asked.stderr


@pytest.mark.parametrize(
    "api", ["http://x.example", "http://127.0.0.1.x.example", "http://10.0.0.1"]
)
def test_no_token_is_sent_in_the_clear(api: str) -> None:
    asked = Asked("--api", api, "--token", "secret")
    assert asked.code == 2
    assert "https://" in asked.stderr
    assert "secret" not in asked.stderr


@pytest.mark.parametrize("api", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"])
def test_a_token_may_go_to_this_machine(api: str) -> None:
    assert isinstance(Asked("--api", api, "--token", "t").auth, Bearer)


def test_no_signature_is_sent_in_the_clear(credentials: None) -> None:
    assert Asked("--api", "http://x.example", "--region", "eu-west-1").code == 2


def test_an_address_of_api_gateway_is_signed_for_in_its_region(credentials: None) -> None:
    asked = Asked("--api", GATEWAY)
    assert isinstance(asked.auth, Signature)
    assert "/eu-central-1/execute-api/aws4_request" in asked.authorization


def test_chinas_addresses_are_known_too(credentials: None) -> None:
    asked = Asked("--api", "https://a1.execute-api.cn-north-1.amazonaws.com.cn")
    assert "/cn-north-1/execute-api/" in asked.authorization


def test_a_region_says_that_another_name_is_to_be_signed_for(credentials: None) -> None:
    asked = Asked("--api", "https://audio.example.com", "--region", "us-west-2")
    assert "/us-west-2/execute-api/" in asked.authorization


@pytest.mark.parametrize(
    "api",
    [
        "https://audio.example.com",
        "https://execute-api.eu-central-1.amazonaws.com.evil.example",
        "https://x.execute-api.eu-central-1.amazonaws.com.evil.example",
    ],
)
def test_no_one_else_gets_a_signature_unasked(credentials: None, api: str) -> None:
    assert Asked("--api", api).auth is None


def test_a_token_is_taken_before_credentials(credentials: None) -> None:
    assert isinstance(Asked("--api", GATEWAY, "--token", "t").auth, Bearer)


def test_without_credentials_the_deployment_is_asked_all_the_same() -> None:
    assert Asked("--api", GATEWAY).auth is None


def test_a_profile_that_is_not_there_says_so() -> None:
    asked = Asked("--api", GATEWAY, "--profile", "nobody")
    assert asked.code == 2
    assert "nobody" in asked.stderr


def test_a_profile_without_credentials_says_so(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile bare]\nregion = eu-west-1\n")
    asked = Asked("--api", GATEWAY, "--profile", "bare")
    assert asked.code == 2
    assert "bare has no credentials" in asked.stderr


def test_a_profile_gives_its_credentials(tmp_path: Path) -> None:
    keys = "aws_access_key_id = AKIDPROFILE\naws_secret_access_key = x\n"
    (tmp_path / "credentials").write_text(f"[work]\n{keys}")
    asked = Asked("--api", GATEWAY, "--profile", "work")
    assert "Credential=AKIDPROFILE/" in asked.authorization


def keys(of: str, session: str = "") -> str:
    token = f"aws_session_token = {session}\n" if session else ""
    return f"[work]\naws_access_key_id = {of}\naws_secret_access_key = x\n{token}"


def test_a_caller_with_a_key_for_good_is_known_by_it(tmp_path: Path) -> None:
    callers: list[str] = []
    for key in ("AKIDONE", "AKIDTWO"):
        (tmp_path / "credentials").write_text(keys(key))
        asked = Asked("--api", GATEWAY, "--profile", "work")
        assert asked.deployment
        callers.append(asked.deployment.caller)
    assert callers == ["key AKIDONE", "key AKIDTWO"]


def test_a_caller_whose_key_is_another_every_day_is_known_by_the_profile(tmp_path: Path) -> None:
    callers: set[str] = set()
    for key in ("ASIAONE", "ASIATWO"):
        (tmp_path / "credentials").write_text(keys(key, session="for some hours"))
        asked = Asked("--api", GATEWAY, "--profile", "work")
        assert asked.deployment
        callers.add(asked.deployment.caller)
    assert callers == {"profile work"}


def test_a_profile_for_an_address_that_tells_no_region_asks_for_it(credentials: None) -> None:
    asked = Asked("--api", "https://audio.example.com", "--profile", "work")
    assert (asked.code, "--region" in asked.stderr) == (2, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "give AWS credentials"),
        (("--token", "old"), "did not accept the token"),
        (("--region", "eu-west-1"), "execute-api:Invoke"),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_to_be_turned_away_is_explained(
    run: Run,
    service: Service,
    credentials: None,
    tmp_path: Path,
    given: tuple[str, ...],
    said: str,
    status: int,
) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    service.door = lambda seen: status
    ran = run("a.wav", "--to", "mp3", *given)
    assert (ran.code, ran.object["error"]["code"]) == (1, f"HTTP_{status}")
    assert said in ran.object["error"]["message"]
    assert service.count("create_upload") == 1, "to ask again does not help"


@pytest.mark.parametrize(
    "verb",
    ["convert", "upload", "cancel", "cleanup", "jobs", "watch", "download"],
)
def test_every_verb_has_the_same_options_for_it(verb: str) -> None:
    text = CliRunner().invoke(main, [verb, "--help"]).stdout
    for option in ("--api", "--token ", "--token-file", "--profile", "--region"):
        assert option in text


WITHOUT = """
import sys
from click.testing import CliRunner
from client.verbs import main

CliRunner().invoke(main, {arguments!r})
print("botocore" in sys.modules)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["jobs", "--api", "http://127.0.0.1:9", "--x"]])
def test_nothing_of_aws_is_loaded_before_there_is_something_to_sign(
    spawn: Spawn, arguments: list[str]
) -> None:
    command = spawn(sys.executable, "-c", WITHOUT.format(arguments=arguments))
    stdout, stderr = command.communicate(timeout=20)
    assert stdout == "False\n", stderr

"""Which deployment a verb speaks to, and who it says is calling: one group of options for all.

A token goes with every request when one is given. Else requests are signed with AWS credentials,
if there are any, when the address is API Gateway's own, which tells the region, or when --region
does. Neither is ever sent in the clear, but to this machine.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import httpx
from click.core import ParameterSource

from client.errors import NoCredentials
from client.options import api_url

if TYPE_CHECKING:
    from client.signing import Signature

Command = Callable[..., Any]

# API Gateway developer guide, "Invoke an HTTP API"; amazonaws.com.cn is China's.
_EXECUTE_API = re.compile(r"[a-z0-9-]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
# b64token (RFC 6750 §2.1), and nothing that could end a header.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")

_REQUIRED = "A Sluice API, such as http://127.0.0.1:8787."
_OR_LOCAL = f"{_REQUIRED[:-1]}; without it a local pipeline is started for this call."


@dataclass(frozen=True)
class Deployment:
    """`url` ends in /v1. Without `auth` nothing is said of who calls. `caller` tells those apart
    whom one person may be, and is the same tomorrow: it is no secret."""

    url: str
    auth: httpx.Auth | None = None
    caller: str = ""


class Bearer(httpx.Auth):
    """A token (RFC 6750); `read` is asked for each request, so that one renewed in its file holds
    from then on."""

    caller = "token"  # they change too often to be known by

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = f"Bearer {self._read()}"
        yield request


def on_deployment(command: Command) -> Command:
    """Give the command these options; it is called with `deployment`, which must be named."""
    return _with_options(command, required=True)


def on_deployment_or_local(command: Command) -> Command:
    """As `on_deployment`, but `deployment` is None when none is named."""
    return _with_options(command, required=False)


def _with_options(command: Command, required: bool) -> Command:
    @functools.wraps(command)
    def calling(*arguments: Any, **given: Any) -> Any:
        api = given.pop("api")
        who = {each: given.pop(each) for each in ("token", "token_file", "profile", "region")}
        deployment = None if api is None else _deployment(api, **who)
        return command(*arguments, deployment=deployment, **given)

    whole: Command = calling
    for option in reversed((_api_option(required), *_WHO_CALLS)):
        whole = option(whole)
    return whole


def _api_option(required: bool) -> Callable[[Command], Command]:
    return click.option(
        "--api",
        metavar="URL",
        type=api_url,
        envvar="SLUICE_API",
        show_envvar=True,
        required=required,
        help=_REQUIRED if required else _OR_LOCAL,
    )


_WHO_CALLS = (
    click.option(
        "--token",
        metavar="TOKEN",
        envvar="SLUICE_TOKEN",
        show_envvar=True,
        help="For a deployment that takes bearer tokens. Better by the variable, or in a file: a "
        "command line can be seen by others on this machine.",
    ),
    click.option(
        "--token-file",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Where the token stands; read for each request, so that a new one is heard of.",
    ),
    click.option(
        "--profile",
        metavar="NAME",
        help="Of the AWS credentials that requests are signed with where no token is given.  "
        "[default: as the AWS CLI]",
    ),
    click.option(
        "--region",
        metavar="REGION",
        envvar="SLUICE_REGION",
        show_envvar=True,
        help="Sign for this AWS region: for a domain name of your own, which does not tell it.",
    ),
)


def _deployment(
    url: str, token: str | None, token_file: Path | None, profile: str | None, region: str | None
) -> Deployment:
    """Raises UsageError for what cannot be had, does not go together or would tell a secret."""
    try:
        auth = _bearer(token, token_file) or _signature(httpx.URL(url).host, profile, region)
    except NoCredentials as error:
        raise click.UsageError(error.message) from error
    if auth is not None and not _is_private(httpx.URL(url)):
        raise click.UsageError(
            f"{url} is plain HTTP: what is sent there everybody on the way can read, a token or "
            "a signature too. Write https://…."
        )
    return Deployment(url, auth, auth.caller if auth else "")


def _bearer(token: str | None, token_file: Path | None) -> Bearer | None:
    if token_file is not None:
        _check_it_is_alone()
        is_kept = token_file.is_file()
        first = _token_in(token_file)  # what is wrong with it is said before anything is sent
        # A pipe, as in --token-file <(get-token), can be read once.
        return Bearer((lambda: _token_in(token_file)) if is_kept else (lambda: first))
    if not token:
        return None
    whole = _token(token, "--token")
    return Bearer(lambda: whole)


def _check_it_is_alone() -> None:
    """A file named in the command goes before a variable of the environment, not beside an option
    that says something else. Raises UsageError."""
    source = click.get_current_context().get_parameter_source("token")
    if source is ParameterSource.COMMANDLINE:
        raise click.UsageError("--token and --token-file say who calls: give one of them.")


def _signature(host: str, profile: str | None, region: str | None) -> Signature | None:
    region = region or _region_of(host)
    if region is None:
        if profile is not None:
            raise NoCredentials("--profile needs --region, where the address does not tell it.")
        return None
    from client.signing import signature  # botocore: 0.4 s, for those alone who need it

    auth = signature(profile, region)
    if auth is None and profile is not None:
        raise NoCredentials(f"The profile {profile} has no credentials: aws configure.")
    return auth  # without any, the deployment may yet let everybody in


def region_in(url: str) -> str | None:
    """The AWS region that an address of API Gateway's own tells."""
    return _region_of(httpx.URL(url).host)


def _region_of(host: str) -> str | None:
    own = _EXECUTE_API.fullmatch(host)
    return own[1] if own else None


def _token_in(file: Path) -> str:
    try:
        return _token(file.read_text("ascii"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise NoCredentials(f"No token can be read from {file}: {error}.") from error


def _token(text: str, where: str) -> str:
    """Never repeated in an error: it is a secret, and errors end in logs."""
    token = text.strip().removeprefix("Bearer ")
    if not _TOKEN.fullmatch(token):
        raise NoCredentials(f"What {where} gives is no bearer token (RFC 6750 §2.1).")
    return token


def _is_private(url: httpx.URL) -> bool:
    """Encrypted, or not leaving this machine (RFC 6761 §6.3 for the name)."""
    if url.scheme == "https" or url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False

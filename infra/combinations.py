"""Options that are fine by themselves and make no deployment together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from infra.choices import Auth, Web
from infra.errors import OptionError
from infra.fargate import GIB, SIZES, memory_mib


class Chosen(Protocol):
    """Of infra.options.Options, what is looked at here."""

    @property
    def auth(self) -> Auth: ...
    @property
    def jwt_issuer(self) -> str: ...
    @property
    def jwt_audience(self) -> tuple[str, ...]: ...
    @property
    def operators(self) -> tuple[str, ...]: ...
    @property
    def web(self) -> Web: ...
    @property
    def web_acl(self) -> str: ...
    @property
    def web_domain(self) -> str: ...
    @property
    def web_certificate(self) -> str: ...
    @property
    def task_cpu(self) -> int: ...
    @property
    def task_memory(self) -> int: ...
    @property
    def max_output_bytes(self) -> int: ...


def refuse_what_does_not_go_together(options: Chosen) -> None:
    """Raises OptionError with the first reason there is."""
    for reasons in (_of_callers, _of_the_web, _of_the_task):
        for reason in reasons(options):
            raise OptionError(reason)


def _of_callers(options: Chosen) -> Iterator[str]:
    if bool(options.jwt_issuer) != bool(options.jwt_audience):
        yield (
            "jwtIssuer and jwtAudience are given together: an issuer's tokens are for many, and "
            "the audience says which are for this API. Without both, auth=jwt makes a pool of "
            "users of its own."
        )
    if options.jwt_issuer and options.auth is not Auth.JWT:
        yield f"jwtIssuer has no use with auth={options.auth}: add -c auth=jwt."
    if options.operators and options.auth is Auth.NONE:
        yield (
            "operators has no use with auth=none, where nobody is asked who they are, and "
            "everybody sees everything: take -c auth=iam or -c auth=jwt."
        )


def _of_the_web(options: Chosen) -> Iterator[str]:
    if options.web_acl and options.web is not Web.CLOUDFRONT:
        yield (
            "webAcl stands in front of CloudFront, and this deployment has none: add "
            "-c web=cloudfront, or leave webAcl out (AWS WAF takes no HTTP API)."
        )
    if bool(options.web_domain) != bool(options.web_certificate):
        yield (
            "webDomain and webCertificate are given together: CloudFront answers to a name of "
            "yours with a certificate that has this name in it."
        )
    if options.web_domain and options.web is not Web.CLOUDFRONT:
        yield "webDomain is a name for CloudFront, and there is none: add -c web=cloudfront."
    if options.web is Web.CLOUDFRONT and options.auth is Auth.IAM:
        yield (
            "web=cloudfront cannot be with auth=iam: a browser has no key of the account to sign "
            "with, and CloudFront calls the API by another Host than the one that was signed. Add "
            "-c auth=jwt, or -c auth=none to try things."
        )


def _of_the_task(options: Chosen) -> Iterator[str]:
    cpu, memory = options.task_cpu, options.task_memory
    if memory not in SIZES[cpu]:
        fit = next((each for each, sizes in SIZES.items() if memory in sizes), None)
        yield (
            f"taskMemory={memory} does not go with taskCpu={cpu}, for which Fargate has "
            f"{_told(SIZES[cpu])} MiB: choose one of these, or -c taskCpu={fit}."
        )
    needed = memory_mib(options.max_output_bytes)
    if memory < needed:
        yield (
            f"maxOutputBytes={options.max_output_bytes} takes {needed} MiB of memory, because the "
            f"parts of an output of {options.max_output_bytes // GIB} GiB are large, and "
            f"taskMemory={memory}: raise taskMemory, or allow shorter outputs."
        )


def _told(sizes: tuple[int, ...]) -> str:
    """`8192, 9216, …, 30720` of many."""
    if len(sizes) <= 7:
        return ", ".join(map(str, sizes))
    first, second, *_, last = sizes
    return f"{first}, {second}, … {last}"

"""Options that are fine by themselves and make no deployment together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from conversion.metrics import MUCH_MEMORY
from infra.choices import Auth, Web
from infra.errors import OptionError
from infra.fargate import GIB, SIZES, memory_mib

if TYPE_CHECKING:
    from infra.options import Options

# Who a signed request comes from (decision 0019): a user, a role by its own ARN or a session's, or
# an identity of an identity pool.
_SIGNER = re.compile(
    r"arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/.+)"
    r"|arn:aws[a-z-]*:sts::[0-9]{12}:(assumed-role|federated-user)/.+"
    r"|[a-z0-9-]+:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


def refuse_what_does_not_go_together(options: Options) -> None:
    """Raises OptionError with the first reason there is."""
    for reasons in (_of_callers, _of_the_web, _of_the_task):
        for reason in reasons(options):
            raise OptionError(reason)


def _of_callers(options: Options) -> Iterator[str]:
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
    if options.auth is Auth.IAM:
        nobody = [each for each in options.operators if not _SIGNER.fullmatch(each)]
        if nobody:
            yield (
                f"operators={','.join(nobody)} signs no request, which with auth=iam is how "
                "callers are known: give ARNs of users and roles, like "
                "-c operators=arn:aws:iam::123456789012:role/Operators."
            )
    asked = len(options.default_conversions.split(","))
    if asked > options.max_conversions:
        yield (
            f"defaultConversions asks for {asked} conversions of a file, and maxConversions allows "
            f"{options.max_conversions}: ask for fewer, or raise maxConversions."
        )


def _of_the_web(options: Options) -> Iterator[str]:
    if options.web_acl and options.web is not Web.CLOUDFRONT:
        yield (
            "webAcl stands in front of CloudFront, and this deployment has none: add "
            "-c web=cloudfront, or leave webAcl out (AWS WAF takes no HTTP API)."
        )
    if options.web_acl and options.auth is Auth.NONE:
        yield (
            "webAcl guards nothing with auth=none: the API's own address stays open beside "
            "CloudFront, and answers whoever calls it. Add -c auth=jwt, or leave webAcl out."
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


def _of_the_task(options: Options) -> Iterator[str]:
    cpu, memory = options.task_cpu, options.task_memory
    if memory not in SIZES[cpu]:
        fit = next((each for each, sizes in SIZES.items() if each > cpu and memory in sizes), None)
        larger = f", or -c taskCpu={fit}" if fit else ""
        yield (
            f"taskMemory={memory} does not go with taskCpu={cpu}, for which Fargate has "
            f"{_told(SIZES[cpu])} MiB: choose one of these{larger}."
        )
    needed = memory_mib(options.max_output_bytes)
    # Above that an alarm fires, which must not be for what is permitted.
    usable = int(MUCH_MEMORY * memory)
    if usable < needed:
        yield (
            f"maxOutputBytes={options.max_output_bytes} takes {needed} MiB of memory, because the "
            f"parts of an output of {options.max_output_bytes // GIB} GiB are large, and "
            f"taskMemory={memory} has {usable} below its alarm: raise taskMemory, or allow shorter "
            "outputs."
        )


def _told(sizes: tuple[int, ...]) -> str:
    """`8192, 9216, …, 30720` of many."""
    if len(sizes) <= 7:
        return ", ".join(map(str, sizes))
    first, second, *_, last = sizes
    return f"{first}, {second}, … {last}"

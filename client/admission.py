"""What to do when a deployment turns a request away before Sluice has seen it.

API Gateway's authorizers answer 401 or 403 with a bare "Forbidden". Which of the two ways in was
tried stands on the request itself.
"""

from __future__ import annotations

import httpx


def what_is_missing(response: httpx.Response, said: str) -> str:
    """A sentence on how to be let in; `said` is the answer's own word."""
    tried = response.request.headers.get("authorization", "")
    word = said.rstrip(".")
    if tried.startswith("AWS4-HMAC-SHA256"):
        return (
            f"The deployment did not accept the signed request ({word}): the credentials need the "
            "permission execute-api:Invoke on it, the region must be its own, and this machine's "
            "clock right. If it takes tokens, give one with --token-file or SLUICE_TOKEN."
        )
    if tried.lower().startswith("bearer "):
        return (
            f"The deployment did not accept the token ({word}): it has expired, or is not of the "
            "issuer and audience the deployment trusts. If it takes AWS credentials, leave the "
            "token out."
        )
    return (
        f"The deployment wants to know who calls ({word}): give AWS credentials (aws configure, "
        "AWS_PROFILE or --profile; with --region for a domain name of your own), or a token with "
        "--token-file or SLUICE_TOKEN."
    )

"""The combinations of options that are tried: every one of those that change what there is, each
with a row of a covering array of the others, in which all pairs of their values meet. So do all
pairs of a structural choice and another one (test_combinations.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from random import Random

from allpairspy import AllPairs

Context = dict[str, str]

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operators"
WEB_ACL = (
    "arn:aws:wafv2:us-east-1:123456789012:global/webacl/sluice/0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d"
)
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d"
NAMED: Context = {"webDomain": "audio.example.com", "webCertificate": CERTIFICATE}

STORES: list[Context] = [{}, {"progressStore": "redis"}]
AUTHS: list[Context] = [
    {"auth": "iam"},
    {"auth": "none"},
    {"auth": "jwt", "jwtIssuer": "https://login.example.com/", "jwtAudience": "sluice"},
    {"auth": "jwt"},
]
EGRESSES: list[Context] = [{"egress": each} for each in ("public", "nat", "endpoints")]
WEBS: list[Context] = [{"web": "none"}, {"web": "cloudfront"}]

OTHERS: list[list[Context]] = [
    [{"architecture": "arm64"}, {"architecture": "x86_64"}],
    [{"removal": "retain"}, {"removal": "destroy"}],
    [{}, {"webhookUrl": "https://example.com/sluice"}],
    [{}, {"alarmTopic": TOPIC}],
    [{}, {"alarmEmail": "operators@example.com"}],
    [{}, {"batchSources": "recordings,archive/2024"}],
    [{"retentionDays": "7"}, {"retentionDays": "90"}],
    [{}, {"taskCpu": "4096", "taskMemory": "8192", "maxOutputBytes": str(50 * 1024**3)}],
    [{}, {"spotPercent": "0", "logRetentionDays": "365", "urlSeconds": "600"}],
    [{}, {"allowedOrigins": "https://example.com", "maxRequestsPerSecond": "40"}],
]


_HANDFUL = [
    (STORES[0], AUTHS[0], EGRESSES[1], WEBS[0]),
    (STORES[1], AUTHS[1], EGRESSES[2], WEBS[1]),
    (STORES[0], AUTHS[2], EGRESSES[0], WEBS[1]),
    (STORES[1], AUTHS[3], EGRESSES[1], WEBS[0]),
]
_SEED = 1


def structural() -> Iterator[Context]:
    """A browser has no key to sign with: there is no page in front of auth=iam."""
    for chosen in product(STORES, AUTHS, EGRESSES, WEBS):
        context = joined(chosen)
        if (context["auth"], context["web"]) != ("iam", "cloudfront"):
            yield context


def all_combinations() -> list[Context]:
    """Each of another stage, so that all can be deployed beside each other."""
    structures, rows = list(structural()), [joined(row) for row in AllPairs(OTHERS)]
    others = [rows[number % len(rows)] for number in range(len(structures))]
    # Shuffled, or what changes with every second structure would always meet the same rows.
    Random(_SEED).shuffle(others)
    return [
        {**structure, **other, **_with_cloudfront(structure, number), "stage": f"c{number}"}
        for number, (structure, other) in enumerate(zip(structures, others, strict=True))
    ]


def handful() -> list[Context]:
    """Few of them, which hold each structural choice."""
    structures, found = list(structural()), all_combinations()
    return [found[structures.index(joined(each))] for each in _HANDFUL]


def _with_cloudfront(structure: Context, number: int) -> Context:
    """A firewall guards nothing where the API's own address asks for no token."""
    if structure["web"] != "cloudfront":
        return {}
    guarded = {"webAcl": WEB_ACL} if number % 4 < 2 and structure["auth"] != "none" else {}
    return guarded | (NAMED if number % 3 else {})


def name(context: Context) -> str:
    """For a test's id."""
    said = [context["auth"] + "-issuer" * ("jwtIssuer" in context), context["egress"]]
    return "-".join([*said, context["web"], context.get("progressStore", "dynamodb")])


def joined(each: Iterable[Context]) -> Context:
    return {key: value for context in each for key, value in context.items()}

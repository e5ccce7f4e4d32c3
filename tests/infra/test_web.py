"""CloudFront in front of the API: HTTPS alone, nothing of one caller's kept for another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.constructs.distribution import KEPT
from tests.infra.assembly import Assembly
from tests.infra.combinations import CERTIFICATE, NAMED, WEB_ACL
from tests.infra.conftest import synthesise

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
# "Use managed cache policies" and "Use managed origin request policies" (CloudFront guide).
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
# What CloudFront keeps for ten seconds unless told otherwise ("HTTP status codes that CloudFront
# caches", CloudFront guide).
ERRORS = {400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}


@pytest.fixture(scope="module")
def web(functions: Path, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    context = {"web": "cloudfront", "auth": "jwt"}
    return synthesise(functions, tmp_path_factory.mktemp("web") / "cdk.out", context)


@pytest.fixture(scope="module")
def distribution(web: Assembly) -> Any:
    return web.the("AWS::CloudFront::Distribution")["DistributionConfig"]


def test_without_the_option_there_is_none(assembly: Assembly) -> None:
    assert not assembly.of("AWS::CloudFront::Distribution")
    assert "sluice-dev-web" not in assembly.templates


def test_a_person_is_told_its_address(web: Assembly) -> None:
    told = web.text(web.outputs["WebUrl"]["Value"])
    assert told == "https://${FrontDistribution.DomainName}"


def test_it_takes_https_alone_in_versions_2_and_3(distribution: Any) -> None:
    behaviours = [distribution["DefaultCacheBehavior"], *distribution["CacheBehaviors"]]
    assert {each["ViewerProtocolPolicy"] for each in behaviours} == {"https-only"}
    assert distribution["HttpVersion"] == "http2and3"


def test_it_asks_the_api_over_tls_1_2_and_waits_for_as_long_as_the_api_may_take(
    distribution: Any,
) -> None:
    (origin,) = distribution["Origins"]
    assert origin["DomainName"] == "${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    asked = origin["CustomOriginConfig"]
    assert (asked["OriginProtocolPolicy"], asked["OriginSSLProtocols"]) == (
        "https-only",
        ["TLSv1.2"],
    )
    assert asked["OriginReadTimeout"] > 30  # "Amazon API Gateway quotas", integration timeout


def test_every_route_is_passed_on_with_all_that_the_caller_sent(distribution: Any) -> None:
    named = {each["PathPattern"] for each in distribution["CacheBehaviors"]}
    assert {"/v1/*", "/api/*"} <= named
    behaviours = [distribution["DefaultCacheBehavior"], *distribution["CacheBehaviors"]]
    assert {each["OriginRequestPolicyId"] for each in behaviours} == {ALL_VIEWER_EXCEPT_HOST_HEADER}
    for each in behaviours:
        if each.get("PathPattern") not in KEPT:
            assert {"DELETE", "GET", "OPTIONS", "POST", "PUT"} <= set(each["AllowedMethods"])
            assert each["CachePolicyId"] == CACHING_DISABLED


def test_what_is_kept_comes_before_what_is_not_and_is_read_alone(distribution: Any) -> None:
    first = distribution["CacheBehaviors"][: len(KEPT)]
    assert [each["PathPattern"] for each in first] == list(KEPT)
    for each in first:
        assert each["AllowedMethods"] == ["GET", "HEAD", "OPTIONS"]
        assert "CachedMethods" not in each  # of which GET and HEAD are the default
        assert each["CachePolicyId"] == "${FrontKept}"


def test_what_is_kept_are_routes_of_the_api(distribution: Any) -> None:
    assert set(KEPT) <= json.loads(DOCUMENT.read_text())["paths"].keys()


def test_an_answer_is_kept_for_as_long_as_it_says_and_for_the_same_token(web: Assembly) -> None:
    kept = web.the("AWS::CloudFront::CachePolicy")["CachePolicyConfig"]
    key = kept["ParametersInCacheKeyAndForwardedToOrigin"]
    assert (kept["MinTTL"], kept["DefaultTTL"]) == (0, 0)
    assert key["HeadersConfig"]["Headers"] == ["Authorization", "Origin"]
    assert key["CookiesConfig"] == {"CookieBehavior": "none"}
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "none"}


def test_no_error_is_kept_for_who_asks_next(distribution: Any) -> None:
    told = {each["ErrorCode"]: each for each in distribution["CustomErrorResponses"]}
    assert told.keys() == ERRORS
    for status, each in told.items():
        assert each == {"ErrorCode": status, "ErrorCachingMinTTL": 0}  # and passed on as it is


def test_answers_tell_a_browser_to_stay_with_https_and_to_show_none_as_a_page(
    web: Assembly, distribution: Any
) -> None:
    policy = web.the("AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
    headers = policy["SecurityHeadersConfig"]
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 365 * 24 * 3600
    # Of a customer's domain we know one name.
    assert headers["StrictTransportSecurity"]["IncludeSubdomains"] is False
    assert headers["ContentTypeOptions"] == {"Override": True}
    assert headers["FrameOptions"]["FrameOption"] == "DENY"
    assert "default-src 'none'" in headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert policy["Name"].endswith("-${AWS::Region}")  # it is the account's, not a region's
    behaviours = [distribution["DefaultCacheBehavior"], *distribution["CacheBehaviors"]]
    assert {each["ResponseHeadersPolicyId"] for each in behaviours} == {"${FrontHeaders}"}


def test_requests_are_logged_without_cookies_and_forgotten(
    web: Assembly, distribution: Any
) -> None:
    assert distribution["Logging"] == {
        "Bucket": "${FrontLogs.RegionalDomainName}",
        "Prefix": "requests/",
    }
    logs = web.of("AWS::S3::Bucket")["FrontLogs"]
    (rule,) = logs["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 30
    assert set(logs["PublicAccessBlockConfiguration"].values()) == {True}


def test_a_web_acl_stands_in_front_where_one_is_given(
    distribution: Any, functions: Path, tmp_path: Path
) -> None:
    context = {"web": "cloudfront", "auth": "jwt", "webAcl": WEB_ACL}
    guarded = synthesise(functions, tmp_path / "cdk.out", context)
    config = guarded.the("AWS::CloudFront::Distribution")["DistributionConfig"]
    assert config["WebACLId"] == WEB_ACL
    assert "WebACLId" not in distribution


def test_with_a_name_of_its_own_it_refuses_tls_below_1_2(
    distribution: Any, functions: Path, tmp_path: Path
) -> None:
    context = {"web": "cloudfront", "auth": "none", **NAMED}
    named = synthesise(functions, tmp_path / "cdk.out", context)
    config = named.the("AWS::CloudFront::Distribution")["DistributionConfig"]
    assert config["Aliases"] == ["audio.example.com"]
    assert config["ViewerCertificate"] == {
        "AcmCertificateArn": CERTIFICATE,
        "MinimumProtocolVersion": "TLSv1.2_2021",
        "SslSupportMethod": "sni-only",
    }
    told = {name: named.text(each["Value"]) for name, each in named.outputs.items()}
    assert told["WebUrl"] == "https://audio.example.com"
    assert told["WebAlias"] == "${FrontDistribution.DomainName}"
    assert "ViewerCertificate" not in distribution

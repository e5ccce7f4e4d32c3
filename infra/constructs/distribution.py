"""CloudFront in front of the API: one address for browsers, HTTP/3, TLS near the caller, and a
place for a web ACL, which an HTTP API cannot have itself.

Answers are each caller's own and are never kept, but for the two that say what the deployment can
do. The API's own address stays open beside it, and asks for the same tokens.
"""

from __future__ import annotations

from typing import Any, cast

from aws_cdk import Duration, Names, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_s3 as s3
from aws_cdk.aws_apigatewayv2 import HttpApi
from aws_cdk.aws_cloudfront_origins import HttpOrigin
from constructs import Construct

from infra import nag
from infra.constructs.access_logs import AccessLogs
from infra.options import Options

# What the API lets be kept, by Cache-Control (lambdas/describe_api).
KEPT = ("/v1/formats", "/v1/openapi.json")
_PASSED_ON = ("/v1/*", "/api/*")
_LONGEST = Duration.days(1)
# "How CloudFront processes HTTP 4xx and 5xx status codes from your origin" (CloudFront guide): each
# is kept for ten seconds and shown to everybody, whoever asked, unless it is said not to be. A job
# that is not there yet, or not the caller's, is there for another.
_ERRORS = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
_TWO_YEARS = Duration.days(730)


class ApiDistribution(Construct):
    """`url` is without a slash at its end; `domain_name` is CloudFront's own."""

    def __init__(self, scope: Construct, id: str, *, options: Options, api: HttpApi) -> None:
        super().__init__(scope, id)
        self._origin = cast(cloudfront.IOrigin, _origin(api))
        self._headers = cast(cloudfront.IResponseHeadersPolicy, self._response_headers())
        kept = self._behaviour(cast(cloudfront.ICachePolicy, self._cache()), reads=True)
        passed_on = self._behaviour(cloudfront.CachePolicy.CACHING_DISABLED)
        logs = AccessLogs(self, "Logs", options=options, acls=True)
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=Stack.of(self).stack_name,
            default_behavior=passed_on,
            additional_behaviors={
                **dict.fromkeys(KEPT, kept),
                **dict.fromkeys(_PASSED_ON, passed_on),
            },
            error_responses=[
                cloudfront.ErrorResponse(http_status=status, ttl=Duration.seconds(0))
                for status in _ERRORS
            ],
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            web_acl_id=options.web_acl or None,
            **self._named(options),
            enable_logging=True,
            log_bucket=cast(s3.IBucket, logs),
            log_file_prefix="requests/",
        )
        _explain(distribution, options)
        self.domain_name = distribution.distribution_domain_name
        self.url = f"https://{options.web_domain or self.domain_name}"

    def _named(self, options: Options) -> dict[str, Any]:
        """Without a name of its own CloudFront takes its own certificate, and any TLS."""
        if not options.web_domain:
            return {}
        issued = acm.Certificate.from_certificate_arn(self, "Certificate", options.web_certificate)
        return {
            "domain_names": [options.web_domain],
            "certificate": issued,
            "minimum_protocol_version": cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
        }

    def _behaviour(
        self, cache: cloudfront.ICachePolicy, *, reads: bool = False
    ) -> cloudfront.BehaviorOptions:
        methods = cloudfront.AllowedMethods
        return cloudfront.BehaviorOptions(
            origin=self._origin,
            # Not a redirect: what was asked without TLS has told its token already.
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
            allowed_methods=methods.ALLOW_GET_HEAD_OPTIONS if reads else methods.ALLOW_ALL,
            cache_policy=cache,
            # The API goes by the host that it is called by, which is its own.
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            response_headers_policy=self._headers,
        )

    def _cache(self) -> cloudfront.CachePolicy:
        """An answer is kept for as long as it says, and for who asks with the same token: else one
        caller would answer for another. The origin is in the key because CORS depends on it."""
        return cloudfront.CachePolicy(
            self,
            "Kept",
            min_ttl=Duration.seconds(0),
            default_ttl=Duration.seconds(0),
            max_ttl=_LONGEST,
            header_behavior=cloudfront.CacheHeaderBehavior.allow_list("Authorization", "Origin"),
            query_string_behavior=cloudfront.CacheQueryStringBehavior.none(),
            cookie_behavior=cloudfront.CacheCookieBehavior.none(),
            enable_accept_encoding_brotli=True,
            enable_accept_encoding_gzip=True,
        )

    def _response_headers(self) -> cloudfront.ResponseHeadersPolicy:
        """For answers that are data: none is a page, to be framed or to run anything."""
        headers = cloudfront
        # It is the account's, not a region's, and the CDK's own name for it has no region in it.
        name = f"{Names.unique_resource_name(self, max_length=100)}-{Stack.of(self).region}"
        return headers.ResponseHeadersPolicy(
            self,
            "Headers",
            response_headers_policy_name=name,
            security_headers_behavior=headers.ResponseSecurityHeadersBehavior(
                strict_transport_security=headers.ResponseHeadersStrictTransportSecurity(
                    # Names below `webDomain` are somebody else's to promise HTTPS for.
                    access_control_max_age=_TWO_YEARS,
                    include_subdomains=False,
                    override=True,
                ),
                content_type_options=headers.ResponseHeadersContentTypeOptions(override=True),
                content_security_policy=headers.ResponseHeadersContentSecurityPolicy(
                    content_security_policy="default-src 'none'; frame-ancestors 'none'",
                    override=True,
                ),
                frame_options=headers.ResponseHeadersFrameOptions(
                    frame_option=headers.HeadersFrameOption.DENY, override=True
                ),
                referrer_policy=headers.ResponseHeadersReferrerPolicy(
                    referrer_policy=headers.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
            ),
        )


def _origin(api: HttpApi) -> HttpOrigin:
    stack = Stack.of(api)
    return HttpOrigin(
        f"{api.api_id}.execute-api.{stack.region}.{stack.url_suffix}",
        protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
        origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
        # API Gateway gives up after 30 s and says so; CloudFront would hide that.
        read_timeout=Duration.seconds(31),
    )


def _explain(distribution: cloudfront.Distribution, options: Options) -> None:
    who = "Who may convert is for the API's authorizer to say, wherever they are."
    nag.acknowledge(distribution, "CFR1", who)
    if not options.web_acl:
        bare = "A web ACL is the deployment's choice (webAcl); the API is throttled without one."
        nag.acknowledge(distribution, "CFR2", bare)
    if not options.web_domain:
        nag.acknowledge(
            distribution,
            "CFR4",
            "The certificate is CloudFront's own, of *.cloudfront.net, with which no policy can be "
            'chosen ("Supported protocols and ciphers", CloudFront guide): TLSv1.2_2021 takes '
            "webDomain and webCertificate.",
        )

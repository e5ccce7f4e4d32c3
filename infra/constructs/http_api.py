"""An HTTP API that is authorised, throttled, logged, and open to pages of any origin."""

from __future__ import annotations

import json
from typing import cast

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk.aws_apigatewayv2_authorizers import HttpIamAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.constructs.function import PythonFunction
from infra.constructs.logs import log_group
from infra.options import Auth

# Requests a second over all callers. One watching client makes one; what is above is answered 429
# by API Gateway, and never reaches (or pays for) a function.
_RATE = 500
_BURST = 1000

_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "integrationError": "$context.integrationErrorMessage",
}


class JsonApi(Construct):
    def __init__(self, scope: Construct, id: str, *, auth: Auth) -> None:
        super().__init__(scope, id)
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=Stack.of(self).stack_name,  # for people; AWS goes by the id
            create_default_stage=False,
            default_authorizer=HttpIamAuthorizer() if auth is Auth.IAM else None,
            cors_preflight=_any_page(),
        )
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=_RATE, burst_limit=_BURST),
        )
        cast(
            apigateway.CfnStage, stage.node.default_child
        ).access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log_group(self).log_group_arn, format=json.dumps(_ACCESS_LOG)
        )
        self.url = stage.url

    def route(self, function: PythonFunction, *routes: str) -> None:
        """Send each route, written like `GET /v1/jobs`, to the function."""
        integration = HttpLambdaIntegration("Integration", function.function)
        for route in routes:
            method, path = route.split()
            self.api.add_routes(
                path=path, methods=[apigateway.HttpMethod(method)], integration=integration
            )


def _any_page() -> apigateway.CorsPreflightOptions:
    """Safe for any origin because no cookie is: who may call is for the authorizer to say."""
    return apigateway.CorsPreflightOptions(
        allow_origins=["*"],
        allow_methods=[
            apigateway.CorsHttpMethod.DELETE,
            apigateway.CorsHttpMethod.GET,
            apigateway.CorsHttpMethod.POST,
        ],
        # A page that signs (SigV4) sends the last three.
        allow_headers=["content-type", "authorization", "x-amz-date", "x-amz-security-token"],
        expose_headers=["location", "retry-after"],
        max_age=Duration.hours(1),
    )

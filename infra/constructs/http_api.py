"""An HTTP API that is authorised, throttled, logged, and open to pages of the chosen origins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from aws_cdk import Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra import nag
from infra.choices import Auth
from infra.constructs import cors
from infra.constructs.authorizer import Authorizers, nobody
from infra.constructs.function import PythonFunction
from infra.constructs.logs import log_group
from infra.options import Options

_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    # Who called: the signer, or the token's subject; "-" for the other, and for who was refused.
    "caller": "$context.identity.userArn",
    "subject": "$context.authorizer.claims.sub",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "authorizerError": "$context.authorizer.error",  # why a token was refused
    "integrationError": "$context.integrationErrorMessage",
}


# A burst is what comes at once after a quiet moment: a page's first requests, a batch's start.
_BURST = 2


class JsonApi(Construct):
    def __init__(
        self, scope: Construct, id: str, *, options: Options, authorizers: Authorizers
    ) -> None:
        super().__init__(scope, id)
        self._authorizers = authorizers
        self._auth = options.auth
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=Stack.of(self).stack_name,  # for people; AWS goes by the id
            create_default_stage=False,
            default_authorizer=authorizers.callers,
            cors_preflight=cors.of_api(options.allowed_origins),
        )
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=options.max_requests_per_second,
                burst_limit=options.max_requests_per_second * _BURST,
            ),
        )
        cast(
            apigateway.CfnStage, stage.node.default_child
        ).access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log_group(self).log_group_arn, format=json.dumps(_ACCESS_LOG)
        )
        self.url = stage.url

    def route(self, function: PythonFunction, *routes: str) -> None:
        """Send each route, written like `GET /v1/jobs`, to the function."""
        self._add(function, routes, self._authorizers.callers)

    def route_account(self, function: PythonFunction, *routes: str) -> None:
        """Likewise, for what tends the whole deployment."""
        self._add(function, routes, self._authorizers.account)

    def route_the_rest(self, function: PythonFunction) -> None:
        """What no other route takes, which API Gateway would else answer in a form of its own.

        `$default` catches a page's preflight too, and would ask it for an identity it never sends:
        so there is a route for those, which comes before and asks nothing ("Configuring CORS for an
        HTTP API with a $default route and an authorizer", API Gateway guide).
        """
        self._add(function, ["OPTIONS /{proxy+}"], nobody())
        rest = apigateway.HttpRoute(
            self,
            "Rest",
            http_api=cast(apigateway.IHttpApi, self.api),
            route_key=apigateway.HttpRouteKey.DEFAULT,
            integration=HttpLambdaIntegration("Integration", function.function),
            authorizer=self._authorizers.callers,
        )
        self._explain(rest, self._authorizers.callers)

    def _add(
        self,
        function: PythonFunction,
        routes: Sequence[str],
        authorizer: apigateway.IHttpRouteAuthorizer,
    ) -> None:
        integration = HttpLambdaIntegration("Integration", function.function)
        for route in routes:
            method, path = route.split()
            made = self.api.add_routes(
                path=path,
                methods=[apigateway.HttpMethod(method)],
                integration=integration,
                authorizer=authorizer,
            )
            for each in made:
                self._explain(each, authorizer)

    def _explain(
        self, route: apigateway.HttpRoute, authorizer: apigateway.IHttpRouteAuthorizer
    ) -> None:
        if not isinstance(authorizer, apigateway.HttpNoneAuthorizer):
            return
        chosen = self._auth is Auth.NONE
        asked = "auth=none was chosen: anybody may call, to try things."
        nag.acknowledge(route, "APIG4", asked if chosen else "A preflight carries no identity.")

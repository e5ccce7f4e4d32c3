"""What people call: the routes, and who answers them."""

from __future__ import annotations

import json
from typing import Any

from tests.infra.assembly import Assembly

ROUTES = {
    "POST /v1/uploads": "create_upload",
    "POST /v1/jobs": "create_job",
    "GET /v1/jobs": "get_job",
    "GET /v1/jobs/{jobId}": "get_job",
    "DELETE /v1/jobs/{jobId}": "cancel_job",
    "GET /v1/progress": "get_progress",
    "POST /v1/cleanup": "clean_up",
    "GET /v1/jobs/{jobId}/progress": "get_progress",
    "GET /v1/jobs/{jobId}/output": "get_output",
    "GET /v1/jobs/{jobId}/waveform.json": "get_output",
    "GET /v1/jobs/{jobId}/waveform.png": "get_output",
}


def test_each_route_is_answered_by_its_function(assembly: Assembly) -> None:
    integrations = assembly.of("AWS::ApiGatewayV2::Integration")
    functions = assembly.of("AWS::Lambda::Function")
    answered: dict[str, str] = {}
    for route in assembly.of("AWS::ApiGatewayV2::Route").values():
        integration = integrations[reference(route["Target"].removeprefix("integrations/"))]
        assert integration["PayloadFormatVersion"] == "2.0"
        function = functions[reference(integration["IntegrationUri"]).removesuffix(".Arn")]
        answered[route["RouteKey"]] = function["Handler"].split(".")[1]
    assert answered == ROUTES


def test_every_route_wants_a_signed_caller_unless_the_deployment_says_otherwise(
    assembly: Assembly, other_assembly: Assembly
) -> None:
    closed, opened = (each.of("AWS::ApiGatewayV2::Route") for each in (assembly, other_assembly))
    assert {each["AuthorizationType"] for each in closed.values()} == {"AWS_IAM"}
    assert {each["AuthorizationType"] for each in opened.values()} == {"NONE"}


def test_only_this_api_may_invoke_a_function_and_only_for_its_routes(assembly: Assembly) -> None:
    permissions = [
        each
        for each in assembly.of("AWS::Lambda::Permission").values()
        if each["Principal"] == "apigateway.amazonaws.com"
    ]
    invoked = {each["SourceArn"].split("${Api}/*/*")[1] for each in permissions}
    assert invoked == {route.split()[1] for route in ROUTES}


def test_the_stage_is_throttled_and_logged(assembly: Assembly) -> None:
    stage = assembly.the("AWS::ApiGatewayV2::Stage")
    throttle = stage["DefaultRouteSettings"]
    assert 0 < throttle["ThrottlingRateLimit"] < throttle["ThrottlingBurstLimit"] <= 5000
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert {"$context.requestId", "$context.routeKey", "$context.status"} <= set(logged.values())
    assert stage["AccessLogSettings"]["DestinationArn"] == "${ApiLogs.Arn}"


def test_a_page_of_any_origin_may_call_but_brings_no_cookie(assembly: Assembly) -> None:
    cors = assembly.the("AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["*"]
    assert "AllowCredentials" not in cors
    assert set(cors["AllowMethods"]) == {route.split()[0] for route in ROUTES}
    assert set(cors["ExposeHeaders"]) == {"location", "retry-after"}


def test_a_person_is_told_what_to_use(assembly: Assembly) -> None:
    told: dict[str, Any] = {
        name: assembly.text(each["Value"])
        for name, each in assembly.outputs.items()
        if "Export" not in each
    }
    assert told["BucketName"] == "${Bucket}"
    assert told["StateMachineArn"] == "${ConversionStateMachine}"
    assert told["ApiUrl"].startswith("https://${Api}.execute-api.")


def reference(text: str) -> str:
    return text.removeprefix("${").removesuffix("}")

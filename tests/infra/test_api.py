"""What people call: the routes, who answers them, and which pages may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.infra.assembly import Assembly

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
ROUTES = {
    "POST /v1/uploads": "create_upload",
    "POST /api/upload-audio": "create_upload",
    "GET /v1/uploads/{fileId}": "receive_upload",
    "GET /api/upload-progress": "receive_upload",
    "DELETE /v1/uploads/{fileId}": "receive_upload",
    "GET /v1/uploads/{fileId}/parts": "receive_upload",
    "POST /v1/uploads/{fileId}/parts": "receive_upload",
    "PUT /v1/uploads/{fileId}/parts/{partNumber}": "receive_upload",
    "POST /v1/uploads/{fileId}/complete": "receive_upload",
    "POST /v1/jobs": "create_job",
    "POST /api/convert-audio": "create_job",
    "GET /v1/jobs": "get_job",
    "GET /v1/jobs/{jobId}": "get_job",
    "GET /api/jobs/{jobId}": "get_job",
    "DELETE /v1/jobs/{jobId}": "cancel_job",
    "GET /v1/progress": "get_progress",
    "GET /api/progress": "get_progress",
    "GET /v1/jobs/{jobId}/progress": "get_progress",
    "GET /v1/jobs/{jobId}/output": "get_output",
    "GET /api/download": "get_output",
    "GET /v1/jobs/{jobId}/waveform.json": "get_output",
    "GET /v1/jobs/{jobId}/waveform.png": "get_output",
    "GET /v1/jobs/{jobId}/history": "get_history",
    "GET /v1/health": "check_health",
    "GET /api/health": "check_health",
    "GET /v1/formats": "describe_api",
    "GET /v1/openapi.json": "describe_api",
    "POST /v1/cleanup": "clean_up",
}
# There with `batchSources` alone: test_batch.py.
OF_BATCHES = {
    "POST /v1/batches": "manage_batches",
    "GET /v1/batches/{batchId}": "manage_batches",
    "DELETE /v1/batches/{batchId}": "manage_batches",
}
# Every other path and method, and a page's question before it calls.
REST = {"$default": "describe_api", "OPTIONS /{proxy+}": "describe_api"}


def test_each_route_is_answered_by_its_function(assembly: Assembly) -> None:
    integrations = assembly.of("AWS::ApiGatewayV2::Integration")
    functions = assembly.of("AWS::Lambda::Function")
    answered: dict[str, str] = {}
    for route in assembly.of("AWS::ApiGatewayV2::Route").values():
        integration = integrations[reference(route["Target"].removeprefix("integrations/"))]
        assert integration["PayloadFormatVersion"] == "2.0"
        function = functions[reference(integration["IntegrationUri"]).removesuffix(".Arn")]
        answered[route["RouteKey"]] = function["Handler"].split(".")[1]
    assert answered == ROUTES | REST


def test_the_document_describes_the_routes_and_no_others(assembly: Assembly) -> None:
    document = json.loads(DOCUMENT.read_text())
    described = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods.keys() & {"get", "post", "put", "delete"}
    }
    assert described == set(ROUTES | OF_BATCHES)


def test_only_this_api_may_invoke_a_function_and_only_for_its_routes(assembly: Assembly) -> None:
    permissions = [
        each
        for each in assembly.of("AWS::Lambda::Permission").values()
        if each["Principal"] == "apigateway.amazonaws.com"
    ]
    invoked = {each["SourceArn"].split("${Api}/*/*")[1] for each in permissions}
    assert invoked == {route.split()[1] for route in ROUTES} | {"", "/{proxy+}"}


def test_the_policy_of_a_function_is_as_small_as_lambda_takes_it(assembly: Assembly) -> None:
    """20 KB ("Lambda quotas", function resource-based policy); a statement takes about 400 bytes,
    twice that with the longest names there can be."""
    counted: dict[str, int] = {}
    for each in assembly.of("AWS::Lambda::Permission").values():
        counted[each["FunctionName"]] = counted.get(each["FunctionName"], 0) + 1
    assert max(counted.values()) * 800 < 20_000


def test_the_stage_is_throttled_and_logged(assembly: Assembly, other_assembly: Assembly) -> None:
    stage = assembly.the("AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"] == throttled(500)
    chosen = other_assembly.the("AWS::ApiGatewayV2::Stage")
    assert chosen["DefaultRouteSettings"] == throttled(40)
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert {"$context.requestId", "$context.routeKey", "$context.status"} <= set(logged.values())
    assert stage["AccessLogSettings"]["DestinationArn"] == "${ApiLogs.Arn}"


def throttled(rate: int) -> dict[str, int]:
    return {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": 2 * rate}


def test_a_page_may_send_and_read_what_is_used_and_nothing_else(assembly: Assembly) -> None:
    cors = assembly.the("AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert cors == {
        "AllowOrigins": ["*"],
        "AllowMethods": sorted({route.split()[0] for route in ROUTES}),
        "AllowHeaders": [
            "authorization",
            "content-type",
            "idempotency-key",
            "if-none-match",
            "x-amz-content-sha256",
            "x-amz-date",
            "x-amz-security-token",
        ],
        "ExposeHeaders": ["etag", "location", "retry-after"],
        "MaxAge": 3600,
    }


def test_where_origins_are_chosen_no_other_page_may(other_assembly: Assembly) -> None:
    cors = other_assembly.the("AWS::ApiGatewayV2::Api")["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://example.com", "http://localhost:5173"]


def test_the_limits_of_a_deployment_are_told_to_all_that_hold_to_them(
    other_assembly: Assembly,
) -> None:
    told = {
        name: each["Environment"]["Variables"]
        for name, each in other_assembly.of("AWS::Lambda::Function").items()
        if "Environment" in each
    }
    for function in ("CreateUploadFunction", "DescribeApiFunction"):
        assert told[function]["SLUICE_MAX_UPLOAD_BYTES"] == "1000000"
        assert told[function]["SLUICE_MAX_CONVERSIONS"] == "3"
    for function in ("CreateUploadFunction", "CheckHealthFunction"):
        assert told[function]["SLUICE_MAX_OPEN_UPLOADS"] == "7"
    (converter,) = other_assembly.the("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    environment = {each["Name"]: each["Value"] for each in converter["Environment"]}
    assert environment["SLUICE_MAX_INPUT_BYTES"] == "1000000"


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

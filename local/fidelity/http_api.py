"""Amazon API Gateway, HTTP APIs: pages of other origins, signatures, tokens, and functions that
fail.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any
from urllib.parse import quote

gateway: Any = import_module("ministack.services.apigateway")
functions: Any = import_module("ministack.services.lambda_svc")
provisioners: Any = import_module("ministack.services.cloudformation.provisioners")
identities: Any = import_module("ministack.core.iam_evaluator")
sigv4: Any = import_module("ministack.core.sigv4")

Answer = tuple[int, dict[str, str], bytes]
Properties = dict[str, Any]

# What a caller has signed for: local/gateway.py, in front of the engine, has a host of its own.
CALLED_AS = "x-forwarded-host"

_handle_execute = gateway._handle_execute_in_scope
_invoke = gateway._invoke_lambda_proxy
_check_token = gateway._validate_jwt_authorizer
_to_proxy_response = functions.lambda_execute_result_to_api_proxy_response
_create_api = provisioners._apigw_v2_api_create
_update_api = provisioners._apigw_v2_api_update


def install() -> None:
    gateway._handle_execute_in_scope = handle_execute
    gateway._invoke_lambda_proxy = invoke
    gateway._validate_jwt_authorizer = check_token
    functions.lambda_execute_result_to_api_proxy_response = to_proxy_response
    provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"].update(
        create=create_api, update=update_api
    )


def create_api(logical_id: str, properties: Properties, stack: str) -> Any:
    """A template's CorsConfiguration is understood.

    AWS: its members are AllowOrigins and so on (CloudFormation reference). ministack: keeps them as
    they are, and looks for allowOrigins, so that every page is refused.
    """
    return _create_api(logical_id, _readable(properties), stack)


def update_api(identity: str, old: Properties, new: Properties, *rest: Any) -> Any:
    """As create_api, for a stack that is updated."""
    return _update_api(identity, _readable(old), _readable(new), *rest)


def _readable(properties: Properties) -> Properties:
    if cors := properties.get("CorsConfiguration"):
        return {**properties, "CorsConfiguration": provisioners._pascal_to_camel(cors)}
    return properties


async def handle_execute(
    api_id: str,
    stage: str,
    path: str,
    method: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, list[str]],
    *rest: Any,
) -> Answer:
    """A signed route takes requests with a valid signature of a known key; a preflight goes to a
    route that takes OPTIONS.

    AWS: "If the signature doesn't match, the request is denied" (API Gateway guide, "Control access
    to HTTP APIs with IAM authorization"); a preflight goes to `$default`, unless OPTIONS /{proxy+}
    is there (ibid., "Configuring CORS for an HTTP API with a $default route and an authorizer").
    ministack: any Authorization header will do, also of a key that nobody has; no route sees
    OPTIONS. Neither asks here whether the identity's policies allow execute-api:Invoke.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    route = gateway._match_route(api_id, method, "/" + path.lstrip("/")) or {}
    authorization = route.get("authorizationType") or "NONE"
    if authorization == "AWS_IAM" and not is_signed(method, path, lowered, body, query):
        return gateway._jwt_forbidden()
    if method == "OPTIONS" and route and authorization == "NONE":
        return await _preflight(route, api_id, stage, path, lowered, body, query, *rest)
    return await _handle_execute(api_id, stage, path, method, headers, body, query, *rest)


async def _preflight(
    route: Properties,
    api_id: str,
    stage: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, list[str]],
    account: str,
    region: str,
    raw_query: str | None = None,
) -> Answer:
    """The integration's answer, with the API's CORS headers in place of any of its own."""
    integration = gateway._integrations[api_id][route["target"].rpartition("/")[2]]
    status, told, content = await invoke(
        integration,
        api_id,
        stage,
        path,
        "OPTIONS",
        headers,
        body,
        query,
        route["routeKey"],
        owner_account_id=account,
        owner_region=region,
        raw_query_string=raw_query,
    )
    configured = gateway._apis[api_id].get("corsConfiguration") or {}
    refused, cors, _ = gateway._cors_preflight_response(configured, headers.get("origin", ""))
    if refused < 300 and "access-control-request-method" in headers:
        told |= {name: value for name, value in cors.items() if name != "Content-Length"}
    return status, told, content


async def invoke(*arguments: Any, **keywords: Any) -> Answer:
    """What a function says of CORS itself is left out where the API has a configuration for it.

    AWS: "If you configure CORS for an API, API Gateway ignores CORS headers returned from your
    backend integration" ("Configure CORS for HTTP APIs"). ministack: passes them on.
    """
    status, told, content = await _invoke(*arguments, **keywords)
    if gateway._apis[arguments[1]].get("corsConfiguration"):
        told = {k: v for k, v in told.items() if not k.lower().startswith("access-control-")}
    return status, told, content


async def check_token(*arguments: Any) -> Any:
    """A token says when it expires, as a number.

    AWS: "exp – Must be after the current time in UTC" ("Control access to HTTP APIs with JWT
    authorizers"). ministack: takes one that never does, and breaks on what is no number.
    """
    try:
        claims, scopes, refused = await _check_token(*arguments)
    except (TypeError, ValueError):
        return None, None, gateway._jwt_unauthorized()
    if refused is None and "exp" not in claims:
        refused = gateway._jwt_unauthorized()
    return claims, scopes, refused


def is_signed(
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, list[str]],
) -> bool:
    """Whether this is the request that was signed, a moment ago, with a key of this account."""
    signature = sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple) or signature.service != "execute-api":
        return False
    token = headers.get("x-amz-security-token", "")
    credential = identities.resolve_credential(signature.access_key_id, session_token=token)
    if not hasattr(credential, "secret_access_key") or sigv4.request_time_failure(signature):
        return False
    seen = {**headers, "host": headers.get(CALLED_AS, headers.get("host", ""))}
    secret = credential.secret_access_key
    failure = sigv4.header_signature_failure(
        signature, secret, method, quote(path), query, seen, body or b""
    )
    return "host" in signature.signed_headers.split(";") and failure is None


def to_proxy_response(result: Properties) -> Any:
    """A function that raised, or cannot be loaded, is a 500 that says nothing of it.

    AWS: 500 with the message "Internal Server Error" ("Troubleshooting issues with HTTP API Lambda
    integrations", API Gateway guide). ministack: 502, with the exception.
    """
    told = result.get("body")
    if result.get("error") and not (isinstance(told, dict) and "statusCode" in told):
        answer = {
            "statusCode": 500,
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps({"message": "Internal Server Error"}),
        }
        return answer, None
    return _to_proxy_response(result)

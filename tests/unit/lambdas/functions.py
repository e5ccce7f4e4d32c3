"""The functions behind the routes of the API, for who speaks HTTP by `requests`: as API Gateway
calls them."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse

from lambdas.openapi.document import DOCUMENT

_OF_A_JOB = {
    "get": "get_job",
    "delete": "cancel_job",
    "progress": "get_progress",
    "history": "get_history",
    "output": "get_output",
    "waveform.json": "get_output",
    "waveform.png": "get_output",
}
_OTHERS = {
    "post /v1/uploads": "create_upload",
    "post /api/upload-audio": "create_upload",
    "get /api/upload-progress": "receive_upload",
    "post /v1/jobs": "create_job",
    "post /api/convert-audio": "create_job",
    "get /v1/jobs": "get_job",
    "get /api/jobs/{jobId}": "get_job",
    "get /v1/progress": "get_progress",
    "get /api/progress": "get_progress",
    "get /api/download": "get_output",
    "get /v1/health": "check_health",
    "get /api/health": "check_health",
}


def _function(method: str, path: str) -> str:
    if path.startswith("/v1/uploads/"):
        return "receive_upload"
    if path.startswith("/v1/jobs/"):
        last = path.removeprefix("/v1/jobs/{jobId}").removeprefix("/")
        return _OF_A_JOB[last or method]
    return _OTHERS.get(f"{method} {path}", "describe_api")


_ROUTES = [
    (method.upper(), re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), path)
    for path, forms in DOCUMENT["paths"].items()
    for method in forms
]


class Gateway(HTTPAdapter):
    """Mounted in a session, it calls the functions of a deployment; no connection is made."""

    def __init__(self, deployment: Any, event: Mapping[str, Any]) -> None:
        super().__init__()
        self._deployment = deployment
        self._event = event

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        url = urlsplit(request.url or "")
        function, event = "describe_api", self._told(request, unquote(url.path), url.query)
        for method, path, template in _ROUTES:
            if method == request.method and path.fullmatch(unquote(url.path)):
                function = _function(method.lower(), template)
        answered = self._deployment.invoke(function, event)
        raw = HTTPResponse(
            io.BytesIO(answered["body"].encode()),
            HTTPHeaderDict(answered["headers"]),
            answered["statusCode"],
            preload_content=False,
        )
        return self.build_response(request, raw)

    def _told(self, request: requests.PreparedRequest, path: str, query: str) -> dict[str, Any]:
        parameters: dict[str, str] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
        body = request.body if request.body is not None else ""
        text = body.decode("utf-8", "surrogateescape") if isinstance(body, bytes) else str(body)
        context = self._event["requestContext"]
        http = context["http"] | {"method": request.method, "path": path}
        return {
            **self._event,
            "rawPath": path,
            "rawQueryString": query,
            "queryStringParameters": parameters or None,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "requestContext": {**context, "http": http},
            "body": text,
        }

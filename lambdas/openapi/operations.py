"""One thing that can be asked of the API, and how it looks in the document.

A route has two forms, the second of them for clients of the plain `/api/…` kind: the same handler,
the same answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conversion.errors import RequestError
from lambdas.openapi.answers import Response, Responses, problems
from lambdas.openapi.shapes import Schema, ref

# Of a deployment with auth=iam, auth=jwt, auth=none; and of what only its operators may.
CALLERS: list[dict[str, list[str]]] = [{"sigv4": []}, {"bearer": []}, {}]
OPERATORS: list[dict[str, list[str]]] = [{"sigv4": []}, {}]


@dataclass(frozen=True)
class Operation:
    """`name` is its operationId; `also` its second form, as method and path; `also_parameters`
    are those that it has there instead."""

    method: str
    path: str
    name: str
    tag: str
    summary: str
    answers: dict[int, Response]
    refusals: tuple[type[RequestError], ...] = ()
    told: str = ""
    parameters: tuple[Schema, ...] = ()
    body: str | None = None
    example: Any = None
    also: str | None = None
    also_parameters: tuple[Schema, ...] | None = None
    security: list[dict[str, list[str]]] = field(default_factory=lambda: CALLERS)

    def forms(self) -> dict[str, dict[str, Any]]:
        """By path, in the document's own words."""
        forms = {self.path: {self.method: self._written(self.name, self.parameters)}}
        if self.also:
            parameters = self.parameters if self.also_parameters is None else self.also_parameters
            forms[self.also] = {self.method: self._written(f"{self.name}Plain", parameters)}
        return forms

    def _written(self, name: str, parameters: tuple[Schema, ...]) -> dict[str, Any]:
        written: dict[str, Any] = {
            "operationId": name,
            "tags": [self.tag],
            "summary": self.summary,
            "security": self.security,
            "responses": self._responses(),
        }
        if self.told:
            written["description"] = self.told
        if parameters:
            written["parameters"] = list(parameters)
        if self.body:
            written["requestBody"] = self._body(self.body)
        return written

    def _responses(self) -> Responses:
        answers = {str(status): each for status, each in self.answers.items()}
        return dict(sorted((problems(*self.refusals) | answers).items()))

    def _body(self, schema: str) -> dict[str, Any]:
        content: dict[str, Any] = {"schema": ref(schema)}
        if self.example is not None:
            content["example"] = self.example
        return {"required": True, "content": {"application/json": content}}


def in_path(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def in_query(name: str, schema: Schema, told: str, required: bool = False) -> Schema:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": told,
        "schema": schema,
    }


def shared_parameter(name: str) -> Schema:
    return {"$ref": f"#/components/parameters/{name}"}

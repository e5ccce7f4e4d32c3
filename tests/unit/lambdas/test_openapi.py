"""The OpenAPI document: valid, fresh, whole, and of one mind with what checks requests."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from conversion.conversion import Conversion
from conversion.errors import RequestError
from conversion.formats import INPUT_SUFFIXES
from conversion.presets import PRESETS
from lambdas.openapi.__main__ import USUAL, written
from lambdas.openapi.document import DOCUMENT
from lambdas.openapi.paths import methods_at
from tests.unit.lambdas.test_problems import refusals

_DESIGN = {
    "POST /v1/uploads", "POST /api/upload-audio",
    "GET /v1/uploads/{fileId}", "GET /api/upload-progress", "DELETE /v1/uploads/{fileId}",
    "POST /v1/uploads/{fileId}/parts", "GET /v1/uploads/{fileId}/parts",
    "PUT /v1/uploads/{fileId}/parts/{partNumber}", "POST /v1/uploads/{fileId}/complete",
    "POST /v1/jobs", "POST /api/convert-audio", "GET /v1/jobs",
    "GET /v1/jobs/{jobId}", "GET /api/jobs/{jobId}", "DELETE /v1/jobs/{jobId}",
    "GET /v1/jobs/{jobId}/progress", "GET /v1/progress", "GET /api/progress",
    "GET /v1/jobs/{jobId}/output", "GET /api/download",
    "GET /v1/jobs/{jobId}/waveform.json", "GET /v1/jobs/{jobId}/waveform.png",
    "GET /v1/jobs/{jobId}/history", "GET /v1/formats", "GET /v1/openapi.json",
    "GET /v1/health", "GET /api/health", "POST /v1/cleanup",
    "POST /v1/batches", "GET /v1/batches/{batchId}", "DELETE /v1/batches/{batchId}",
}  # fmt: skip


def operations() -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, forms in DOCUMENT["paths"].items()
        for method, operation in forms.items()
    }


def validator(schema: Any) -> Any:
    return jsonschema.Draft202012Validator(schema | {"components": DOCUMENT["components"]})


REQUEST = validator({"$ref": "#/components/schemas/ConversionRequest"})


def test_it_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_committed_document_is_fresh() -> None:
    assert USUAL.read_text(encoding="utf-8") == written(), "docs/openapi.json: make openapi"


def test_it_has_every_route_of_the_design_and_no_other() -> None:
    assert set(operations()) == _DESIGN


def test_every_path_knows_its_methods() -> None:
    for told in operations():
        method, path = told.split()
        assert method in methods_at(re.sub(r"\{\w+\}", "x1", path))


def test_every_name_is_there_once() -> None:
    names = [each["operationId"] for each in operations().values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("told", operations())
def test_every_route_says_what_stands_before_it_may_answer(told) -> None:
    assert {"401", "403", "429", "500", "503"} <= operations()[told]["responses"].keys()


def test_every_code_of_a_refusal_is_some_routes() -> None:
    """But for METHOD_NOT_ALLOWED: no route answers it."""
    told = json.dumps(DOCUMENT["paths"])
    codes = {each.code for each in refusals(RequestError)} - {"METHOD_NOT_ALLOWED"}
    assert {code for code in codes if f'"{code}"' not in told} == set()


def test_every_schema_is_used() -> None:
    text = json.dumps(DOCUMENT)
    assert {
        name
        for name in DOCUMENT["components"]["schemas"]
        if f'"#/components/schemas/{name}"' not in text
    } == set()


def _examples() -> list[tuple[str, Any, Any]]:
    found = []
    for told, operation in operations().items():
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            for content in body.get("content", {}).values():
                if "example" in content:
                    found.append((told, content["schema"], content["example"]))
    return found


@pytest.mark.parametrize(("told", "schema", "example"), _examples())
def test_every_example_is_of_its_schema(told, schema, example) -> None:
    validator(schema).validate(example)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_request(preset) -> None:
    REQUEST.validate({"preset": preset})
    REQUEST.validate(PRESETS[preset])


@pytest.mark.parametrize("suffix", sorted(INPUT_SUFFIXES))
def test_every_suffix_is_taken_in_any_case(suffix) -> None:
    name = validator(DOCUMENT["components"]["schemas"]["UploadRequest"]["properties"]["fileName"])

    assert all(name.is_valid(f"talk.{each}") for each in (suffix, suffix.upper(), suffix.title()))
    assert not name.is_valid(f"talk{suffix}")
    assert not name.is_valid(f".{suffix}")


_NUMBERS = st.one_of(
    st.none(), st.integers(-20, 100), st.sampled_from([16, 24, 128, 8_000, 44_100, 48_000, 768_000])
)
_SECONDS = st.one_of(st.none(), st.floats(-1, 90_000), st.integers(0, 100))
_REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "format": st.sampled_from(["mp3", "wav", "flac", "opus", "exe", None]),
        "preset": st.sampled_from([*PRESETS, "none", None]),
        "bitrateKbps": _NUMBERS,
        "quality": _NUMBERS,
        "sampleRate": _NUMBERS,
        "channels": st.one_of(st.none(), st.integers(-1, 10)),
        "bitDepth": st.sampled_from([None, 8, 16, 24, 32]),
        "startSeconds": _SECONDS,
        "endSeconds": _SECONDS,
        "fadeInSeconds": _SECONDS,
        "loudness": st.one_of(
            st.booleans(), st.none(), st.just({}), st.just({"integratedLufs": -90}),
            st.just({"truePeakDbtp": -1.5}), st.just({"lufs": 1}), st.just(5),
        ),
        "metadata": st.sampled_from([None, "keep", "drop", "copy", 1]),
        "tags": st.one_of(
            st.none(), st.dictionaries(st.sampled_from(["title", "a b", "ä", ""]), st.text())
        ),
        "cover": st.sampled_from([None, "keep", "drop", False]),
        "waveform": st.one_of(
            st.booleans(), st.none(), st.just({"samplesPerPixel": 1}), st.just({})
        ),
        "speed": st.just(2),
    },
)  # fmt: skip


@given(_REQUESTS)
def test_whatever_the_domain_takes_is_of_the_schema(request: dict[str, Any]) -> None:
    """So what breaks the schema is refused; the converse is for what GET /v1/formats tells."""
    try:
        Conversion.from_request(request)
    except RequestError:
        return
    REQUEST.validate(request)


@given(_REQUESTS)
def test_whatever_is_made_of_a_request_is_told_by_the_schema(request: dict[str, Any]) -> None:
    try:
        made = Conversion.from_request(request).to_item()
    except RequestError:
        return
    told = DOCUMENT["components"]["schemas"]["Conversion"]
    validator(told | {"additionalProperties": False}).validate(made)

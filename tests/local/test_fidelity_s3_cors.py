"""Buckets and pages of other origins as AWS has them: see local/fidelity/s3_cors.py."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from local.child import Engine

PAGE = "https://page.test"
OTHER = "https://other.test"


@pytest.fixture(scope="module")
def object_url(engine: Engine) -> str:
    s3 = engine.client("s3")
    name = f"pages-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_cors(
        Bucket=name,
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedOrigins": [PAGE],
                    "AllowedMethods": ["GET", "PUT"],
                    "AllowedHeaders": ["content-type"],
                    "ExposeHeaders": ["ETag"],
                    "MaxAgeSeconds": 60,
                }
            ]
        },
    )
    s3.put_object(Bucket=name, Key="uploads/a.wav", Body=b"RIFF")
    return f"{engine.url}/{name}/uploads/a.wav"


def asks(url: str, page: str, method: str = "PUT", headers: str = "content-type") -> httpx.Response:
    return httpx.options(
        url,
        headers={
            "origin": page,
            "access-control-request-method": method,
            "access-control-request-headers": headers,
        },
    )


def of_cors(answer: httpx.Response) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k.startswith("access-control-")}


def test_a_page_that_the_rules_name_is_told_what_it_may(object_url: str) -> None:
    answer = asks(object_url, PAGE)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-headers"] == "content-type"
    assert answer.headers["access-control-max-age"] == "60"


@pytest.mark.parametrize(
    ("page", "method", "header"),
    [(OTHER, "PUT", "content-type"), (PAGE, "DELETE", "content-type"), (PAGE, "PUT", "x-amz-acl")],
)
def test_any_other_page_method_or_header_is_refused(
    object_url: str, page: str, method: str, header: str
) -> None:
    answer = asks(object_url, page, method, header)
    assert (answer.status_code, of_cors(answer)) == (403, {})


def test_a_page_reads_what_the_rule_exposes(object_url: str) -> None:
    answer = httpx.get(object_url, headers={"origin": PAGE})
    assert answer.content == b"RIFF"
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-expose-headers"] == "ETag"


def test_another_page_reads_nothing_and_who_is_no_page_is_told_nothing(object_url: str) -> None:
    assert of_cors(httpx.get(object_url, headers={"origin": OTHER})) == {}
    assert of_cors(httpx.get(object_url)) == {}

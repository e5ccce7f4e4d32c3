"""Who may call, and what is whose: a whole pipeline that asks for signatures, and one for tokens.

Alice has a file and a job. For Bob they are not there, by every route there is; Olga, an operator,
sees them as Alice does.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from botocore.credentials import Credentials

from local.pipeline import Pipeline
from tests.issuer import AUDIENCE, Issuer, serving_issuer
from tests.signed import Signed, new_user

pytestmark = pytest.mark.long

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
ROUTES = [
    f"{method.upper()} {path}"
    for path, methods in json.loads(DOCUMENT.read_text())["paths"].items()
    for method in sorted(methods.keys() & {"get", "post", "put", "delete"})
]
TENDS_ALL = "POST /v1/cleanup"
# What names a file, or a job. The lists are asked as they can be, whoever asks.
ABOUT_A_FILE = [each for each in ROUTES if "{fileId}" in each or "upload-progress" in each]
ABOUT_A_JOB = [each for each in ROUTES if "{jobId}" in each] + [
    "GET /api/progress",
    "GET /api/download",
]
MAKE_A_JOB = ["POST /v1/jobs", "POST /api/convert-audio"]
# What is asked last, by tests of its own.
ENDS = [each for each in ROUTES if each.startswith("DELETE") or each.endswith("/complete")]
ABOUT_NOBODYS = sorted(
    {each for each in ROUTES if "health" in each} | {"GET /v1/formats", "GET /v1/openapi.json"}
)
LISTS = ["GET /v1/jobs", "GET /v1/progress"]
BATCHES = [each for each in ROUTES if "/batches" in each]
MAKE_A_FILE = ["POST /v1/uploads", "POST /api/upload-audio"]
OPERATOR = "arn:aws:iam::000000000000:user/olga"
NO_BATCH = "0" * 32
# Bigger than one PUT takes, so that it stays open with all that can be asked of it.
OPEN_BYTES = 17 * 1024**2


@dataclass
class Deployed:
    """One pipeline and its callers. `file` and `open_file` are Alice's, and so is `job`."""

    pipeline: Pipeline
    alice: httpx.Client
    bob: httpx.Client
    olga: httpx.Client
    stranger: httpx.Client
    root: httpx.Client
    issuer: Issuer | None = None
    file: str = ""
    open_file: str = ""
    job: str = ""

    def ask(self, who: httpx.Client, route: str, file: str, job: str) -> httpx.Response:
        """By this route for this file or job, with the least that it takes."""
        method, path = route.split()
        path = path.replace("{batchId}", NO_BATCH)
        path = path.replace("{fileId}", file).replace("{jobId}", job).replace("{partNumber}", "1")
        query = {"jobId": job, "fileId": file} if "{" not in route and method == "GET" else {}
        body: dict[str, Any] | None = None
        if route in MAKE_A_JOB:
            body = {"fileId": file, "conversion": {"format": "mp3"}}
        elif route in MAKE_A_FILE:
            body = {"fileName": "a.wav", "bytes": 1}
        elif route.endswith("/parts") and method == "POST":
            body = {"partNumbers": [1]}
        elif route == "POST /v1/batches":
            everybodys = f"s3://{self.pipeline.deployment.output('BucketName')}/uploads/"
            body = {"source": everybodys, "conversions": [{"format": "wav"}]}
        return who.request(method, path, params=query, json=body)


@pytest.fixture(scope="module", params=["iam", "jwt"])
def auth(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def deployed(auth: str, music: dict[str, Path]) -> Iterator[Deployed]:
    with ExitStack() as opened:
        made = by_signature(opened) if auth == "iam" else by_token(opened)
        fill(made, music["wav"])
        yield made


def by_signature(opened: ExitStack) -> Deployed:
    options = {"auth": "iam", "operators": OPERATOR, "batchSources": "archive"}
    pipeline = opened.enter_context(Pipeline(options=options))
    iam = pipeline.engine.client("iam")

    def user(name: str) -> httpx.Auth:
        return Signed(new_user(iam, name)[1])

    callers = [client(opened, pipeline, user(name)) for name in ("alice", "bob", "olga")]
    return Deployed(pipeline, *callers, *others(opened, pipeline))


def by_token(opened: ExitStack) -> Deployed:
    issuer = opened.enter_context(serving_issuer())
    options = {
        "auth": "jwt",
        "jwtIssuer": issuer.url,
        "jwtAudience": AUDIENCE,
        "operators": "olga",
        "batchSources": "archive",
    }
    pipeline = opened.enter_context(Pipeline(options=options))
    tokens = [Bearer(issuer, name) for name in ("alice", "bob", "olga")]
    callers = [client(opened, pipeline, each) for each in tokens]
    return Deployed(pipeline, *callers, *others(opened, pipeline), issuer=issuer)


def others(opened: ExitStack, pipeline: Pipeline) -> tuple[httpx.Client, httpx.Client]:
    signed = Signed(Credentials("test", "test"))  # the engine's root
    return client(opened, pipeline, None), client(opened, pipeline, signed)


def client(opened: ExitStack, pipeline: Pipeline, auth: httpx.Auth | None) -> httpx.Client:
    base = pipeline.api.removesuffix("/v1")
    return opened.enter_context(httpx.Client(base_url=base, auth=auth, timeout=30))


class Bearer(httpx.Auth):
    def __init__(self, issuer: Issuer, subject: str) -> None:
        self._issuer = issuer
        self._subject = subject

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:
        request.headers["authorization"] = f"Bearer {self._issuer.token(self._subject)}"
        yield request


def fill(made: Deployed, music: Path) -> None:
    content = music.read_bytes()
    told = {"fileName": music.name, "bytes": len(content)}
    wanted = {"conversions": [{"format": "mp3", "waveform": {}}]}
    upload = made.alice.post("/v1/uploads", json=told | wanted)
    assert upload.status_code == 201, upload.text
    made.file, asked = upload.json()["fileId"], upload.json()["upload"]
    stored = httpx.put(asked["url"], headers=asked["headers"], content=content)
    assert stored.status_code == 200
    large = made.alice.post("/v1/uploads", json=told | {"bytes": OPEN_BYTES})
    made.open_file = large.json()["fileId"]
    made.job = finished(made)


def finished(made: Deployed) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        jobs = made.alice.get("/v1/jobs", params={"fileId": made.file}).json()["jobs"]
        if [each["status"] for each in jobs] == ["completed"]:
            return jobs[0]["jobId"]
        time.sleep(0.2)
    raise AssertionError("Alice's file is not converted")


@pytest.mark.parametrize("route", [*ROUTES, "GET /v1/nowhere", "PATCH /v1/jobs"])
def test_who_is_not_known_is_refused_by_every_route(
    deployed: Deployed, auth: str, route: str
) -> None:
    answer = deployed.ask(deployed.stranger, route, deployed.file, deployed.job)
    wanted = 403 if auth == "iam" or route in (TENDS_ALL, *BATCHES) else 401
    assert answer.status_code == wanted
    assert answer.json()["message"] in ("Forbidden", "Unauthorized")


@pytest.mark.parametrize("route", ABOUT_A_FILE)
def test_anothers_file_is_as_good_as_not_there(deployed: Deployed, route: str) -> None:
    nobodys = uuid4().hex
    for file in (deployed.open_file, deployed.file):
        theirs = deployed.ask(deployed.bob, route, file, "")
        none = deployed.ask(deployed.bob, route, nobodys, "")
        assert theirs.status_code == none.status_code == 404
        assert same(theirs, file) == same(none, nobodys)
        assert theirs.json()["code"] == "FILE_NOT_FOUND"


@pytest.mark.parametrize("route", MAKE_A_JOB)
def test_anothers_file_cannot_be_converted(deployed: Deployed, route: str) -> None:
    nobodys = uuid4().hex
    theirs = deployed.ask(deployed.bob, route, deployed.file, "")
    none = deployed.ask(deployed.bob, route, nobodys, "")
    assert theirs.status_code == 404
    assert same(theirs, deployed.file) == same(none, nobodys)


@pytest.mark.parametrize("route", ABOUT_A_JOB)
def test_anothers_job_is_as_good_as_not_there(deployed: Deployed, route: str) -> None:
    nobodys = uuid4().hex
    theirs = deployed.ask(deployed.bob, route, "", deployed.job)
    none = deployed.ask(deployed.bob, route, "", nobodys)
    assert theirs.status_code == none.status_code == 404
    assert same(theirs, deployed.job) == same(none, nobodys)
    assert theirs.json()["code"] == "JOB_NOT_FOUND"


def same(answer: httpx.Response, identity: str) -> tuple[str, dict[str, str]]:
    """What it says, but for the id and the moment."""
    varying = re.compile(r"date|x-amz.*|apigw-requestid|x-amzn.*|content-length")
    told = {k: v for k, v in answer.headers.items() if not varying.fullmatch(k)}
    return answer.text.replace(identity, "…"), told


def test_lists_hold_what_is_ones_own(deployed: Deployed) -> None:
    assert ids(deployed.alice.get("/v1/jobs")) == [deployed.job]
    assert ids(deployed.olga.get("/v1/jobs")) == [deployed.job]
    for asked in ({}, {"fileId": deployed.file}, {"status": "completed"}):
        assert ids(deployed.bob.get("/v1/jobs", params=asked)) == []
    both = {"jobId": deployed.job}
    assert deployed.alice.get("/v1/progress", params=both).json()["notFound"] == []
    assert deployed.bob.get("/v1/progress", params=both).json() == {
        "progress": [],
        "notFound": [deployed.job],
    }


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["jobId"] for each in answer.json()["jobs"]]


@pytest.mark.parametrize(
    "route", [each for each in (*ABOUT_A_FILE, *ABOUT_A_JOB) if each not in ENDS]
)
def test_what_is_ones_own_is_there_by_every_route_and_for_an_operator_too(
    deployed: Deployed, route: str
) -> None:
    for who in (deployed.alice, deployed.olga):
        answer = deployed.ask(who, route, deployed.open_file, deployed.job)
        assert answer.status_code in (200, 202, 303), answer.text


@pytest.mark.parametrize("route", [*ABOUT_NOBODYS, *MAKE_A_FILE])
def test_what_is_nobodys_is_there_for_whoever_is_known(deployed: Deployed, route: str) -> None:
    assert deployed.ask(deployed.bob, route, "", "").status_code in (200, 201)


def test_every_route_is_asked_here() -> None:
    asked = {*ABOUT_A_FILE, *ABOUT_A_JOB, *MAKE_A_JOB, *ABOUT_NOBODYS, *LISTS, *MAKE_A_FILE}
    assert asked | {TENDS_ALL, *BATCHES} == set(ROUTES)


@pytest.mark.parametrize("route", BATCHES)
def test_a_batch_is_for_operators_since_it_could_take_everybodys_files(
    deployed: Deployed, auth: str, route: str
) -> None:
    """With tokens these routes want a signature of the account, and an operator's at that."""
    refused = [deployed.alice, deployed.bob, *([deployed.root] if auth == "jwt" else [])]
    for who in refused:
        answer = deployed.ask(who, route, "", "")
        assert answer.status_code == 403, answer.text
    if auth == "iam":
        assert answer.json()["code"] == "OPERATORS_ONLY"
        assert deployed.ask(deployed.olga, route, "", "").status_code in (202, 404)


def test_what_is_ended_by_an_operator_is_ended_for_its_owner(deployed: Deployed) -> None:
    path = f"/v1/uploads/{deployed.open_file}"
    assert deployed.olga.post(f"{path}/complete").json()["code"] == "PARTS_MISSING"
    assert deployed.bob.delete(path).status_code == 404
    assert deployed.alice.get(path).json()["status"] == "uploading"
    assert deployed.olga.delete(path).status_code == 204
    assert deployed.alice.get(path).json()["status"] == "aborted"
    over = deployed.alice.delete(f"/v1/jobs/{deployed.job}")
    assert (over.status_code, over.json()["code"]) == (409, "JOB_FINISHED")


def test_the_whole_deployment_is_tended_by_who_signs_for_the_account(
    deployed: Deployed, auth: str
) -> None:
    assert deployed.root.post("/v1/cleanup", json={}).status_code == 200
    bearers = deployed.olga.post("/v1/cleanup", json={}).status_code
    assert bearers == (200 if auth == "iam" else 403)


@pytest.mark.parametrize("auth", ["jwt"], indirect=True)
def test_a_token_that_names_nobody_is_no_identity(deployed: Deployed) -> None:
    assert deployed.issuer is not None
    nobody = {"authorization": f"Bearer {deployed.issuer.token(None)}"}
    answer = deployed.stranger.get("/v1/jobs", headers=nobody)
    assert (answer.status_code, answer.json()["code"]) == (403, "NO_IDENTITY")


def test_a_page_asks_before_it_calls_and_needs_no_identity_for_that(deployed: Deployed) -> None:
    asked = {"origin": "https://page.test", "access-control-request-method": "POST"}
    answer = deployed.stranger.options("/v1/jobs", headers=asked)
    assert answer.status_code == 204
    assert "authorization" in answer.headers["access-control-allow-headers"]

"""A deployment that has users of its own: `auth=jwt`, and nothing said of who issues tokens."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from local.pipeline import Pipeline

pytestmark = pytest.mark.long

ALICE, PASSWORD = "alice@example.com", "Longer4Than12"


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with Pipeline(options={"auth": "jwt"}) as pipeline:
        yield pipeline


def test_a_user_that_an_operator_has_added_calls_with_her_access_token(pipeline: Pipeline) -> None:
    users = pipeline.engine.client("cognito-idp")
    pool = pipeline.deployment.output("TokenIssuer").rpartition("/")[2]
    users.admin_create_user(UserPoolId=pool, Username=ALICE, MessageAction="SUPPRESS")
    users.admin_set_user_password(
        UserPoolId=pool, Username=ALICE, Password=PASSWORD, Permanent=True
    )

    given = users.initiate_auth(
        ClientId=pipeline.deployment.output("TokenClient"),
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": ALICE, "PASSWORD": PASSWORD},
    )
    token = given["AuthenticationResult"]["AccessToken"]

    known = httpx.get(f"{pipeline.api}/jobs", headers={"authorization": f"Bearer {token}"})
    assert (known.status_code, known.json()) == (200, {"jobs": [], "cursor": None})
    assert httpx.get(f"{pipeline.api}/jobs").status_code == 401

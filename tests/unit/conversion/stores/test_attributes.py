"""Items into DynamoDB's types and back, and its errors into ours."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from conversion.errors import RecordsUnavailable
from conversion.stores.attributes import (
    ConditionFailed,
    can_be_key,
    dynamodb_errors,
    found,
    from_attributes,
    to_attributes,
)

# DynamoDB holds numbers of up to 38 digits above 1e-130 ("Naming rules and data types"). Floats
# past 2**53 come back as ints that need not be equal; seconds and percents are far from there.
numbers = st.integers(-(10**37), 10**37) | st.floats(-(2.0**53), 2.0**53).filter(
    lambda each: each == 0 or abs(each) > 1e-100
)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), values, max_size=6))
def test_an_item_comes_back_equal(item) -> None:
    assert from_attributes(to_attributes(item)) == item


def test_whole_numbers_come_back_as_ints() -> None:
    item = from_attributes({"bytes": {"N": "5292044"}, "seconds": {"N": "60.5"}})
    assert item == {"bytes": 5292044, "seconds": 60.5}
    assert type(item["bytes"]) is int


@pytest.mark.parametrize(
    ("value", "possible"),
    [("a", True), ("x" * 2048, True), ("é" * 1024, True), ("", False), ("x" * 2049, False),
     ("é" * 1025, False), ("\ud800", False)],
    ids=range(7),
)  # fmt: skip
def test_what_can_be_a_key(value: str, possible: bool) -> None:
    assert can_be_key(value) is possible


def error(code: str, status: int = 400, **more: object) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(answer, "UpdateItem")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "raised",
    [
        error("ProvisionedThroughputExceededException"),
        error("ThrottlingException"),
        error("RequestLimitExceeded"),
        error("TransactionConflictException"),
        error("InternalServerError", 500),
        error("ServiceUnavailable", 503),
        error("400"),
        KeyError("Attributes"),
        ConnectTimeoutError(endpoint_url="x"),
        ReadTimeoutError(endpoint_url="x"),
    ],
    ids=str,
)
def test_what_passes_is_transient(raised: Exception) -> None:
    with pytest.raises(RecordsUnavailable) as seen, dynamodb_errors():
        raise raised
    assert seen.value.__cause__ is raised


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException"])
def test_what_is_our_own_fault_stays_as_it_is(code: str) -> None:
    raised = error(code)
    with pytest.raises(ClientError) as seen, dynamodb_errors():
        raise raised
    assert seen.value is raised


def test_a_failed_condition_tells_what_stood_there() -> None:
    code = "ConditionalCheckFailedException"
    with pytest.raises(ConditionFailed) as seen, dynamodb_errors():
        raise error(code, Item={"attempt": {"N": "2"}})
    assert seen.value.item == {"attempt": 2}

    with pytest.raises(ConditionFailed) as seen, dynamodb_errors():
        raise error(code)
    assert seen.value.item is None


def test_an_item_is_found_or_there_is_none() -> None:
    assert found({"Item": {"attempt": {"N": "2"}}}) == {"attempt": 2}
    assert found({"ResponseMetadata": {"HTTPHeaders": {"x-amz-crc32": "2745614147"}}}) is None


@pytest.mark.parametrize(
    "headers", [{}, {"content-length": "2"}, {"x-amz-crc32": "27456"}], ids=str
)
def test_that_there_is_none_is_believed_of_a_whole_answer_alone(headers: dict[str, str]) -> None:
    with pytest.raises(RecordsUnavailable):
        found({"ResponseMetadata": {"HTTPHeaders": headers}})

"""The indexes of the jobs table: each holds whole jobs, in the order in which they were made.

An index lags behind its table by moments. Of jobs made in one millisecond each keeps an order of
its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from conversion.fields import Item
from conversion.stores.attributes import dynamodb_errors, to_attributes

# Whoever asks for the oldest jobs of a status often wants a few of thousands: this is about what
# one Query reads for 12 read units, where the 1 MB of a full one would cost 128.
_AT_ONCE = 100


class Index(NamedTuple):
    """`key` is the attribute it is asked by: a job without that is not in the index."""

    name: str
    key: str


BY_FILE = Index("byFile", "fileId")
BY_STATUS = Index("byStatus", "status")
BY_OWNER = Index("byOwner", "owner")
BY_LEAVING = Index("byLeaving", "leaving")


class Queried(NamedTuple):
    """What one Query has answered, in DynamoDB's attributes."""

    items: list[Item]
    is_last: bool


class JobIndexes:
    """Each Query is made when its first job is asked for, and raises RecordsUnavailable."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def oldest_first(self, index: Index, value: str) -> Iterator[Item]:
        for queried in self._query(index, value, _AT_ONCE):
            yield from queried.items

    def newest_first(
        self, index: Index, value: str, newest: str | None, at_once: int
    ) -> Iterator[Queried]:
        """From those made at `newest` (ISO 8601) on, so many with each Query."""
        return self._query(index, value, at_once, newest, ScanIndexForward=False)

    def _query(
        self, index: Index, value: str, at_once: int, newest: str | None = None, **how: bool
    ) -> Iterator[Queried]:
        values = {":value": value} | ({":newest": newest} if newest else {})
        pages = iter(
            self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName=index.name,
                KeyConditionExpression="#key = :value"
                + (" AND createdAt <= :newest" if newest else ""),
                ExpressionAttributeNames={"#key": index.key},
                ExpressionAttributeValues=to_attributes(values),
                PaginationConfig={"PageSize": at_once},
                **how,
            )
        )
        while True:
            with dynamodb_errors():
                page = next(pages, None)
                queried = page and Queried(page["Items"], "LastEvaluatedKey" not in page)
            if not queried:
                return
            yield queried

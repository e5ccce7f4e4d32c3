"""The tables as infra/ declares them, made in whatever DynamoDB a client speaks to."""

from __future__ import annotations

from typing import Any

JOBS = "jobs"
PROGRESS = "progress"
UPLOADS = "uploads"
SLOTS = "slots"


def create_tables(client: Any) -> None:
    _create(client, PROGRESS, "jobId")
    _create(client, UPLOADS, "fileId")
    _create(client, SLOTS, "name")
    _create(client, JOBS, "jobId", byFile=("fileId", "createdAt"), byStatus=("status", "createdAt"))


def _create(client: Any, name: str, key: str, **indexes: tuple[str, str]) -> None:
    attributes = {key, *(each for pair in indexes.values() for each in pair)}
    described: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": each, "AttributeType": "S"} for each in sorted(attributes)
        ],
    }
    if indexes:
        described["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": hashed, "KeyType": "HASH"},
                    {"AttributeName": ranged, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, (hashed, ranged) in indexes.items()
        ]
    client.create_table(**described)

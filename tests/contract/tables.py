"""The tables as infra/ declares them, made in whatever DynamoDB a client speaks to."""

from __future__ import annotations

from typing import Any

JOBS = "jobs"
PROGRESS = "progress"
UPLOADS = "uploads"
SLOTS = "slots"
IDEMPOTENCY = "idempotency"

# Each index of the jobs is sorted by `createdAt` and holds whole jobs; byOwner and byLeaving hold
# those only that have the attribute.
_OF_JOBS = {"byFile": "fileId", "byStatus": "status", "byOwner": "owner", "byLeaving": "leaving"}


def create_tables(client: Any) -> None:
    _create(client, PROGRESS, "jobId")
    _create(client, UPLOADS, "fileId", "KEYS_ONLY", byStatus="status")
    _create(client, SLOTS, "name")
    _create(client, IDEMPOTENCY, "id")
    _create(client, JOBS, "jobId", **_OF_JOBS)


def _create(client: Any, name: str, key: str, projection: str = "ALL", **indexes: str) -> None:
    attributes = {key, *indexes.values()} | ({"createdAt"} if indexes else set())
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
                    {"AttributeName": "createdAt", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": projection},
            }
            for index, hashed in indexes.items()
        ]
    client.create_table(**described)

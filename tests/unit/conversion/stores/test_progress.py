"""What DynamoDB can answer to a read of progress that moto never does."""

from __future__ import annotations

import pytest
from botocore.stub import Stubber

from conversion.errors import RecordsUnavailable
from conversion.stores import clients
from conversion.stores.progress import ProgressTable


def test_a_batch_that_was_read_in_part_is_not_taken_for_the_whole(aws: None) -> None:
    client = clients.dynamodb()
    unread = {"progress": {"Keys": [{"jobId": {"S": "b"}}]}}
    with Stubber(client) as dynamodb:
        dynamodb.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": unread})
        with pytest.raises(RecordsUnavailable):
            ProgressTable(client, "progress").read(["a", "b"])

"""Many items by their keys, in as few calls as BatchGetItem takes.

DynamoDB may leave keys of a batch unread, when it is throttled or the answer gets longer than
16 MB, and says which (BatchGetItem, DynamoDB API reference). They are asked for again a few times,
with pauses that grow: somebody is waiting for the answer, so that the last comes within a second.
"""

from __future__ import annotations

import random
import time
from typing import Any

from conversion.errors import RecordsUnavailable
from conversion.fields import Item
from conversion.stores.attributes import dynamodb_errors, from_attributes

# BatchGetItem takes at most 100 keys (DynamoDB API reference), each of them once.
_BATCH = 100
_PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4)


def read_batches(client: Any, table: str, keys: list[Item], **reading: Any) -> list[Item]:
    """The items that are there, in any order; `reading` is what BatchGetItem takes beside `Keys`,
    such as a projection. Consistent reads. Raises RecordsUnavailable."""
    items: list[Item] = []
    for start in range(0, len(keys), _BATCH):
        items += _read_batch(client, table, {"Keys": keys[start : start + _BATCH], **reading})
    return items


def _read_batch(client: Any, table: str, wanted: dict[str, Any]) -> list[Item]:
    left, items = {table: {**wanted, "ConsistentRead": True}}, list[Item]()
    for pause in (*_PAUSES_SECONDS, None):
        with dynamodb_errors():
            answer = client.batch_get_item(RequestItems=left)
            items += [from_attributes(each) for each in answer["Responses"].get(table, [])]
        left = answer.get("UnprocessedKeys")
        if not left:
            return items
        if pause is not None:
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
    raise RecordsUnavailable("DynamoDB read only a part of what was asked for; try again.")

"""The slots of running jobs: one item in DynamoDB, with a set of the jobs that hold one.

A set takes an id twice as once, and its size is the count, so that no counter can run away from
what it counts: whatever is retried, lost or done twice, the item says who holds a slot.

Permissions: UpdateItem (take, hold, give_back), GetItem (holders). Leaves behind: the item, whose
set holds the id of each job that was never given back, until somebody gives it back
(conversion/recover.py looks for those).

What it costs and where it ends, by "DynamoDB item sizes" and "Quotas" of its developer guide: an id
of 32 characters takes 33 bytes in the set, and every write, also one whose condition does not hold,
is charged for the whole item: 1 unit per KB, so 4 units with 100 jobs running and 33 with 1,000.
One item takes 1,000 units a second: with 1,000 jobs running that is 30 takes and gives a second,
about what RunTask's 20 launches a second need. An item may have 400 KB, about 12,000 ids, and two
writes a second at that size: beyond a few thousand jobs at once the slots want several items.
"""

from __future__ import annotations

from typing import Any

from conversion.fields import Item
from conversion.stores.attributes import ConditionFailed, dynamodb_errors, found, to_attributes

_KEY = {"name": "running"}


class SlotsTable:
    """A `conversion.capacity.Slots` of `most` slots, at least one. Another number takes effect with
    the next `take`; holders above it keep theirs."""

    def __init__(self, client: Any, table: str, most: int) -> None:
        if most < 1:
            raise ValueError(f"Without a slot no job ever starts: {most} is too few.")
        self._client = client
        self._table = table
        self.most = most

    def take(self, job_id: str) -> bool:
        try:
            self._update(
                "ADD holders :own",
                {":own": {job_id}, ":job": job_id, ":most": self.most},
                ConditionExpression=(
                    "attribute_not_exists(holders) OR size(holders) < :most "
                    "OR contains(holders, :job)"
                ),
            )
        except ConditionFailed:
            return False
        return True

    def hold(self, job_id: str) -> None:
        self._update("ADD holders :own", {":own": {job_id}})

    def give_back(self, job_id: str) -> None:
        """The set goes with its last element: DynamoDB keeps none that is empty."""
        self._update("DELETE holders :own", {":own": {job_id}})

    def holders(self) -> frozenset[str]:
        with dynamodb_errors():
            item = found(
                self._client.get_item(
                    TableName=self._table, Key=to_attributes(_KEY), ConsistentRead=True
                )
            )
        return frozenset((item or {}).get("holders", ()))

    def _update(self, update: str, values: Item, **condition: str) -> None:
        with dynamodb_errors():
            self._client.update_item(
                TableName=self._table,
                Key=to_attributes(_KEY),
                UpdateExpression=update,
                ExpressionAttributeValues=to_attributes(values),
                **condition,
            )

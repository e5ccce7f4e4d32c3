"""Moments as our records write them: ISO 8601 to show and sort, Unix seconds for DynamoDB's TTL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds: sorts as text in the order of time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def expiry(moment: datetime, retention_days: int) -> int:
    return int((moment + timedelta(days=retention_days)).timestamp())


def has_passed(unix_seconds: int) -> bool:
    """TTL deletes days late (AWS: "within a few days"), so whoever reads a record asks."""
    return unix_seconds <= utc_now().timestamp()

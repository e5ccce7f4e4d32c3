"""AWS::ElastiCache::ServerlessCache: the Redis that local/pipeline.py has started, under its name.

AWS: Ref is the name, and Endpoint.Address and Endpoint.Port are where it is (CloudFormation
template reference). ministack: "Unrecognized resource types".
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

provisioners: Any = import_module("ministack.services.cloudformation.provisioners")

# Where that Redis listens, as host:port.
ADDRESS_VARIABLE = "SLUICE_LOCAL_REDIS"

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]


def install() -> None:
    provisioners._RESOURCE_HANDLERS["AWS::ElastiCache::ServerlessCache"] = {
        "create": create,
        "update": update,
        "delete": delete,
    }


def create(_logical_id: str, properties: Properties, _stack: str) -> Made:
    host, _, port = os.environ.get(ADDRESS_VARIABLE, "").partition(":")
    if not port:
        raise ValueError(f"There is no Redis here: {ADDRESS_VARIABLE} does not say host:port.")
    return properties["ServerlessCacheName"], {"Endpoint.Address": host, "Endpoint.Port": port}


def update(_identity: str, _old: Properties, new: Properties, stack: str) -> Made:
    return create("", new, stack)


def delete(_identity: str, _properties: Properties) -> None:
    """It ends with the pipeline."""

"""The ways a converter's task has to AWS, and what each costs while nothing runs.

A task needs S3, DynamoDB, ECR, CloudWatch Logs and X-Ray. S3 and DynamoDB, where the bytes go, are
free by gateway endpoints whatever is chosen; so are the layers of an image, which ECR keeps in S3.
"""

from __future__ import annotations

from infra.choices import Egress

ZONES = 2
# What a task without a way to the internet is given an interface endpoint for in each zone. Tasks
# of Fargate need none for ECS itself ("Amazon ECS interface VPC endpoints").
SERVICES = ("ecr.api", "ecr.dkr", "logs", "xray")

# List prices of us-east-1 in US dollars: "Amazon VPC pricing" (NAT gateway, public IPv4 address)
# and "AWS PrivateLink pricing" (interface endpoint, in each zone). A month has 730 hours.
_MONTH = 730
_NAT_HOUR, NAT_GB = 0.045, 0.045
ADDRESS_HOUR = 0.005
_ENDPOINT_HOUR, ENDPOINT_GB = 0.01, 0.01
# "Amazon EC2 On-Demand Pricing", data transfer between availability zones: in each direction.
BETWEEN_ZONES_GB = 0.01


def at_rest_usd(egress: Egress) -> float:
    """US dollars a month."""
    match egress:
        case Egress.PUBLIC:
            return 0.0
        case Egress.NAT:
            return _MONTH * (_NAT_HOUR + ADDRESS_HOUR)
        case Egress.ENDPOINTS:
            return _MONTH * _ENDPOINT_HOUR * ZONES * len(SERVICES)

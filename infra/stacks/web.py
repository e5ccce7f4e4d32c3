"""What browsers call, with `web=cloudfront`: it holds nothing, and the API does without it."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.constructs.distribution import ApiDistribution
from infra.options import Options
from infra.stacks.api import ApiStack


class WebStack(Stack):
    def __init__(self, scope: Construct, id: str, *, options: Options, api: ApiStack) -> None:
        super().__init__(scope, id, description="Sluice: CloudFront in front of the API")
        front = ApiDistribution(self, "Front", options=options, api=api.api)
        CfnOutput(
            self,
            "WebUrl",
            value=front.url,
            description="The API's routes, for browsers and bearers of tokens; requests that are "
            "signed (batches, the clean-up) go to ApiUrl, whose Host they cover",
        )
        if options.web_domain:
            told = f"Point {options.web_domain} here: a CNAME record, or an alias of Route 53"
            CfnOutput(self, "WebAlias", value=front.domain_name, description=told)

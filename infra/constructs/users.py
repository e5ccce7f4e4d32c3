"""Users of a deployment that checks tokens and has nobody else to make them: a Cognito user pool.

Operators add users ("AdminCreateUser"); nobody adds himself. A client of the pool gets tokens with
a name and a password, over SRP or, where only curl is at hand, as they are; what the API is called
with is the access token.
"""

from __future__ import annotations

from typing import cast

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra import nag
from infra.choices import Removal
from infra.options import Options

_PASSWORDS = cognito.PasswordPolicy(
    min_length=12,
    require_digits=True,
    require_lowercase=True,
    require_symbols=False,  # length is what protects; these make people write passwords down
    require_uppercase=True,
    temp_password_validity=Duration.days(3),
)


class Users(Construct):
    """`issuer` and `audience` are what the API's authorizer holds tokens to."""

    def __init__(self, scope: Construct, id: str, *, options: Options) -> None:
        super().__init__(scope, id)
        destroy = options.removal is Removal.DESTROY
        pool = cognito.UserPool(
            self,
            "Pool",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            password_policy=_PASSWORDS,
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            deletion_protection=not destroy,
            removal_policy=RemovalPolicy.DESTROY if destroy else RemovalPolicy.RETAIN,
        )
        nag.acknowledge(pool, "COG1", "Twelve characters at least: length protects, not symbols.")
        nag.acknowledge(
            pool,
            "COG2",
            "A second factor is each user's to switch on: a command line that converts at night "
            "has nobody beside it to type one.",
        )
        nag.acknowledge(
            pool,
            "COG8",
            "The Plus tier is paid by the user, for threats to sign-up and hosted sign-in pages; "
            "here operators make users, and there is no such page.",
        )
        client = cognito.UserPoolClient(
            self,
            "Client",
            user_pool=cast(cognito.IUserPool, pool),
            auth_flows=cognito.AuthFlow(user_password=True, user_srp=True),
            generate_secret=False,  # a command line and a page can keep none
            disable_o_auth=True,
            prevent_user_existence_errors=True,
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(30),
        )
        region = Stack.of(self).region
        self.issuer = f"https://cognito-idp.{region}.amazonaws.com/{pool.user_pool_id}"
        self.audience = [client.user_pool_client_id]
        _tell(self, "TokenIssuer", self.issuer, "Tokens for the API come from here")
        told = "What tokens are asked for with: aws cognito-idp initiate-auth --client-id …"
        _tell(self, "TokenClient", client.user_pool_client_id, told)


def _tell(scope: Construct, name: str, value: str, description: str) -> None:
    CfnOutput(Stack.of(scope), name, value=value, description=description)

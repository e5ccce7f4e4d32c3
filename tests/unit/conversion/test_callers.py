"""Who a caller is, by whichever of its names AWS tells, and what it may see."""

from __future__ import annotations

import pytest

from conversion.callers import ANYBODY, Caller

USER = "arn:aws:iam::123456789012:user/ada"
ROLE = "arn:aws:iam::123456789012:role/Ops"
IN_A_PATH = "arn:aws:iam::123456789012:role/teams/audio/Ops"
ASSUMED = "arn:aws:sts::123456789012:assumed-role/Ops"
SESSION = f"{ASSUMED}/ada@example.com"


@pytest.mark.parametrize("session", [SESSION, f"{ASSUMED}/i-0123456789", f"{ASSUMED}/a/b"])
def test_the_sessions_of_a_role_are_one_caller(session: str) -> None:
    assert Caller.identified(session, ()).identity == ASSUMED


@pytest.mark.parametrize("identity", [USER, "auth0|42", "x:y", ASSUMED])
def test_others_are_called_what_they_are_called(identity: str) -> None:
    assert Caller.identified(identity, ()) == Caller(identity, sees_all=False)


@pytest.mark.parametrize("operator", [ROLE, IN_A_PATH, ASSUMED, SESSION])
def test_a_role_is_an_operator_by_whichever_of_its_names(operator: str) -> None:
    assert Caller.identified(SESSION, {operator, "auth0|1"}).sees_all


@pytest.mark.parametrize(
    "operator",
    [USER, f"{ROLE}s", ROLE.replace("123", "999"), ROLE.replace("aws:", "aws-cn:"), "Ops", "*", ""],
)
def test_another_name_makes_no_operator(operator: str) -> None:
    assert not Caller.identified(SESSION, {operator}).sees_all


def test_one_sees_what_is_ones_own() -> None:
    ada = Caller.identified("ada", {"boss"})
    assert ada.may_see("ada")
    for owner in ("bob", "Ada", "", None):
        assert not ada.may_see(owner)


def test_an_operator_and_who_is_not_asked_see_all() -> None:
    for caller in (Caller.identified("boss", {"boss"}), ANYBODY):
        assert all(caller.may_see(owner) for owner in ("ada", None))


def test_who_has_no_name_sees_nothing_not_even_what_is_nobodys() -> None:
    assert not Caller(None, sees_all=False).may_see(None)

"""角色 What each role may do, and which of them need a second factor."""

from organisation import Act, Role, demand_factor, factor_roles
from organisation.permissions import ROLE_ACTS
from web.access import SIGNED_IN
from web.api.call import Asked
from web.api.noun import Noun
from web.api.texts import Body, Told

noun = Noun("roles")


class RoleTold(Told):
    """A role; `second_factor`: who holds it must have one."""

    role: Role
    acts: list[Act]
    second_factor: bool


class RoleList(Told):
    """All roles there are."""

    items: list[RoleTold]


class Demand(Body):
    """Whether a role needs a second factor."""

    second_factor: bool


@noun.read("", SIGNED_IN)
def list_all(asked: Asked) -> RoleList:
    """角色列表 Roles and their acts; they are nobody's secret."""
    asked.everybody()
    demanding = factor_roles(asked.session)
    return RoleList(items=[_told(role, second_factor=role in demanding) for role in Role])


@noun.write("POST", "/{role}/second-factor", Act.ROLE_GRANT_OWNER)
def demand(asked: Asked, role: Role, body: Demand) -> RoleTold:
    """要求两步验证 Have everybody who holds the role need a second factor, or no more."""
    asked.house()
    demand_factor(
        asked.session, asked.keys, role, demanded=body.second_factor, at=asked.now, actor=asked.actor
    )
    return _told(role, second_factor=body.second_factor)


def _told(role: Role, *, second_factor: bool) -> RoleTold:
    acts = [act for act in Act if act in ROLE_ACTS[role]]
    return RoleTold(role=role, acts=acts, second_factor=second_factor)

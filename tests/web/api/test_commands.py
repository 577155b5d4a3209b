"""Any program does by HTTP what the command line does: every command has a route, or a reason why not."""

from api_house import ApiHouse
from fastapi.routing import APIRoute

from meizhen.rules import RULES
from web.access import SIGNED_IN, rule_of
from web.api.commands import LOCAL, ROUTES


def test_every_command_is_a_route_or_has_a_reason() -> None:
    assert sorted([*ROUTES, *LOCAL]) == sorted(" ".join(path) for path in RULES)
    assert all(why.zh and why.en for why in LOCAL.values())


def test_the_route_of_a_command_is_there_and_asks_for_the_same_act(house: ApiHouse) -> None:
    found = [one for one in house.app.routes if isinstance(one, APIRoute) and one.include_in_schema]
    acts = {f"{method} {one.path}": rule_of(one.endpoint) for one in found for method in one.methods}
    wanted = {route: RULES[tuple(command.split())].act or SIGNED_IN for command, route in ROUTES.items()}
    assert {route: acts.get(route) for route in wanted} == wanted

"""Every route has a rule, and the rule is a door that stays shut for who may not come in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from console import Consoles, consoles
from fastapi.routing import iter_route_contexts
from people import make_person, make_tree

from config import Database, ManualClock
from config.database import connect
from config.secrets import KeyRing
from organisation import Act, Role
from web.access import SIGNED_IN, rule_of

# What anybody may ask for, signed in or not.
OPEN = {
    "/healthz", "/readyz", "/metrics", "/callback/{platform}/{handle}",
    "/login", "/logout", "/setup", "/join", "/language",
    "/login/oidc", "/login/oidc/back", "/login/oidc/code",
}  # fmt: skip


@pytest.fixture
def there(_sqlite_template: Path, tmp_path: Path, keys: KeyRing, clock: ManualClock) -> Iterator[Consoles]:
    import shutil

    shutil.copy(_sqlite_template, tmp_path / "a.sqlite")
    database = connect(f"sqlite:///{tmp_path / 'a.sqlite'}")
    with consoles(database, keys, clock, tmp_path) as made:
        _people(database, keys, clock)
        yield made
    database.close()


def _people(database: Database, keys: KeyRing, clock: ManualClock) -> None:
    tree = make_tree(database)
    make_person(database, keys, "owner", at=clock.now(), roles={Role.OWNER: None})
    make_person(database, keys, "viewer", at=clock.now(), roles={Role.VIEWER: tree["HH"]})
    make_person(database, keys, "judge", at=clock.now(), roles={Role.JUDGE: tree["HH"]})


@dataclass(frozen=True)
class Served:
    """A route: its address, methods, and endpoint."""

    path: str
    methods: frozenset[str]
    endpoint: object


def routes(there: Consoles) -> list[Served]:
    found = []
    for context in iter_route_contexts(there.inner.routes):
        if getattr(context, "endpoint", None) is None:
            # Files of ours that anybody may have, and the API, whose routes have a matrix of their own.
            assert getattr(context, "path", "") in ("/static", "/api/v1")
            continue
        found.append(Served(context.path, frozenset(context.methods or ()), context.endpoint))
    return found


def test_every_route_has_a_rule(there: Consoles) -> None:
    rules = {route.path: rule_of(route.endpoint) for route in routes(there)}
    assert {path for path, rule in rules.items() if rule is None} == OPEN
    assert all(rule is None or rule is SIGNED_IN or isinstance(rule, Act) for rule in rules.values())


def test_without_a_session_every_page_leads_to_sign_in(there: Consoles) -> None:
    browser = there.browser()
    for route in routes(there):
        if rule_of(route.endpoint) is None or "GET" not in route.methods:
            continue
        answer = browser.get(route.path.replace("{", "").replace("}", ""))
        assert answer.path == "/login", route.path


def test_a_page_whose_act_a_person_has_nowhere_says_which_role_is_missing(there: Consoles) -> None:
    viewer = there.signed_in("viewer")
    for route in routes(there):
        if rule_of(route.endpoint) is not Act.QUEUE_STEER:
            continue
        for method in route.methods:
            answer = viewer.get(route.path) if method in ("GET", "HEAD") else viewer.post(route.path)
            assert answer.status == 403, route.path
            assert "publisher" in answer.words

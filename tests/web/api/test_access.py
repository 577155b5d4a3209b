"""The matrix: every route × role × {own, child, sibling, parent, other root}, by a key of all acts and by one
that only reads. Generated from the route table: a route that is not told here fails.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from api_caller import Answered, Caller, form
from api_scene import PLACES, WITHIN, Scene
from fastapi.routing import APIRoute
from undone import Undone

from organisation import Act, Role
from web.access import SIGNED_IN, rule_of

# As agreed, written out once more: `tests/meizhen/test_rules.py` holds the table of roles to it.
SEE = (
    "unit.read account.read post.read campaign.read media.read review.read queue.read figures.read "
    "report.read award.read"
)
AGREED = {
    Role.VIEWER: SEE,
    Role.EDITOR: f"{SEE} post.write media.write",
    Role.FIRST_REVIEWER: f"{SEE} review.first",
    Role.SECOND_REVIEWER: f"{SEE} review.second",
    Role.FINAL_REVIEWER: f"{SEE} review.final",
    Role.PUBLISHER: f"{SEE} post.send campaign.write queue.steer account.check",
    Role.ANALYST: f"{SEE} figures.write report.schedule award.run",
    Role.JUDGE: "award.read award.judge",
    Role.ADMINISTRATOR: f"{SEE} unit.write account.check account.write person.read person.write role.grant "
    "campaign.write queue.steer report.schedule webhook.read webhook.write ledger.read",
    Role.OWNER: " ".join(Act),
}


@dataclass(frozen=True)
class Way:
    """How a route is asked about a place. `kind`: at (a thing of the place), house, list, own, sifted (a list
    that the scene has nothing for), job (of another's there: seen by who has the act that it needs, and by
    nobody else).

    `needs` is a second act that is asked further in. Texts in path, query and body name facts of the place;
    `sends` is a file.
    """

    kind: str
    path: str = ""
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    needs: str = ""
    sends: bytes = b""


DUE = "2026-03-02T18:00:00+08:00"
# A whole grey PNG of one pixel.
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
POST = {"title": "一", "text": "二", "accounts": ["{account}"], "due": DUE}
PLAN = {
    "unit": "{code}",
    "title": "新活动",
    "starts": "2026-03-02",
    "ends": "2026-03-09",
    "units": ["{code}"],
}
WAYS = {
    "GET /me": Way("own"),
    "GET /units": Way("list"),
    "GET /units/{code}": Way("at"),
    "PATCH /units/{code}": Way("at", body={"lateness_hours": 3}),
    "POST /units": Way("at", body={"code": "neu", "parent": "{code}", "kind": "league", "name_zh": "新"}),
    "POST /units/import": Way("house", sends=b"x"),
    "GET /units/{code}/words": Way("at"),
    "POST /units/{code}/words": Way("at", body={"words": ["慎用"]}),
    "GET /connectors": Way("own"),
    "PUT /me/substitute": Way("own", body={"login": "author", "until": "2026-03-09"}, needs="review.first"),
    "DELETE /me/substitute": Way("own", needs="review.first"),
    "GET /accounts": Way("list"),
    "GET /accounts/{account}": Way("at"),
    "POST /accounts": Way("at", body={"platform": "webhook", "handle": "neu", "unit": "{code}"}),
    "POST /accounts/import": Way("house", sends=b"x"),
    "PATCH /accounts/{account}": Way("at", body={"name": "新名"}),
    "POST /accounts/{account}/check": Way("at"),
    "POST /accounts/{account}/pause": Way("at", body={}),
    "POST /accounts/{account}/resume": Way("at", body={}),
    "POST /accounts/{account}/retire": Way("at", body={}),
    "GET /people": Way("list"),
    "GET /people/{login}": Way("at"),
    "POST /people": Way("at", body={"login": "neu", "name": "新人", "unit": "{code}"}),
    "POST /people/{login}/disable": Way("at", body={}),
    "POST /people/{login}/enable": Way("at"),
    "POST /people/{login}/invitation": Way("at"),
    "POST /people/{login}/password-reset": Way("at"),
    "DELETE /people/{login}/second-factor": Way("at"),
    "POST /people/{login}/hand-over": Way("at", body={"to": "{login}"}),
    "POST /people/{login}/accounts": Way("at", body={"accounts": ["{account}"]}, needs="account.write"),
    "GET /roles": Way("own"),
    "POST /roles/{role}/second-factor": Way(
        "house", "/roles/viewer/second-factor", body={"second_factor": True}
    ),
    "GET /keys": Way("list"),
    "POST /keys": Way("at", body={"login": "{login}", "name": "x", "scopes": ["post.read"]}),
    "DELETE /keys/{prefix}": Way("at"),
    "POST /people/{login}/roles": Way("at", body={"role": "viewer", "unit": "{code}"}),
    "DELETE /people/{login}/roles/{role}": Way("at", "/people/{login}/roles/viewer", {"unit": "{code}"}),
    "GET /posts": Way("list"),
    "GET /posts/{post}": Way("at"),
    "POST /posts": Way("at", body=POST),
    "PATCH /posts/{post}": Way("at", body={"title": "三"}),
    "PUT /posts/{post}/important": Way("at", body={"important": True}),
    "PATCH /posts/{post}/copies/{account}": Way("at", body={"title": "三"}),
    "GET /posts/{post}/copies/{account}/preview": Way("at"),
    "POST /posts/{post}/send": Way("at"),
    "GET /tasks": Way("list"),
    "GET /tasks/{task}": Way("at"),
    "GET /tasks/{task}/files/{place}": Way("at", "/tasks/{task}/files/1"),
    "POST /tasks/{task}/open": Way("at"),
    "POST /tasks/{task}/done": Way("at", body={"url": "nirgends"}),
    "POST /tasks/{task}/refuse": Way("at", body={"reason": "没发"}),
    "PUT /tasks/robots/{code}": Way("at", body={"robot": None}),
    "GET /campaigns": Way("list"),
    "GET /campaigns/{campaign}": Way("at"),
    "GET /campaigns/{campaign}/matrix": Way("at"),
    "GET /campaigns/{campaign}/register": Way("at"),
    "GET /campaigns/{campaign}/figures": Way("at"),
    "GET /campaigns/{campaign}/events": Way("at"),
    "POST /campaigns": Way("at", body=PLAN),
    "PATCH /campaigns/{campaign}": Way("at", body={"title": "新名"}),
    "POST /campaigns/{campaign}/close": Way("at"),
    "POST /campaigns/{campaign}/reopen": Way("at"),
    "POST /campaigns/{campaign}/report": Way("at", body={}),
    "POST /campaigns/{campaign}/items": Way("at", body={"title": "新任务", "due": "2026-03-02"}),
    "PATCH /campaigns/{campaign}/items/{item}": Way(
        "at", "/campaigns/{campaign}/items/1", body={"wanted": 2}
    ),
    "DELETE /campaigns/{campaign}/items/{item}": Way("at", "/campaigns/{campaign}/items/1"),
    "PUT /campaigns/{campaign}/posts/{post}": Way("at", body={"item": 1}, needs="campaign.read"),
    "DELETE /campaigns/{campaign}/posts/{post}": Way("at", needs="campaign.read"),
    "POST /campaigns/{campaign}/register": Way(
        "at", body={"unit": "{code}", "item": 1, "note": "做了"}, needs="campaign.read"
    ),
    "DELETE /campaigns/{campaign}/register/{work}": Way("at", needs="campaign.read"),
    "GET /media": Way("list"),
    "GET /media/{sha256}": Way("at"),
    "GET /media/{sha256}/content": Way("at"),
    "POST /media": Way("at", body={"unit": "{code}", "file_name": "x.png", "content": PICTURE}),
    "POST /media/films": Way("at", query={"unit": "{code}", "file_name": "x.mp4"}, sends=b"x"),
    "POST /media/{sha256}/cut": Way("at", body={"unit": "{code}", "shape": "1x1", "width": 100}),
    "PATCH /media/{sha256}": Way("at", body={"alt": "新的话"}),
    "GET /webhooks": Way("list"),
    "POST /webhooks": Way("at", body={"name": "neu", "unit": "{code}", "url": "https://8.8.8.8/x"}),
    "GET /webhooks/{name}/messages": Way("at", "/webhooks/{webhook}/messages"),
    "POST /webhooks/{name}/test": Way("at", "/webhooks/{webhook}/test"),
    "POST /webhooks/messages/{message}/resend": Way("at"),
    "DELETE /webhooks/{name}": Way("at", "/webhooks/{webhook}"),
    "GET /reviews": Way("own"),
    "GET /reviews/{post}": Way("at", "/reviews/{reviewed}"),
    "GET /reviews/{post}/changes": Way("at", "/reviews/{reviewed}/changes"),
    "GET /reviews/{post}/form": Way("at", "/reviews/{reviewed}/form"),
    "POST /reviews/{post}/submit": Way("at", body={}),
    "POST /reviews/{post}/approve": Way("at", "/reviews/{reviewed}/approve", needs="review.first"),
    "POST /reviews/{post}/return": Way(
        "at", "/reviews/{reviewed}/return", body={"reason": "请改"}, needs="review.first"
    ),
    "POST /reviews/{post}/comments": Way(
        "at", "/reviews/{reviewed}/comments", body={"start": 0, "end": 1, "told": "改"}
    ),
    "GET /deliveries": Way("list"),
    "GET /deliveries/{delivery}": Way("at"),
    "POST /deliveries": Way("at", body=POST),
    "POST /deliveries/{delivery}/cancel": Way("at"),
    "POST /deliveries/{delivery}/pause": Way("at"),
    "POST /deliveries/{delivery}/resume": Way("at"),
    "POST /deliveries/{delivery}/reschedule": Way("at", body={"due": DUE}),
    "POST /deliveries/{delivery}/retry": Way("at"),
    "POST /deliveries/{delivery}/resolve": Way("at", body={"published_url": None}),
    "GET /queue": Way("house"),
    "GET /queue/next": Way("at", query={"unit": "{code}"}),
    "GET /queue/notices": Way("house"),
    "POST /queue/pause": Way("at", body={"unit": "{code}"}),
    "POST /queue/resume": Way("at", body={"account": "{account}"}),
    "GET /articles": Way("list"),
    "GET /articles/{article}": Way("at"),
    "GET /figures/account-days": Way("at", query={"account": "{account}"}),
    "GET /figures/gaps": Way("at", query={"unit": "{code}"}),
    "GET /figures/top": Way("at", query={"unit": "{code}", "metric": "reads"}),
    "GET /figures/missing": Way("at", query={"unit": "{code}", "week": "2026-W99"}),
    "GET /figures/conflicts": Way("sifted"),
    "GET /figures/plan": Way("at", query={"account": "{account}"}),
    "GET /figures/template": Way("at", query={"unit": "{code}"}),
    "GET /figures/archive": Way("house"),
    "GET /imports": Way("house"),
    "GET /imports/{number}": Way("house", "/imports/1"),
    "POST /imports": Way("at", query={"account": "{account}"}, sends=b"x"),
    "POST /imports/{number}/undo": Way("house", "/imports/1/undo"),
    "GET /reports/schedules": Way("at", query={"unit": "{code}"}),
    "POST /reports/schedules": Way("at", body={"unit": "{code}", "folder": "y"}),
    "DELETE /reports/schedules/{number}": Way("at", "/reports/schedules/{schedule}"),
    "POST /reports/weekly": Way("at", body={"week": "2026-W09", "unit": "{code}"}),
    "GET /reports/deliveries": Way("at", query={"unit": "{code}"}),
    "POST /reports/deliveries": Way("at", body={"unit": "{code}"}),
    "POST /reports/deliveries/{number}/resolve": Way(
        "at", "/reports/deliveries/{report}/resolve", body={"outcome": "again"}
    ),
    "GET /reports/weekly": Way("at", query={"unit": "{code}", "week": "2026-W99"}),
    "GET /robots": Way("house"),
    "POST /robots": Way("house", body={"name": "neu", "kind": "wecom", "key": "x"}),
    "POST /robots/{name}/test": Way("house", "/robots/neu/test"),
    "DELETE /robots/{name}": Way("house", "/robots/neu"),
    "GET /indices": Way("own"),
    "GET /indices/{name}": Way("own", "/indices/wci_v14_2b_share"),
    "POST /indices/{name}/compute": Way("own", "/indices/er_by_reach/compute", body={"variables": {}}),
    "GET /awards": Way("house"),
    "GET /awards/{run}/ranking": Way("house", "/awards/2026/ranking"),
    "GET /awards/{run}/accounts/{account}": Way("house", "/awards/2026/accounts/x"),
    "GET /awards/{run}/differences/{other}": Way("house", "/awards/2026/differences/2025"),
    "POST /awards/{run}/notice": Way("house", "/awards/2026/notice", body={}),
    "GET /awards/{run}/objections": Way("house", "/awards/2026/objections"),
    "POST /awards/{run}/objections": Way("house", "/awards/2026/objections", body={"text": "异议"}),
    "POST /awards/{run}/objections/{number}/answer": Way(
        "house", "/awards/2026/objections/1/answer", body={"text": "答", "by": "李"}
    ),
    "GET /awards/{run}/sheets": Way("house", "/awards/2026/sheets"),
    "POST /awards/{run}/sheets": Way("house", "/awards/2026/sheets", sends=b"x"),
    "POST /awards/{run}/sheets/open": Way("house", "/awards/2026/sheets/open"),
    "GET /ledger/export": Way("house"),
    "POST /ledger/heads": Way("house"),
    "GET /awards/{run}/files": Way("house", "/awards/2026/files"),
    "GET /awards/{run}/files/{file:path}": Way("house", "/awards/2026/files/ranking.csv"),
    "POST /awards/checks": Way("house", body={"rule": "x = 1"}),
    "POST /awards/{run}/run": Way("house", "/awards/2026/run", body={}),
    "GET /jobs": Way("own"),
    "GET /jobs/{job}": Way("job", needs="report.read"),
    "POST /jobs/{job}/cancel": Way("job", needs="report.read"),
    "GET /jobs/{job}/files/{file}": Way("job", "/jobs/{finished}/files/week.csv", needs="report.read"),
    "GET /ledger": Way("house"),
    "GET /ledger/verification": Way("house"),
}


pytestmark = pytest.mark.usefixtures("_inline", "_unprinted")


@pytest.fixture
def _unprinted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may have the form is asked here, not how it is typeset."""
    monkeypatch.setattr("scheduler.review_form.review_form", lambda *_given, **_named: b"%PDF")


def routes(scene: Scene) -> dict[str, APIRoute]:
    found = [one for one in scene.house.app.routes if isinstance(one, APIRoute) and one.include_in_schema]
    return {f"{method} {one.path}": one for one in found for method in one.methods}


def test_every_route_is_in_the_matrix_and_has_a_rule(scene: Scene) -> None:
    assert sorted(routes(scene)) == sorted(WAYS)
    for route in scene.house.app.routes:
        rule_of(route.endpoint)  # type: ignore[attr-defined]


def filled(told: Any, facts: dict[str, object]) -> Any:
    if isinstance(told, str):
        return told.format(**facts)
    if isinstance(told, dict):
        return {name: filled(value, facts) for name, value in told.items()}
    return [filled(one, facts) for one in told] if isinstance(told, list) else told


def ask(caller: Caller, name: str, facts: dict[str, object]) -> Answered:
    way, (method, path) = WAYS[name], name.split()
    headers = {"If-Match": "*"} if method == "PATCH" else {}
    kind, raw = form("x.csv", way.sends) if way.sends else ("application/json", None)
    return caller.call(
        method,
        filled(way.path or path, facts),
        query=filled(way.query, facts),
        body=filled(way.body, facts),
        raw=raw,
        headers={"Content-Type": kind, **headers},
    )


def expected(way: Way, act: Act | object, role: Role, place: str, *, only_reads: bool) -> set[str]:
    """`let` in, `refused` where it is seen, `unseen`."""
    if way.kind == "job":
        return {"let" if place in WITHIN and way.needs in AGREED[role].split() else "unseen"}
    if way.kind == "own" or act is SIGNED_IN:
        return {"refused"} if only_reads and way.needs else {"let"}
    assert isinstance(act, Act)
    if way.kind == "sifted":
        return {"let"} if act.value in AGREED[role].split() else {"refused"}
    if way.kind == "house" or place not in WITHIN:
        return {"unseen"} if way.kind != "list" else {"let", "refused"}
    wanted = {act.value, *filter(None, [way.needs])}
    if not wanted <= set(AGREED[role].split()) or (only_reads and not all(Act(one).reads for one in wanted)):
        return {"refused"}
    return {"let"}


def places_of(way: Way, *, only_reads: bool) -> Sequence[str]:
    """The places to ask about: a route that names none is asked once."""
    if way.kind in ("house", "own", "sifted"):
        return ("own",)
    return ("own", "sibling") if only_reads else tuple(PLACES)


def came_to(answer: Answered) -> str:
    return {403: "refused", 404: "unseen"}.get(answer.status, "let")


def test_the_matrix_has_no_leak(scene: Scene) -> None:
    house, table = scene.house, routes(scene)
    undone = Undone(house.database)
    object.__setattr__(house.desk, "database", undone)
    wrong, checks = [], 0
    try:
        for name, way in WAYS.items():
            act = rule_of(table[name].endpoint)
            if way.kind == "list":
                continue
            for role in Role:
                for tokens, only_reads in ((scene.tokens, False), (scene.reading, True)):
                    if only_reads and name.startswith("GET"):
                        continue
                    caller = house.caller(tokens[role])
                    for place in places_of(way, only_reads=only_reads):
                        answer = ask(caller, name, scene.facts[place])
                        undone.back()
                        checks += 1
                        assert answer.status < 500, (name, answer.body)
                        want = expected(way, act, role, place, only_reads=only_reads)
                        if came_to(answer) not in want:
                            wrong.append((name, role.value, place, only_reads, answer.status))
    finally:
        undone.end()
        object.__setattr__(house.desk, "database", house.database)
    assert wrong == []
    assert checks >= 3_000


def test_lists_show_what_is_within_and_nothing_else(scene: Scene) -> None:
    named = {"GET /units": "code", "GET /people": "login", "GET /media": "sha256", "GET /webhooks": "name"}
    named |= {"GET /keys": "prefix", "GET /campaigns": "unit"}
    # What names a row; others name the account.
    wrong = []
    for name in (name for name, way in WAYS.items() if way.kind == "list"):
        act = rule_of(routes(scene)[name].endpoint)
        for role in Role:
            answer = ask(scene.house.caller(scene.tokens[role]), name, {})
            right = isinstance(act, Act) and act.value in AGREED[role].split()
            assert answer.status == (200 if right else 403), (name, role)
            for place, facts in scene.facts.items():
                what = named.get(name, "account")
                mark = f'"{what}":"{facts[what]}"'.encode()
                if (mark in answer.raw) is not (right and place in WITHIN):
                    wrong.append((name, role.value, place))
    assert wrong == []

"""The Big List of Naughty Strings in text fields of the API: given back as they came, or refused."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from api_caller import Answered, Caller
from api_scene import Scene
from schema_cases import taken_back

STRINGS: list[str] = json.loads((Path(__file__).parents[1] / "data" / "blns.json").read_text("utf-8"))
_DUE = "2026-03-02T18:00:00+08:00"
_POST = {"accounts": ["webhook:HH"], "due": _DUE}


class Form:
    """A request, its text fields, and where the answer gives each back (None: it does not)."""

    def __init__(
        self, method: str, path: str, body: dict[str, object], fields: dict[str, Sequence[Any] | None]
    ) -> None:
        self.method, self.path, self.body, self.fields = method, path, body, fields

    @property
    def names_a_thing(self) -> bool:
        """Does a field name something, which there is not by such a name?"""
        return None in self.fields.values()

    def send(self, caller: Caller, facts: dict[str, object], names: Iterable[str], told: str) -> Answered:
        body = dict(self.body)
        for name in names:
            body[name] = {"options": {"x": told}, "accounts": [told], "review": [told]}.get(name, told)
        headers = {"If-Match": "*"} if self.method == "PATCH" else {}
        return caller.call(self.method, self.path.format(**facts), body=body, headers=headers)


WRITTEN = (
    Form(
        "POST",
        "/posts",
        _POST,
        {"title": ("title",), "text": ("text",), "options": ("options", "x")},
    ),
    Form(
        "PATCH",
        "/posts/{post}/copies/{account}",
        {},
        {"title": ("copies", 0, "title"), "text": ("copies", 0, "text")},
    ),
    Form("POST", "/reviews/{reviewed}/comments", {"start": 0, "end": 1}, {"told": ("told",)}),
)
NAMED = (
    Form("PATCH", "/posts/{post}", {}, {"title": ("title",), "text": ("text",)}),
    Form("POST", "/posts", {"text": "x", "due": _DUE}, {"accounts": None}),
    Form("POST", "/people", {"login": "neu"}, {"name": ("name",)}),
    Form("POST", "/people", {"name": "新人"}, {"login": ("login",)}),
    Form("POST", "/people", {"login": "neu", "name": "新人"}, {"email": ("email",)}),
    Form("POST", "/people", {"login": "neu", "name": "新人"}, {"unit": None}),
    Form("POST", "/people/{login}/roles", {"role": "viewer"}, {"unit": None}),
    Form("POST", "/people/{login}/disable", {}, {"reason": None}),
    Form("PATCH", "/units/{code}", {}, {"review": None}),
    Form(
        "POST",
        "/units",
        {"code": "neu", "parent": "HH", "kind": "league", "name_zh": "新"},
        {"name_zh": ("name_zh",), "name_en": ("name_en",)},
    ),
    Form("POST", "/keys", {"login": "of-hh", "scopes": ["post.read"]}, {"name": ("name",)}),
    Form("POST", "/tasks/{task}/refuse", {}, {"reason": None}),
    Form("POST", "/queue/pause", {"unit": "HH"}, {"reason": None}),
    Form("POST", "/reviews/{post}/submit", {}, {"urgent": None}),
    Form("POST", "/reviews/{reviewed}/return", {}, {"reason": ("reason",)}),
    Form("POST", "/deliveries", {"text": "x", "due": _DUE}, {"accounts": None}),
    Form("POST", "/deliveries/{delivery}/resolve", {}, {"published_url": None}),
    Form("POST", "/queue/pause", {}, {"unit": None}),
    Form("POST", "/queue/resume", {}, {"account": None}),
    Form("POST", "/reports/schedules", {"unit": "HH"}, {"folder": ("folder",)}),
    Form("POST", "/reports/schedules", {"unit": "HH", "folder": "x"}, {"cron": ("cron",)}),
    Form("POST", "/reports/schedules", {"unit": "HH", "folder": "x"}, {"mail": None}),
    Form("POST", "/accounts/{account}/pause", {}, {"reason": None}),
)


def ask_all(scene: Scene, forms: Sequence[Form], strings: Sequence[str]) -> tuple[list[object], int]:
    """Every string in every field of these forms; what went wrong, and how many were taken."""
    owner, facts = scene.house.caller(scene.house.key(scene.owner)), scene.facts["own"]
    wrong: list[object] = []
    taken = 0
    with taken_back(scene) as undone:
        for form in forms:
            for told in strings:
                # All fields at once: only what is refused as a whole is asked field by field.
                for names in (tuple(form.fields), *((name,) for name in form.fields)):
                    answer = form.send(owner, facts, names, told)
                    undone.back()
                    if answer.status in (200, 201):
                        taken += len(names)
                        wrong += [
                            (form.path, name, told)
                            for name in names
                            if not _given_back(answer.body, form.fields[name], told)
                        ]
                        if len(names) == len(form.fields):
                            break
                    elif answer.status != 422 and (
                        answer.status not in (404, 409) or None not in form.fields.values()
                    ):
                        wrong.append((form.path, names, told, answer.status))
    return wrong, taken


def _given_back(body: Any, place: Sequence[Any] | None, told: str) -> bool:
    for step in place or ():
        body = body[step]
    return place is None or body == told

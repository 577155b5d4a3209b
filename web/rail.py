"""The left rail: the rooms of the console. One is shown once its page exists and the person may see it."""

from dataclasses import dataclass
from functools import cache

from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts

from organisation import Act
from web.viewer import Viewer


@dataclass(frozen=True)
class Room:
    """An entry: its address, its text `console.room_{name}`, its icon, and who sees it (None: all)."""

    name: str
    address: str
    icon: str
    act: Act | None = None


ROOMS = (
    Room("today", "/", icon="home"),
    Room("calendar", "/calendar", icon="calendar", act=Act.POST_READ),
    Room("posts", "/posts", icon="file-text", act=Act.POST_READ),
    Room("review", "/review", icon="checks", act=Act.REVIEW_READ),
    Room("accounts", "/accounts", icon="id-badge-2", act=Act.ACCOUNT_READ),
    Room("campaigns", "/campaigns", icon="flag", act=Act.CAMPAIGN_READ),
    Room("figures", "/figures", icon="chart-bar", act=Act.FIGURES_READ),
    Room("awards", "/awards", icon="trophy", act=Act.AWARD_READ),
    Room("organisation", "/organisation", icon="sitemap", act=Act.UNIT_READ),
    Room("ledger", "/ledger", icon="notebook", act=Act.LEDGER_READ),
    Room("settings", "/settings", icon="settings"),
)


def rooms_for(request: Request, viewer: Viewer) -> list[Room]:
    """The rooms that there are and that the person may enter."""
    there = _addresses(request.app)
    return [
        room
        for room in ROOMS
        if room.address in there and (room.act is None or viewer.may_somewhere(room.act))
    ]


@cache
def _addresses(app: FastAPI) -> frozenset[str]:
    return frozenset(context.path for context in iter_route_contexts(app.routes) if context.path)


def is_here(room: Room, path: str) -> bool:
    """Is the page of this path in the room?"""
    return path == room.address or (room.address != "/" and path.startswith(f"{room.address}/"))

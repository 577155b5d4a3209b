"""The demo's campaign as a campaign of ours: its activities wanted of every league, its posts counted.

Its days are past and nobody has closed it yet: the one click that makes the closing report is left to whoever
looks.
"""

import re
from datetime import date, datetime, timedelta
from typing import TypedDict

from sqlmodel import Session, col, select

from meizhen.demo.campaign import campaign, first_day
from meizhen.house import House
from organisation import Account, Unit, find_unit, in_subtree
from scheduler.campaign_counting import Cell, Work, add_work, attach_post
from scheduler.campaign_items import Wanted, add_item
from scheduler.campaigns import Plan, add_campaign
from scheduler.posts import Post

_ACTOR = "person:zhuren"
_UNIT, _CLASSES = "NM", 3  # the third activity is class meetings: no posts
_LEAGUES = 6
_STORY = re.compile(r"网络文明教育系列活动第(\d+)期")
_MEETINGS = ("主题班会 12 场,412 人参加", "主题班会 8 场,线上线下同步", "召开主题班会,倡议书签名 260 份")


class _By(TypedDict):
    now: datetime
    actor: str


def open_campaign(house: House) -> None:
    """Makes the campaign with what was published for it, and a few class meetings."""
    facts, begins = campaign(), first_day()
    until: date = facts["until"]
    activities = facts["activity"]
    with house.database.write() as session:
        unit = find_unit(session, _UNIT)
        leagues = _leagues(session, unit)
        plan = Plan(facts["title"], begins, until.replace(year=begins.year), _goal(activities))
        by: _By = {"now": house.clock.now(), "actor": _ACTOR}
        made = add_campaign(session, house.keys, unit, plan, leagues, **by)
        for number, activity in enumerate(activities, start=1):
            due = begins + timedelta(days=6 + number)
            kind = "线下活动" if number == _CLASSES else "推送"
            wanted = Wanted(activity["title"][:60], due, 1 if number == _CLASSES else 3, kind)
            add_item(session, house.keys, made.known_id, wanted, **by)
        for post, item in _stories(session, leagues, len(activities)):
            attach_post(session, house.keys, post, Cell(made.known_id, item), **by)
        for place, (league, said) in enumerate(zip(leagues, _MEETINGS, strict=False)):
            work = Work(said, begins + timedelta(days=4 + 5 * place))
            add_work(session, house.keys, Cell(made.known_id, _CLASSES), league, work, **by)


def _goal(activities: list[dict[str, object]]) -> str:
    leads = {str(one) for activity in activities for one in _listed(activity["lead"])}
    return f"{len(activities)} 项活动,牵头:{'、'.join(sorted(leads))}。"


def _listed(told: object) -> list[object]:
    return told if isinstance(told, list) else []


def _leagues(session: Session, unit: Unit) -> list[Unit]:
    """The first units below with accounts of their own."""
    wanted = select(Unit).join(Account, col(Account.unit_id) == col(Unit.id)).where(in_subtree(unit))
    found = session.exec(wanted.where(Unit.id != unit.id).distinct().order_by(col(Unit.id))).all()
    return list(found[:_LEAGUES])


def _stories(session: Session, leagues: list[Unit], activities: int) -> list[tuple[int, int]]:
    """The posts of the campaign that went to these units, each with the number of its activity."""
    from scheduler.posts_read import paths_of_posts

    wanted = select(Post.id, Post.text).where(col(Post.text).contains("网络文明教育系列活动"))
    found = [(id_ or 0, _STORY.search(said)) for id_, said in session.exec(wanted.order_by(col(Post.id)))]
    paths = paths_of_posts(session, [id_ for id_, _ in found])
    ours = {one.path for one in leagues}
    return [
        (id_, (int(told[1]) - 1) % activities + 1)
        for id_, told in found
        if told is not None and any(path in ours for path in paths[id_])
    ]

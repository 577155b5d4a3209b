"""The demo as people meet it in the console: who works here, what they have written, what goes out next.

All of it by the product's own functions. Nobody has a password from the start: one is made up for this run
alone, and told to whoever started it.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session, col, select

from meizhen.demo.accounts import SAFE_DOMAIN
from meizhen.demo.campaign_tasks import open_campaign
from meizhen.house import House
from organisation import Account, Person, Role, Standing, find_unit, grant_role, standing_of
from organisation.joining import accept_code, invite_person
from organisation.people import add_person
from organisation.stages import FULL, set_stages
from scheduler import review
from scheduler.posts import Draft, queue_post
from scheduler.review_drafts import send_draft, write_draft

ACTOR = "demo"
_DESK = "NM-HH"
"""The unit whose posts three people read; the others of the demo send theirs at once."""
_OTHER = "NM-BT"
_LINK = f" https://{SAFE_DOMAIN}/ "  # Weibo takes no post without one of the account's own domain

# Login, name, role, and the unit of it; None is the whole house.
_PEOPLE: tuple[tuple[str, str, Role, str | None], ...] = (
    ("zhuren", "其木格(主任)", Role.OWNER, None),
    ("bianji", "乌兰(编辑)", Role.EDITOR, _DESK),
    ("yishen", "李敏(一审)", Role.FIRST_REVIEWER, _DESK),
    ("ershen", "白玉(二审)", Role.SECOND_REVIEWER, _DESK),
    ("zhongshen", "王强(终审)", Role.FINAL_REVIEWER, _DESK),
    ("fabu", "苏日娜(发布)", Role.PUBLISHER, _DESK),
    ("shuju", "张帆(数据)", Role.ANALYST, "NM"),
    ("pingwei", "刘老师(评委)", Role.JUDGE, "NM"),
)
# Title, text, hours until it is due, and how many have signed it; None: not handed in yet.
_DRAFTS: tuple[tuple[str, str, int, int | None], ...] = (
    ("返乡大学生实习岗位汇总", "寒假到了,全市 312 个实习岗位面向返乡大学生开放,名单见附。", 26, None),
    ("冰雪那达慕志愿者招募", "冰雪那达慕志愿者开始招募,18 至 35 岁、会汉语或蒙古语的青年都可以报名。", 30, 0),
    ("青年之声:三个问题的答复", "关于落户、住房补贴和驾照转入,市里有关部门的答复整理在这里。", 22, 2),
    ("青年大学习第一课", "新学期第一课今晚开讲,全体团员请在线上准时参加。", 9, 3),
)
_QUEUED: tuple[tuple[str, str, int], ...] = (
    ("包头青年早安", "今天零下十八度,出门请加衣。", 1),
    ("寒假托管班开放报名", "二十个社区的寒假托管班今天开放报名,名额先到先得。", 6),
    ("团干部培训班通知", "下周一至周三举办团干部培训班,请各旗县区团委按时报到。", 27),
)


@dataclass(frozen=True)
class Newsroom:
    """Who may sign in: logins with their names, and the one password of this run."""

    people: tuple[tuple[str, str], ...]
    password: str


def open_newsroom(house: House) -> Newsroom:
    """Makes the people, their drafts at every stage, what goes out next, and a campaign to be closed."""
    password = secrets.token_urlsafe(9)
    with house.database.write() as session:
        people = {login: _person(session, house, login, password) for login, *_ in _PEOPLE}
        unit = find_unit(session, _DESK)
        set_stages(session, house.keys, unit, FULL, at=house.clock.now(), actor=ACTOR)
    standings = _standings(house, people)
    for title, told, hours, signed in _DRAFTS:
        with house.database.write() as session:
            _draft(session, house, standings, Draft(title, told + _LINK), timedelta(hours=hours), signed)
    with house.database.write() as session:
        accounts = _accounts(session, _OTHER)
        for title, told, hours in _QUEUED:
            queue_post(
                session,
                house.keys,
                Draft(title, told + _LINK),
                accounts,
                due=house.clock.now() + timedelta(hours=hours),
                lateness_hours=house.settings.lateness_hours,
                now=house.clock.now(),
                actor=ACTOR,
            )
    open_campaign(house)
    return Newsroom(tuple((login, name) for login, name, *_ in _PEOPLE), password)


def _person(session: Session, house: House, login: str, password: str) -> Person:
    now, keys = house.clock.now(), house.keys
    name, role, code = next((name, role, code) for one, name, role, code in _PEOPLE if one == login)
    unit = None if code is None else find_unit(session, code)
    person = add_person(session, keys, login, name, unit=unit, at=now, actor=ACTOR)
    grant_role(session, keys, person, role, unit, at=now, actor=ACTOR)
    invitation, _ = invite_person(session, keys, person, at=now, actor=ACTOR)
    return accept_code(session, keys, invitation, password, at=now)


def _standings(house: House, people: dict[str, Person]) -> dict[str, Standing]:
    with house.database.read() as session:
        return {login: standing_of(session, person) for login, person in people.items()}


def _accounts(session: Session, code: str) -> Sequence[Account]:
    """The unit's accounts that take a post of words alone."""
    unit = find_unit(session, code)
    wanted = select(Account).where(Account.unit_id == unit.id, Account.platform != "wechat")
    return session.exec(wanted.order_by(col(Account.platform))).all()


def _draft(
    session: Session,
    house: House,
    standings: dict[str, Standing],
    draft: Draft,
    ahead: timedelta,
    signed: int | None,
) -> None:
    now, keys, editor = house.clock.now(), house.keys, standings["bianji"]
    post = write_draft(
        session,
        keys,
        draft,
        _accounts(session, _DESK),
        due=now + ahead,
        lateness_hours=house.settings.lateness_hours,
        author_id=editor.person_id,
        now=now,
        actor=editor.subject,
    )
    if post.id is None or signed is None:
        return
    review.submit(session, keys, post.id, editor, house.media_folder, now=now, actor=editor.subject)
    for login in ("yishen", "ershen", "zhongshen")[:signed]:
        reviewer = standings[login]
        review.approve(session, keys, post.id, reviewer, now=now, actor=reviewer.subject)
    if signed == len(FULL):
        send_draft(session, keys, post.id, now=now, actor=standings["fabu"].subject)

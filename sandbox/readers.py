"""The readers of the world: how many read, like, share and follow, and what people publish by hand.

Every figure is drawn from the world's seed and the article's name: the same at every asking, growing with
time, whatever the order of the questions. Reads are log-normal over articles (a few go far, most do not).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import Any

from sandbox.world import BEIJING, Published, SandboxAccount, World

_SATURATED = timedelta(days=30)
_PUSHES = frozenset({"wechat"})  # here a day's articles go out in one push, at one moment


@dataclass(frozen=True)
class Readership:
    """What an article has gathered since it was published. `reads`, `reposts` are events, the rest people."""

    reads: int
    read_users: int
    shares: int
    likes: int
    hearts: int
    comments: int
    favourites: int
    follows: int
    reposts: int


@dataclass(frozen=True)
class _Appeal:
    """What an article will have gathered in the end, and how fast; the shares are of its readers."""

    reads: float
    users: float
    pace: float
    shares: float
    likes: float
    hearts: float
    comments: float
    favourites: float
    follows: float
    reposts: float


def readership(world: World, account: SandboxAccount, item: Published, at: datetime) -> Readership:
    """What `item` has gathered from its publication to `at`: never falls, stands still after 30 days."""
    place = item.extra.get("push_position", 1)
    name = ("appeal", item.platform, item.account, item.remote_id, place, account.strength, account.followers)
    appeal = world.once(name, lambda: _appeal(world, account, item))
    come = grown(at - item.at, appeal.pace)
    return Readership(
        reads=int(appeal.reads * come),
        read_users=int(appeal.users * come),
        shares=int(appeal.shares * come),
        likes=int(appeal.likes * come),
        hearts=int(appeal.hearts * come),
        comments=int(appeal.comments * come),
        favourites=int(appeal.favourites * come),
        follows=int(appeal.follows * come),
        reposts=int(appeal.reposts * come),
    )


def _appeal(world: World, account: SandboxAccount, item: Published) -> _Appeal:
    draw = world.draw("readers", item.platform, item.account, item.remote_id)
    usual = 0.12 * float(account.followers**0.92) * account.strength
    place = 0.55 ** (int(item.extra.get("push_position", 1)) - 1)
    reads = usual * place * draw.lognormvariate(0.0, 0.7)
    users = reads * draw.uniform(0.72, 0.94)
    pace = draw.uniform(0.4, 1.1)

    def people(share: float) -> float:
        return users * min(1.0, share * draw.lognormvariate(0.0, 0.4))

    return _Appeal(
        reads=reads,
        users=users,
        pace=pace,
        shares=people(0.035),
        likes=people(0.018),
        hearts=people(0.009),
        comments=people(0.004),
        favourites=people(0.006),
        follows=people(0.002),
        reposts=people(0.02),
    )


def grown(age: timedelta, pace: float) -> float:
    """The share of all its readers that an article of this age has: most come within two days.

    `pace` in days (0.4 to 1.1) is how long the first 63 % take.
    """
    days = min(age, _SATURATED) / timedelta(days=1)
    if days <= 0:
        return 0.0
    return math.expm1(-days / pace) / math.expm1(-_SATURATED.days / pace)


def followers(world: World, account: SandboxAccount, day: date) -> int:
    """The account's followers at the end of a Beijing day; `account.followers` until it was founded."""
    name = ("followers", account.platform, account.account, account.followers, account.founded, day)
    return world.once(name, lambda: _followers(world, account, day))


def _followers(world: World, account: SandboxAccount, day: date) -> int:
    age = (day - account.founded.astimezone(BEIJING).date()).days
    if age <= 0:
        return account.followers
    yearly = world.draw("growth", account.platform, account.account).uniform(0.02, 0.35)
    wobble = world.draw("followers", account.platform, account.account, day).gauss(0.0, 0.0004)
    return max(0, round(account.followers * (1 + yearly * age / 365 + wobble)))


def follower_change(world: World, account: SandboxAccount, day: date) -> tuple[int, int]:
    """(new, lost) of a Beijing day: `followers` of the day before, plus new, minus lost, is that day's."""
    net = followers(world, account, day) - followers(world, account, day - timedelta(days=1))
    draw = world.draw("left", account.platform, account.account, day)
    lost = max(0, -net) + round(account.followers * draw.uniform(0.0001, 0.0006))
    return net + lost, lost


def ensure_history(world: World, account: SandboxAccount) -> None:
    """Adds what the account's people published by hand from its founding until now, where it is missing.

    The same posts whatever the steps in which the clock moved.
    """
    with world.lock:
        until = world.now()
        done: datetime | None = account.state.get("history_until")
        if account.posts_per_week <= 0 or until <= (done or account.founded):
            return
        account.state["history_until"] = until
        since = done or account.founded - timedelta(microseconds=1)
        for item in _by_hand(world, account, since, until):
            world.publish(account.platform, account.account, **item)


def _by_hand(
    world: World, account: SandboxAccount, since: datetime, until: datetime
) -> Iterator[dict[str, Any]]:
    day, last = since.astimezone(BEIJING).date(), until.astimezone(BEIJING).date()
    while day <= last:
        draw = world.draw("history", account.platform, account.account, day)
        count = int(account.posts_per_week / 7 + draw.random())
        moment = datetime.combine(day, time(7), BEIJING) + timedelta(minutes=draw.randrange(14 * 60))
        for position in range(1, count + 1):
            title = _title(draw.random(), draw.random())
            original = draw.random() < 0.6
            if position > 1 and account.platform not in _PUSHES:
                moment += timedelta(minutes=draw.randrange(5, 40))
            if since < moment <= until:
                yield {
                    "remote_id": _remote_id(world, account, day, position),
                    "title": title,
                    "text": f"{title}。{_BODY}",
                    "at": moment.astimezone(UTC),
                    "by_hand": True,
                    "push_position": position,
                    "original": original,
                }
        day += timedelta(days=1)


def _remote_id(world: World, account: SandboxAccount, day: date, position: int) -> str:
    name = f"{world.seed}|{account.platform}|{account.account}|{day}|{position}"
    return str(10**16 + int.from_bytes(blake2b(name.encode(), digest_size=7).digest()) % 10**16)


def _title(first: float, second: float) -> str:
    return _OPENINGS[int(first * len(_OPENINGS))] + _SUBJECTS[int(second * len(_SUBJECTS))]


_OPENINGS = (
    "青年大学习：",
    "草原青年说：",
    "团团提醒：",
    "奋斗的青春：",
    "今日关注：",
    "志愿者在行动：",
    "我们的节日：",
    "就业直通车：",
    "校园里的",
    "身边榜样：",
    "一图读懂",
    "倒计时三天！",
)
_SUBJECTS = (
    "这场主题团日活动刷屏了",
    "寒假社会实践报名指南",
    "希望小学的新操场",
    "基层团干部的一天",
    "五四奖章获得者的故事",
    "西部计划志愿者招募",
    "青年创业贷款怎么申请",
    "团员发展工作十问十答",
    "大学生返家乡实践总结",
    "暖冬行动物资发放",
    "青年马克思主义者培养工程开班",
    "心理健康公开课回放",
    "乡村振兴里的青春身影",
    "那达慕上的志愿红",
    "高校辩论赛决赛名单",
    "国旗下的成长第一课",
)
_BODY = "更多内容请看正文。"

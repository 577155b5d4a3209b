"""Publishing and mass sending: jobs that end by the world's clock, with their events (sections 5, 6, 12.5-6).

Switches: `publish_delay` and `mass_delay` (seconds, 2), `publish_status` (0) and `mass_status` ("send
success") are how a job ends; `first_id` is the account's first job number, `msg_data_id` (True) whether
submit tells it; `kind` (subscription | service) with `mass_quota` (1 a day | 4 a month);
`mass_protection` (False). Events are carried to the account's callback (`_wechat_courier`).
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from sandbox.platforms import _wechat_drafts as drafts
from sandbox.platforms._wechat_courier import carry
from sandbox.platforms._wechat_desk import Call, No, memory, new_id
from sandbox.platforms._wechat_events import events_of, mass_event, publish_event
from sandbox.world import BEIJING, SandboxAccount, World

_DAY = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)
_SUCCESS = "send success"
_TOLD = {_SUCCESS: "SEND_SUCCESS", "send fail": "SEND_FAIL", "delete": "DELETE"}


@dataclass
class Job:
    """One publication or mass send under way, or ended."""

    number: int
    kind: str  # publish | mass
    articles: list[dict[str, Any]]
    made: datetime
    due: datetime
    ends_as: int | str
    article_id: str = ""
    key: str = ""
    ended: bool = False
    deleted: set[int] = field(default_factory=set)

    def fine(self) -> bool:
        return self.ends_as in (0, _SUCCESS)

    def address(self, idx: int) -> str:
        sn = f"{crc32(f'{self.number}.{idx}'.encode()):08x}"
        return f"https://mp.weixin.qq.com/s?__biz=Mzk4MDAwMDAwMQ==&mid={self.number}&idx={idx}&sn={sn}"


def settle_jobs(world: World, account: SandboxAccount) -> None:
    """Ends the jobs whose time has come: what they publish becomes public at that moment."""
    made = len(events_of(account))
    for job in memory(account, "jobs").values():
        if not job.ended and world.now() >= job.due:
            job.ended = True
            _end(world, account, job)
    carry(account, made)


def submit(call: Call) -> dict[str, Any]:
    articles = drafts.take(call, str(call.body.get("media_id", "")))
    job = _start(call, "publish", articles, float(call.switch("publish_delay", 2)))
    _end_by_itself(call, job)
    told = {"msg_data_id": job.number} if call.switch("msg_data_id", True) else {}
    return {"errcode": 0, "errmsg": "ok", "publish_id": job.number, **told}


def publication(call: Call) -> dict[str, Any]:
    """How a job stands; the id is a text here and a number in `submit` (section 12.9)."""
    job = _job(call, call.body.get("publish_id"), "publish")
    if job is None:
        raise No(53502, "invalid publish_id")
    told: dict[str, Any] = {"publish_id": str(job.number), "publish_status": 1, "fail_idx": []}
    if not job.ended:
        return told
    told["publish_status"] = 5 if len(job.deleted) == len(job.articles) else job.ends_as
    if job.fine():
        items = [{"idx": idx, "article_url": job.address(idx)} for idx in range(1, len(job.articles) + 1)]
        told["article_id"] = job.article_id
        told["article_detail"] = {"count": len(items), "item": items}
    else:
        told["fail_idx"] = list(range(1, len(job.articles) + 1))
    return told


def publications(call: Call) -> dict[str, Any]:
    """What 发布 has published, newest first; mass sends are not listed."""
    jobs = [job for job in memory(call.account, "jobs").values() if job.kind == "publish"]
    done = [job for job in jobs if job.ended and job.fine()]
    bare = bool(call.body.get("no_content", 0))
    return call.page([_listed(job, bare) for job in sorted(done, key=lambda job: job.due, reverse=True)])


def article(call: Call) -> dict[str, Any]:
    content: dict[str, Any] = _listed(_by_article(call), False)["content"]
    return content


def delete_publication(call: Call) -> dict[str, Any]:
    job, index = _by_article(call), int(call.body.get("index", 0))
    job.deleted |= {index} if index else set(range(1, len(job.articles) + 1))
    return {"errcode": 0, "errmsg": "ok"}


def sendall(call: Call) -> dict[str, Any]:
    """The order of the checks is what makes a repeat safe: the clientmsgid comes first."""
    key = str(call.body.get("clientmsgid", ""))
    if len(key.encode()) > 32:
        raise No(45067, "clientmsgid too long")
    _check_repeat(call, key)
    _check_filter(call)
    if call.switch("mass_protection", False) and call.body.get("filter", {}).get("is_to_all"):
        raise No(89504, "wait for the administrator's confirmation")
    _check_quota(call)
    articles = drafts.take(call, str(call.body.get("mpnews", {}).get("media_id", "")))
    job = _start(call, "mass", articles, float(call.switch("mass_delay", 2)))
    job.key = key
    _end_by_itself(call, job)
    return {
        "errcode": 0,
        "errmsg": "send job submission success",
        "msg_id": job.number,
        "msg_data_id": job.number,
    }


def mass_send(call: Call) -> dict[str, Any]:
    job = _job(call, call.body.get("msg_id"), "mass")
    if job is None:
        raise No(40035, "invalid msg_id")
    status = _TOLD.get(str(job.ends_as), "SEND_FAIL") if job.ended else "SENDING"
    return {"msg_id": job.number, "msg_status": status}


def _start(call: Call, kind: str, articles: list[dict[str, Any]], delay: float) -> Job:
    jobs = memory(call.account, "jobs")
    first = 2650184411 + crc32(call.account.account.encode()) % 1000 * 1_000_000
    job = Job(
        number=int(call.switch("first_id", first)) + len(jobs),
        kind=kind,
        articles=articles,
        made=call.now,
        due=call.now + timedelta(seconds=delay),
        ends_as=call.switch("publish_status", 0)
        if kind == "publish"
        else call.switch("mass_status", _SUCCESS),
        article_id=new_id(call.world, call.account, "article"),
    )
    jobs[str(job.number)] = job
    return job


def _end_by_itself(call: Call, job: Job) -> None:
    """Where events are to be carried, a job ends at its time, and not only when somebody asks."""
    callback = call.switch("callback", {})
    if callback.get("early"):
        job.due = call.now
        settle_jobs(call.world, call.account)
    elif callback.get("url"):

        def end() -> None:
            with call.world.lock:
                settle_jobs(call.world, call.account)

        timer = threading.Timer((job.due - call.now).total_seconds(), end)
        timer.daemon = True
        timer.start()


def _end(world: World, account: SandboxAccount, job: Job) -> None:
    for idx, written in enumerate(job.articles, 1):
        if not job.fine():
            break
        world.publish(
            account.platform,
            account.account,
            remote_id=str(job.number),
            title=written["title"],
            text=written["content"],
            url=job.address(idx),
            key=job.key,
            at=job.due,
            push_position=idx,
            pushed=job.kind == "mass",
        )
    addresses = [job.address(idx) for idx in range(1, len(job.articles) + 1)] if job.fine() else []
    make = publish_event if job.kind == "publish" else mass_event
    make(account, job.number, job.ends_as, addresses, job.article_id, job.due)


def _job(call: Call, number: object, kind: str) -> Job | None:
    """A job by its number, which may come as a text."""
    if not str(number).isdigit():
        return None
    job: Job | None = memory(call.account, "jobs").get(str(int(str(number))))
    return job if job is not None and job.kind == kind else None


def _by_article(call: Call) -> Job:
    for job in memory(call.account, "jobs").values():
        if job.ended and job.fine() and job.article_id == call.body.get("article_id"):
            found: Job = job
            return found
    raise No(53600, "invalid article_id")


def _listed(job: Job, bare: bool) -> dict[str, Any]:
    at = int(job.due.timestamp())
    news = [
        {
            **{name: value for name, value in written.items() if not (bare and name == "content")},
            "url": job.address(idx),
            "is_deleted": idx in job.deleted,
        }
        for idx, written in enumerate(job.articles, 1)
    ]
    content = {"news_item": news, "create_time": at, "update_time": at}
    return {"article_id": job.article_id, "content": content, "update_time": at}


def _check_repeat(call: Call, key: str) -> None:
    """24 hours of memory: the same key too fast is 45066, later 45065 with the first send's msg_id."""
    for job in memory(call.account, "jobs").values():
        if key and job.key == key and call.now - job.made < _DAY:
            asked: datetime = memory(call.account, "asked").get(key, job.made)
            memory(call.account, "asked")[key] = call.now
            if call.now - asked < _MINUTE:
                raise No(45066, "clientmsgid retry too fast")
            raise No(45065, msg_id=job.number)


def _check_filter(call: Call) -> None:
    chosen = call.body.get("filter", {})
    if call.body.get("msgtype") != "mpnews":
        raise No(40008, "invalid message type")
    if not chosen.get("is_to_all") and chosen.get("tag_id") not in call.switch("tags", [103]):
        raise No(45159, "invalid tag_id")


def _check_quota(call: Call) -> None:
    """One a calendar day for 公众号, four a calendar month for 服务号, in Beijing time."""
    monthly = call.switch("kind", "subscription") == "service"
    pattern = "%Y-%m" if monthly else "%Y-%m-%d"
    window = call.now.astimezone(BEIJING).strftime(pattern)
    sent = [
        job
        for job in memory(call.account, "jobs").values()
        if job.kind == "mass" and job.made.astimezone(BEIJING).strftime(pattern) == window
    ]
    if len(sent) >= call.switch("mass_quota", 4 if monthly else 1):
        raise No(45028)

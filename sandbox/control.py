"""The hand that arranges the world: clock, accounts, faults, and what has been published, for people too."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from html import escape
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime, BaseModel

from sandbox.doubles import doubles
from sandbox.faults import KINDS
from sandbox.world import BEIJING, Fault, Published, SandboxAccount, World

_PAGE = 50


class NewWorld(BaseModel):
    """How a world begins anew; `now` empty is the machine's time."""

    seed: int | None = None
    now: AwareDatetime | None = None
    real_time: bool = False


class Moment(BaseModel):
    now: AwareDatetime


class Example(BaseModel):
    """A platform's example account, under this handle."""

    platform: str
    handle: str
    posts_per_week: float = 0.0


def control_router(world: World) -> APIRouter:
    """The routes under `/_control`. No fault strikes them."""
    router = APIRouter()

    @router.post("/reset")
    def reset(new: NewWorld) -> dict[str, str]:
        world.reset(now=new.now, real_time=new.real_time, seed=new.seed)
        return _time(world)

    @router.get("/clock")
    def clock() -> dict[str, str]:
        return _time(world)

    @router.post("/clock")
    def set_clock(moment: Moment) -> dict[str, str]:
        world.move_to(moment.now)
        return _time(world)

    @router.post("/accounts")
    def add_accounts(accounts: SandboxAccount | list[SandboxAccount]) -> dict[str, int]:
        added = accounts if isinstance(accounts, list) else [accounts]
        if any(account.founded.tzinfo is None for account in added):
            raise HTTPException(422, "founded needs a time zone")
        for account in added:
            world.add_account(account)
        return {"accounts": len(world.accounts)}

    @router.post("/example")
    def add_example(wanted: Example) -> dict[str, Any]:
        """A working account of a platform, with the credentials that its connector needs."""
        double = doubles().get(wanted.platform)
        if double is None or not hasattr(double, "example"):
            raise HTTPException(404, f"no double of {wanted.platform} with an example")
        account: SandboxAccount = double.example(world, wanted.handle)
        account.posts_per_week = wanted.posts_per_week or account.posts_per_week
        return {"credentials": account.credentials}

    @router.get("/kinds")
    def kinds() -> list[str]:
        """The faults that there are."""
        return sorted(KINDS)

    @router.post("/faults")
    def set_faults(faults: list[Fault]) -> dict[str, int]:
        unknown = {fault.kind for fault in faults} - KINDS
        if unknown:
            raise HTTPException(422, f"unknown kinds {sorted(unknown)}; known are {sorted(KINDS)}")
        world.set_faults(*faults)
        return {"faults": len(faults)}

    @router.get("/published")
    def published(platform: str = "", account: str = "") -> list[dict[str, Any]]:
        return [asdict(item) for item in _chosen(world, platform, account)]

    @router.get("/counts")
    def counts() -> list[dict[str, Any]]:
        """Once and only once, for tests: how often each key (or text, where there is none) stands there."""
        return _counts(_chosen(world))

    @router.get("/calls")
    def calls() -> dict[str, int]:
        with world.lock:
            return dict(world.calls)

    @router.get("/", response_class=HTMLResponse)
    def page(account: str = "", page: Annotated[int, Query(ge=1)] = 1) -> str:
        return _page(world, account, page)

    return router


def _time(world: World) -> dict[str, str]:
    return {"now": world.now().isoformat()}


def _chosen(world: World, platform: str = "", account: str = "") -> list[Published]:
    with world.lock:
        return [
            item
            for item in world.published
            if platform in ("", item.platform) and account in ("", item.account)
        ]


def _counts(items: Iterable[Published]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for item in items:
        if item.extra.get("by_hand"):
            continue
        key = item.key or item.text
        row = found.setdefault(
            (item.platform, item.account, key),
            {
                "platform": item.platform,
                "account": item.account,
                "key": key,
                "publications": 0,
                "received": 0,
            },
        )
        row["publications"] += 1
        row["received"] += item.received
    return list(found.values())


def _page(world: World, account: str, page: int) -> str:
    """The readers' view: every account, and what it has published, newest first."""
    with world.lock:
        accounts = sorted(world.accounts)
        items = [item for item in world.published if account in ("", f"{item.platform}:{item.account}")]
    items.sort(key=lambda item: (item.at, item.sequence), reverse=True)
    pages = max(1, -(-len(items) // _PAGE))
    page = min(page, pages)
    shown = items[(page - 1) * _PAGE : page * _PAGE]
    names = [f"{platform}:{name}" for platform, name in accounts]
    chosen = [_link("全部账号", "", 1, current=not account)]
    chosen += [_link(name, name, 1, current=name == account) for name in names]
    around = [_link("上一页", account, page - 1)] if page > 1 else []
    around += [_link("下一页", account, page + 1)] if page < pages else []
    return _FRAME.format(
        now=_beijing(world.now()),
        accounts="".join(f"<li>{link}</li>" for link in chosen),
        count=len(items),
        page=page,
        pages=pages,
        around=" ".join(around),
        items="".join(map(_card, shown)) or "<p class=none>还没有发布内容。</p>",
    )


def _link(name: str, account: str, page: int, *, current: bool = False) -> str:
    mark = " aria-current=page" if current else ""
    return f'<a href="?account={quote(account)}&amp;page={page}"{mark}>{escape(name)}</a>'


def _card(item: Published) -> str:
    origin = "手工发布" if item.extra.get("by_hand") else "接口发布"
    repeats = f" · 收到 {item.received} 次" if item.received > 1 else ""
    told = f"{item.platform}:{item.account} · {_beijing(item.at)} · {origin}{repeats} · 编号 {item.remote_id}"
    return (
        f"<article><h2>{escape(item.title or '（无标题）')}</h2><p class=told>{escape(told)}</p>"
        f"<p>{escape(item.text[:400])}{'…' if len(item.text) > 400 else ''}</p></article>"
    )


def _beijing(at: datetime) -> str:
    return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


_FRAME = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>媒阵沙盒 · 平台上看到的内容</title><style>
body {{ margin: 0; font: 16px/1.6 system-ui, "Noto Sans CJK SC", sans-serif; }}
body {{ color: #1c2430; background: #f4f5f7; }}
header {{ padding: 1rem 1.5rem; background: #fff; border-bottom: 1px solid #d9dde3; }}
header h1 {{ margin: 0; font-size: 1.25rem; }}
header p, .told, .none {{ margin: 0; color: #5a6472; font-size: .875rem; }}
main {{ display: grid; grid-template-columns: minmax(12rem, 18rem) 1fr; gap: 1.5rem; padding: 1.5rem; }}
ul {{ margin: 0; padding: 0; list-style: none; overflow-wrap: anywhere; }} a {{ color: #0b57a4; }}
a[aria-current] {{ font-weight: 600; color: inherit; text-decoration: none; }}
article {{ margin: 0 0 1rem; padding: .75rem 1rem; background: #fff; }}
article {{ border: 1px solid #d9dde3; border-radius: 6px; }}
article h2 {{ margin: 0; font-size: 1.0625rem; }} article p {{ margin: .25rem 0 0; overflow-wrap: anywhere; }}
@media (max-width: 45rem) {{ main {{ grid-template-columns: 1fr; }} }}
</style></head><body>
<header><h1>媒阵沙盒：平台上看到的内容</h1><p>本机模拟，不是真实平台 · 沙盒时间（北京）{now}</p></header>
<main><nav aria-label="账号"><ul>{accounts}</ul></nav>
<section><p class=told>共 {count} 条 · 第 {page} / {pages} 页 {around}</p>{items}</section></main>
</body></html>
"""

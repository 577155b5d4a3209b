"""数据: a week within reach, gaps as gaps, sources, comparison, what is missing, exports; imports."""

import json
import re
from datetime import date, timedelta

import pytest
from console import Answer, Console
from desk_house import DeskHouse
from sqlmodel import select
from weeks import know_wechat, publish

from analytics.articles import Snapshot
from organisation import Account, Role
from organisation.ledger import LedgerEntry

WEEK = "2026-W09"
MONDAY = date(2026, 2, 23)  # of the week before the clock's
HEADER = "账号,数据日期,标题,发表日期,链接,阅读人数,点赞"


@pytest.fixture
def figures(house: DeskHouse) -> DeskHouse:
    """An account of HH and one of BT, both with an article of the week."""
    know_wechat(house.database)
    for code, reads in (("HH", 1234), ("BT", 777)):
        account = wechat_account(house, code)
        publish(
            house.database, account, MONDAY, [(MONDAY + timedelta(days=6), reads)], title=f"{code} 的文章"
        )
    house.newsroom.person("quan", Role.OWNER, None)
    house.newsroom.person("shu", Role.ANALYST, "HH")
    return house


def wechat_account(house: DeskHouse, code: str, handle: str = "") -> Account:
    with house.database.write() as session:
        unit_id = house.newsroom.units[code].id or 0
        name = f"{code}青年{handle}"
        account = Account(unit_id=unit_id, platform="wechat", handle=handle or code.lower(), name=name)
        session.add(account)
        session.flush()
    return account


def account_id(house: DeskHouse, handle: str) -> int:
    with house.database.read() as session:
        return (
            session.exec(select(Account).where(Account.platform == "wechat", Account.handle == handle))
            .one()
            .known_id
        )


def charts(answer: Answer) -> list[dict[str, list[dict[str, list[object]]]]]:
    found = re.findall(r'<script type="application/json">(.*?)</script>', answer.html, re.DOTALL)
    return [json.loads(one) for one in found]


def test_a_week_shows_what_is_in_reach_and_no_more(figures: DeskHouse) -> None:
    shell = figures.browser("shu").get("/figures")
    assert f"/figures/week?week={WEEK}" in shell.html and "HH青年" not in shell.words
    part = figures.browser("shu").get(f"/figures/week?week={WEEK}")
    assert "HH青年" in part.words and "1,234" in part.words and "接口" in part.words
    assert "BT青年" not in part.words and "777" not in part.words
    whole = figures.browser("quan").get(f"/figures?week={WEEK}&whole=true")
    assert {"HH青年", "BT青年", "2,011"} <= set(whole.words.split())
    assert figures.browser("quan").get("/figures?week=last").status == 422


def test_a_week_without_figures_is_a_gap_in_picture_and_table(figures: DeskHouse) -> None:
    part = figures.browser("shu").get(f"/figures/week?week={WEEK}")
    series = [one for chart in charts(part) for one in chart["series"]]
    reads = next(one["data"] for one in series if str(one["name"]) == "阅读人数")
    assert reads == [None] * 12 + [1234.0]
    assert '<td class="mz-number"><span class="text-secondary" title="不知道' in part.html


def test_thirteen_weeks_of_nothing_say_so_and_what_to_do_instead_of_an_empty_picture(
    figures: DeskHouse,
) -> None:
    bare = figures.newsroom.open_account("HH", "bare")
    part = figures.browser("quan").get(f"/figures/week?week={WEEK}")
    assert len(charts(part)) == 1 and part.words.count("13 周都没有数据") == 1
    alone = figures.browser("quan").get(f"/figures/accounts/{bare.id}?week={WEEK}")
    assert not charts(alone) and "13 周都没有数据" in alone.words and "这一周没有" not in alone.words
    assert 'href="/figures/imports">去导入' in alone.html
    figures.newsroom.person("kan", Role.VIEWER, "HH")
    assert "去导入" not in figures.browser("kan").get(f"/figures/accounts/{bare.id}?week={WEEK}").words


def test_the_part_costs_the_same_however_many_accounts(figures: DeskHouse) -> None:
    owner = figures.browser("quan")
    with figures.counting() as few:
        owner.get(f"/figures/week?week={WEEK}")
    for number in range(12):
        account = wechat_account(figures, "BT", f"bt{number}")
        publish(figures.database, account, MONDAY, [(MONDAY + timedelta(days=6), number)])
    with figures.counting() as many:
        assert "BT青年bt11" in owner.get(f"/figures/week?week={WEEK}").words
    assert len(many) == len(few)


def test_an_account_tells_the_source_row_and_person_of_each_figure(figures: DeskHouse) -> None:
    owner = figures.browser("quan")
    draft = looked(
        figures, owner, upload(owner, f"{HEADER}\nwechat:hh,2026-03-01,HH 的文章,2026-02-23,,1300,")
    )
    owner.post(f"{draft.path}/apply")
    assert figures.there.do_jobs() == 1
    told = owner.get(f"/figures/accounts/{account_id(figures, 'hh')}?week={WEEK}").words
    assert "wechat articles" in told
    assert "上报 填报.csv · 第 2 行 · 导入 1,person:quan" in told and "未采用" in told
    assert "1,300 1,234" in owner.get("/figures/conflicts").words


def test_what_is_outside_is_not_there_and_what_a_role_lacks_is_said(figures: DeskHouse) -> None:
    figures.newsroom.person("ping", Role.JUDGE, "HH")
    analyst, judge = figures.browser("shu"), figures.browser("ping")
    assert analyst.get(f"/figures/accounts/{account_id(figures, 'bt')}").status == 404
    assert analyst.get("/figures/accounts/999999").status == 404
    for path in ("/figures", "/figures/gaps", "/figures/missing", "/figures/conflicts", "/figures/imports"):
        assert judge.get(path).status == 403, path
        assert analyst.get(path).status == 200, path
    assert figures.browser("fa").post("/figures/imports").status == 403
    ids = f"account={account_id(figures, 'hh')}&account={account_id(figures, 'bt')}"
    assert "还没有选账号" in analyst.get(f"/figures/compare?week={WEEK}&{ids}").words
    both = figures.browser("quan").get(f"/figures/compare?week={WEEK}&{ids}")
    assert [one["data"][-1] for one in charts(both)[0]["series"]] == [1234.0, 777.0]


def test_who_has_not_reported_is_listed_within_reach(figures: DeskHouse) -> None:
    wechat_account(figures, "HH", "quiet")
    wechat_account(figures, "BT", "silent")
    told = figures.browser("shu").get(f"/figures/missing?week={WEEK}").words
    assert "HH青年quiet" in told and "BT青年silent" not in told


def test_an_export_holds_the_readers_subtree_and_is_noted(figures: DeskHouse) -> None:
    analyst = figures.browser("shu")
    asked = analyst.post("/figures/export", {"week": WEEK, "format": "csv"})
    assert "等待轮到" in asked.words and "download" not in asked.html
    assert figures.there.do_jobs() == 1
    link = re.search(r'href="(/jobs/1/files/[^"]+)"', analyst.get(asked.path).html)
    assert link is not None
    answer = analyst.get(link[1])
    assert "attachment" in answer.response.headers["content-disposition"]
    assert "wechat:hh" in answer.html and "wechat:bt" not in answer.html
    with figures.database.read() as session:
        assert (
            session.exec(select(LedgerEntry).where(LedgerEntry.act == "report.weekly")).one().actor
            == "person:shu"
        )
    assert analyst.post("/figures/export", {"week": WEEK, "format": "exe"}).status == 422
    others = figures.newsroom.person("ouyang", Role.ANALYST, "BT")
    assert others and figures.browser("ouyang").get(link[1]).status == 404
    assert analyst.get("/jobs/1/files/..%2F..%2Fkeys.json").status == 404


def upload(console: Console, content: str, name: str = "填报.csv") -> Answer:
    console.get("/figures/imports")
    sent = console.client.post(
        "/figures/imports",
        data={"_token": console.token},
        files={"file": (name, content.encode(), "text/csv")},
    )
    answer = Answer(sent)
    console.token = answer.token or console.token
    return answer


def looked(house: DeskHouse, console: Console, draft: Answer) -> Answer:
    """The draft's page once the look at its file, which runs in the background, is through."""
    assert "等待轮到" in draft.words and f"{draft.path}/apply" not in draft.html
    assert house.there.do_jobs() == 1
    return console.get(draft.path)


def test_bad_cells_are_red_and_only_good_rows_are_applied_and_taken_back(figures: DeskHouse) -> None:
    owner = figures.browser("quan")
    rows = (
        "wechat:hh,2026-03-01,好的,2026-02-25,,100,5",
        "wechat:hh,2026-03-01,坏的,2026-13-01,,abc,5",
        "wechat:nobody,2026-03-01,没有的,2026-02-25,,1,1",
    )
    draft = looked(figures, owner, upload(owner, "\n".join([HEADER, *rows])))
    assert draft.status == 200 and draft.path.startswith("/figures/imports/drafts/")
    red = re.findall(r'class="mz-clip mz-red-cell">([^<]*)<small>([^<]*)', draft.html)
    assert [cell for cell, _ in red] == ["2026-13-01", "abc", "wechat:nobody"]
    assert all("收到" in told or "没有这个账号" in told for _, told in red)
    with figures.database.read() as session:
        before = len(session.exec(select(Snapshot)).all())
    refused = owner.post(f"{draft.path}/apply")
    assert figures.there.do_jobs() == 1
    told = owner.get(refused.path).words
    assert "导入数据没有做成" in told and "input.refused" in told
    done = owner.post(f"{draft.path}/apply", {"skip": "true"})
    assert owner.post(f"{draft.path}/apply", {"skip": "true"}).status == 409
    assert figures.there.do_jobs() == 1
    assert "导入 1:1 行,2 个数。" in owner.get(done.path).words
    assert "填报.csv" in owner.get("/figures/imports").words
    assert owner.get(draft.path).status == 404
    undone = owner.post("/figures/imports/1/undo")
    assert figures.there.do_jobs() == 1
    assert "导入 1 已撤销" in owner.get(undone.path).words
    assert owner.post("/figures/imports/1/undo").status == 422
    with figures.database.read() as session:
        assert len(session.exec(select(Snapshot)).all()) == before


def test_a_column_is_matched_by_hand(figures: DeskHouse) -> None:
    owner = figures.browser("quan")
    header = "账号,数据日期,标题,发表日期,看过的人"
    draft = looked(figures, owner, upload(owner, f"{header}\nwechat:hh,2026-03-01,一篇,2026-02-25,100"))
    assert "不采用" in looked(figures, owner, owner.post(draft.path, {"mapping": "template"})).words
    roles = ("account", "day", "title", "published", "figure:0")
    told = {f"role-{place}": role for place, role in enumerate(roles)}
    told |= {f"column-{place}": column for place, column in enumerate(header.split(","))}
    matched = owner.post(draft.path, {"mapping": "template", "matched": "template", **told})
    assert "可采用 1 行、1 个数" in looked(figures, owner, matched).words
    applied = owner.post(f"{draft.path}/apply")
    assert figures.there.do_jobs() == 1
    assert "1 行,1 个数" in owner.get(applied.path).words


def test_a_draft_is_its_owners_and_other_units_accounts_are_unknown_in_it(figures: DeskHouse) -> None:
    analyst = figures.browser("shu")
    line = f"{HEADER}\nwechat:bt,2026-03-01,一篇,2026-02-25,,100,5"
    draft = looked(figures, analyst, upload(analyst, line))
    assert "没有这个账号" in draft.words and "apply" not in draft.html
    refused = analyst.post(f"{draft.path}/apply", {"skip": "true"})
    assert figures.there.do_jobs() == 1
    assert "没有这个账号" in analyst.get(refused.path).words
    assert figures.browser("quan").get(draft.path).status == 404
    assert [f'<option value="wechat:{one}"' in draft.html for one in ("hh", "bt")] == [True, False]
    owner = figures.browser("quan")
    theirs = looked(figures, owner, upload(owner, line))
    owner.post(f"{theirs.path}/apply")
    assert figures.there.do_jobs() == 1
    assert "填报.csv" not in analyst.get("/figures/imports").words
    assert analyst.post("/figures/imports/1/undo").status == 404
    assert analyst.post("/figures/imports/77/undo").status == 422


def test_what_is_no_table_or_too_large_is_refused_and_not_kept(figures: DeskHouse) -> None:
    owner = figures.browser("quan")
    assert upload(owner, "", "../../leer.csv").status == 422
    assert upload(owner, "x" * (17 * 1024 * 1024)).status == 413
    assert list(figures.newsroom.folder.glob("uploads/*")) == []
    answer = upload(owner, f"{HEADER}\nwechat:hh,2026-03-01,一篇,2026-02-25,,100,5", "../../../etc/里 外.csv")
    assert answer.status == 200 and "里 外.csv" in answer.words
    kept = [path.name for path in figures.newsroom.folder.glob("uploads/*/*")]
    assert sorted(kept) == ["draft.json", "里 外.csv"]

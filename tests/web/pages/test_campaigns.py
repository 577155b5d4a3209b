"""活动 on pages: begun, filled, counted, closed with its report, and seen only by who takes part."""

import re
from datetime import date
from pathlib import Path

import pytest
from desk_house import DeskHouse
from sqlmodel import select

from organisation import Role
from scheduler.campaign_counting import Cell, cell_of_post
from scheduler.campaign_items import Wanted, add_item
from scheduler.campaign_tables import Campaign, CampaignWork
from scheduler.campaigns import Plan, add_campaign
from scheduler.posts import Post

PLAN = {"unit": "NM", "title": "学雷锋", "starts": "2026-03-01", "ends": "2026-03-20", "goal": "都动起来"}
ITEM = {"title": "推送<b>", "due": "2026-03-10", "wanted": "2", "kind": "稿件"}


@pytest.fixture
def begun(house: DeskHouse) -> DeskHouse:
    """Campaign 1 of NM for HH and BT with one item, and campaign 2 of BT alone."""
    room = house.newsroom
    room.person("quan", Role.OWNER, None)
    room.person("bian", Role.EDITOR, "BT")
    units, days = room.units, (date(2026, 3, 1), date(2026, 3, 20))
    now, keys = house.clock.now(), room.keys
    with house.database.write() as session:
        plan, taking = Plan("学雷锋", *days, "都动起来"), [units["HH"], units["BT"]]
        made = add_campaign(session, keys, units["NM"], plan, taking, now=now, actor="person:quan")
        wanted = Wanted("推送<b>", date(2026, 3, 10), 2, "稿件")
        add_item(session, keys, made.known_id, wanted, now=now, actor="person:quan")
        own = Plan("包头自己的", *days)
        add_campaign(session, keys, units["BT"], own, [units["BT"]], now=now, actor="person:quan")
    return house


def campaign(house: DeskHouse) -> Campaign:
    with house.database.read() as session:
        return session.get_one(Campaign, 1)


def test_a_campaign_is_begun_filled_and_closed_with_its_report(begun: DeskHouse) -> None:
    account = begun.free_account()
    post = begun.queue(account, "青年在行动")
    owner = begun.browser("quan")
    page = owner.get("/campaigns/1")
    assert "推送<b>" not in page.html and "推送&lt;b&gt;" in page.html and "都动起来" in page.words
    assert page.html.count('class="mz-cell mz-cell-open"') == 2
    assert (
        f"稿件 #{post} 已挂上"
        in owner.post("/campaigns/1/posts", {"post": f"#{post} 青年", "item": "1"}).words
    )
    assert "mz-cell-begun" in owner.get("/campaigns/1").html
    cell = owner.get("/campaigns/1/cells/1/BT")
    assert "青年在行动" in cell.words and 'href="/posts/new?campaign=1/1"' in cell.html
    assert "学雷锋" in owner.get(f"/posts/{post}").words
    assert "还没有已发布的稿件" in owner.get("/campaigns/1/figures").words
    begin = owner.post("/campaigns/1/report")
    assert begin.path == "/campaigns/1" and "结项报告:等待轮到" in begin.words
    assert owner.post("/campaigns/1/report").status == 409  # one at a time
    assert begun.there.do_jobs() == 1
    closed = owner.post("/campaigns/1/close")
    assert closed.path == "/campaigns/1" and "已结项" in closed.words and begun.there.do_jobs() == 1
    done = owner.get("/campaigns/1")
    assert "/jobs/2/files/meizhen-campaign-1.xlsx" in done.html and "重新打开" in done.words
    file = owner.client.get("/jobs/2/files/meizhen-campaign-1.pdf")
    assert file.headers["content-type"] == "application/pdf" and file.content.startswith(b"%PDF")
    refused = owner.post(f"/campaigns/1/posts/{post}/detach")
    assert refused.status == 409 and "campaign.closed" in refused.html
    assert "已结项" in owner.get("/campaigns").words
    assert "已重新打开" in owner.post("/campaigns/1/reopen").words


def test_a_wrong_form_keeps_what_was_typed_and_an_old_one_changes_nothing(begun: DeskHouse) -> None:
    owner = begun.browser("quan")
    assert "已发起《学雷锋》" in owner.post("/campaigns/new", PLAN).words
    assert "已加任务 1" in owner.post("/campaigns/3/items", ITEM).words
    wrong = owner.post("/campaigns/new", {**PLAN, "ends": "2026-02-01", "title": "写错的"})
    assert wrong.status == 422 and 'value="写错的"' in wrong.html and "结束不能早于开始" in wrong.words
    assert owner.post("/campaigns/new", {**PLAN, "units": "nowhere"}).status == 404
    assert owner.post("/campaigns/1/items", {**ITEM, "due": "2027-01-01"}).status == 422
    assert owner.post("/campaigns/1/items", {**ITEM, "due": "x"}).status == 422
    edition = str(campaign(begun).edition)
    assert (
        "已修改任务 1"
        in owner.post("/campaigns/1/items/1", {**ITEM, "wanted": "3", "edition": edition}).words
    )
    assert owner.post("/campaigns/1/items/1", {**ITEM, "wanted": "4", "edition": edition}).status == 409
    edition = str(campaign(begun).edition)
    change = {**PLAN, "title": "改名", "units": "HH\nBT\n", "edition": edition}
    assert "已保存" in owner.post("/campaigns/1/edit", change).words
    late = owner.post("/campaigns/1/edit", {**change, "title": "又改"})
    assert late.status == 409 and "campaign.changed" in late.html and campaign(begun).title == "改名"
    assert "HH" in owner.get("/campaigns/1/edit").html


def test_units_that_take_part_are_ticked_from_a_list_within_reach_and_sent_as_codes(
    begun: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = begun.browser("quan")
    form = owner.get("/campaigns/new").html
    assert boxes(form) == {"NM": False, "HH": False, "HH-1": False, "BT": False, "BJ": False}
    wrong = owner.post("/campaigns/new", {**PLAN, "ends": "2026-02-01", "units": ["HH-1", "BT"]})
    assert wrong.status == 422 and boxes(wrong.html)["HH-1"] and not boxes(wrong.html)["HH"]
    owner.post("/campaigns/new", {**PLAN, "units": ["HH-1", "BT"]})
    edit = owner.get("/campaigns/3/edit").html
    assert boxes(edit) == {"NM": False, "HH": False, "HH-1": True, "BT": True}
    owner.post("/campaigns/3/edit", {**PLAN, "units": ["HH"], "edition": "1"})
    assert [code for code, on in boxes(owner.get("/campaigns/3/edit").html).items() if on] == ["HH"]
    monkeypatch.setattr("web.unit_choices.MOST", 3)
    many = owner.get("/campaigns/3/edit").html
    assert boxes(many) == {} and re.search(r'<textarea[^>]*name="units"[^>]*>HH</textarea>', many)


def boxes(html: str) -> dict[str, bool]:
    """The units that a campaign's form offers, and whether each is ticked."""
    return {
        code: bool(on)
        for code, on in re.findall(r'type="checkbox" name="units" value="([^"]+)"( checked)?', html)
    }


def test_a_unit_tells_what_it_has_done_and_sees_its_own_row(begun: DeskHouse) -> None:
    editor = begun.browser("bian")
    listed = editor.get("/campaigns").words
    assert "学雷锋" in listed and "发起活动" not in listed
    page = editor.get("/campaigns/1")
    assert "/cells/1/BT" in page.html and "/cells/1/HH" not in page.html and "结项并出报告" not in page.words
    work = {"item": "1", "unit": "BT", "note": "清扫社区,30 人", "day": "2026-03-02", "link": ""}
    noted = editor.post("/campaigns/1/register", work)
    assert (
        noted.path == "/campaigns/1/cells/1/BT"
        and "清扫社区,30 人" in noted.words
        and "姓名bian" in noted.words
    )
    assert editor.post("/campaigns/1/register", {**work, "unit": "HH"}).status == 404
    assert editor.post("/campaigns/1/register", {**work, "link": "ftp://x"}).status == 422
    for path in ("/campaigns/1/close", "/campaigns/1/reopen", "/campaigns/1/items/1/remove"):
        assert editor.post(path).status == 403, path
    assert editor.get("/campaigns/1/cells/1/HH").status == 404 and editor.get("/campaigns/9").status == 404
    other = begun.browser("wen")  # of HH: the second campaign is none of theirs
    assert "包头自己的" not in other.get("/campaigns").words and other.get("/campaigns/2").status == 404
    assert other.post("/campaigns/1/register/1/strike").status == 404
    assert "已取消登记" in editor.post("/campaigns/1/register/1/strike", {"item": "1", "unit": "BT"}).words
    with begun.database.read() as session:
        assert session.exec(select(CampaignWork)).all() == []
    # Their report is of their own row alone, and lies on the job's own page.
    assert editor.post("/campaigns/1/report").path == "/jobs/1" and begun.there.do_jobs() == 1
    assert "meizhen-campaign-1.xlsx" in editor.get("/jobs/1").html
    assert "meizhen-campaign" not in begun.browser("quan").get("/campaigns/1").html


def test_what_is_written_counts_where_its_writer_chose(begun: DeskHouse, tmp_path: Path) -> None:
    account = begun.free_account()
    editor = begun.browser("bian")
    page = editor.get("/posts/new?campaign=1/1")
    assert '<option value="1/1" selected>' in page.html and "包头自己的 ·" in page.html
    form = {"title": "题", "text": "正文", "account": str(account.id), "due": "", "copy": "", "number": ""}
    made = editor.post("/posts/finish", {**form, "campaign": "1/1", "act": "draft"})
    post = int(made.path.rsplit("/", 1)[1])

    def cell() -> Cell | None:
        with begun.database.read() as session:
            return cell_of_post(session, post)

    assert cell() == Cell(1, 1) and "学雷锋" in made.words
    page = editor.get(f"/posts/{post}/edit")
    assert '<option value="1/1" selected>' in page.html
    kept = {name: page.html.split(f'name="{name}" value="')[1].split('"')[0] for name in ("copy", "number")}
    moved = editor.post("/posts/finish", {**form, **kept, "campaign": "2", "act": "draft"})
    assert moved.status == 200 and cell() == Cell(2, None)
    assert editor.post("/posts/finish", {**form, "campaign": "99", "act": "draft"}).status == 404
    with begun.database.read() as session:
        assert len(session.exec(select(Post)).all()) == 1
    assert date(2026, 3, 2) <= campaign(begun).ends

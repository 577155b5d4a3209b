"""Campaigns by program: the same acts, the same refusals, an edit only of what was read."""

from api_house import ApiHouse

from meizhen.campaign_job import CampaignReport
from organisation import Role
from organisation.job_runner import JobRunner, Tools

PLAN = {"unit": "NM", "title": "学雷锋", "starts": "2026-03-01", "ends": "2026-03-20"}


def do_report(house: ApiHouse) -> bool:
    desk = house.desk
    kind = CampaignReport(Tools(desk.settings, desk.database, desk.keys, desk.clock))
    folder = desk.settings.jobs_folder
    runner = JobRunner(desk.database, desk.keys, desk.clock, {kind.name: kind}, folder, node="test")
    return runner.run_next()


def test_a_campaign_from_its_plan_to_its_report(house: ApiHouse) -> None:
    owner = house.owner()
    made = owner.post("/campaigns", PLAN)
    assert made.status == 201 and made.body["units"] == ["HH", "BT"] and made.body["phase"] == "running"
    item = owner.post("/campaigns/1/items", {"title": "推送", "due": "2026-03-10", "wanted": 2})
    assert item.body["number"] == 1
    post = owner.post("/deliveries", house.written("HH", campaign={"campaign": 1, "item": 1})).body["post"]
    draft = owner.post("/posts", house.written("BT", campaign={"campaign": 1})).body["id"]
    assert owner.call("PUT", f"/campaigns/1/posts/{draft}", body={"item": 1}).body["item"] == 1
    work = owner.post("/campaigns/1/register", {"unit": "BT", "item": 1, "note": "清扫社区"})
    assert (work.status, work.body["day"]) == (201, "2026-03-02")
    matrix = owner.get("/campaigns/1/matrix").body
    assert [(row["unit"], row["cells"][0]["done"], row["cells"][0]["coming"]) for row in matrix["rows"]] == [
        ("HH", 0, 1),
        ("BT", 1, 1),
    ]
    first = owner.get("/campaigns/1/register", limit="2").body
    rest = owner.get("/campaigns/1/register", limit="2", cursor=first["next"]).body
    assert [one["post"] for one in (*first["items"], *rest["items"])] == [None, post, draft]
    assert owner.get("/campaigns/1/figures").body["platforms"] == []
    told = owner.get("/campaigns/1/events", limit="1").body["items"]
    assert told[0]["happening"] == "done" and "清扫社区" in told[0]["told"]
    closed = owner.post("/campaigns/1/close")
    assert closed.body["phase"] == "closed"
    assert owner.call("DELETE", f"/campaigns/1/posts/{post}").body["code"] == "campaign.closed"
    asked = owner.post("/campaigns/1/report", {"formats": ["xlsx"]})
    assert asked.status == 202 and do_report(house)
    job = owner.get(f"/jobs/{asked.body['id']}").body
    assert (job["state"], job["files"]) == ("done", ["meizhen-campaign-1.xlsx"])
    assert owner.get(f"/jobs/{asked.body['id']}/files/meizhen-campaign-1.xlsx").raw.startswith(b"PK")
    owner.post("/campaigns/1/reopen")
    assert owner.call("DELETE", f"/campaigns/1/register/{work.body['id']}").status == 200
    assert owner.call("DELETE", "/campaigns/1/items/1").body["code"] == "campaign.item_used"


def test_an_edit_is_of_what_was_read(house: ApiHouse) -> None:
    owner = house.owner()
    made = owner.post("/campaigns", PLAN)
    tag = owner.get("/campaigns/1").headers["etag"]
    assert tag == made.headers["etag"]
    changed = owner.call("PATCH", "/campaigns/1", body={"units": ["HH-1", "BT"]}, headers={"If-Match": tag})
    assert changed.body["units"] == ["HH-1", "BT"] or changed.body["units"] == ["BT", "HH-1"]
    late = owner.call("PATCH", "/campaigns/1", body={"title": "又改"}, headers={"If-Match": tag})
    assert late.status == 412 and owner.get("/campaigns/1").body["title"] == "学雷锋"
    tag = changed.headers["etag"]
    owner.post("/campaigns/1/items", {"title": "推送", "due": "2026-03-10"})
    assert (
        owner.call("PATCH", "/campaigns/1/items/1", body={"wanted": 3}, headers={"If-Match": tag}).status
        == 412
    )
    tag = owner.get("/campaigns/1").headers["etag"]
    mended = owner.call("PATCH", "/campaigns/1/items/1", body={"wanted": 3}, headers={"If-Match": tag})
    assert mended.body["items"][0]["wanted"] == 3
    tag = mended.headers["etag"]
    outside = owner.call("PATCH", "/campaigns/1", body={"units": ["BJ"]}, headers={"If-Match": tag})
    assert outside.status == 422 and outside.body["problems"][0]["code"] == "campaign.units_outside"


def test_a_program_sees_its_own_units_part(house: ApiHouse) -> None:
    owner = house.owner()
    owner.post("/campaigns", PLAN)
    owner.post("/campaigns/1/items", {"title": "推送", "due": "2026-03-10"})
    owner.post("/campaigns", PLAN | {"units": ["BT"], "title": "只有包头"})
    editor = house.caller(house.key(house.person("ed", Role.EDITOR, "HH")))
    listed = editor.get("/campaigns").body["items"]
    assert [one["id"] for one in listed] == [1] and editor.get("/campaigns/1").body["units"] == ["HH"]
    assert [row["unit"] for row in editor.get("/campaigns/1/matrix").body["rows"]] == ["HH"]
    assert editor.get("/campaigns/2").status == 404 and editor.post("/campaigns/1/close").status == 404
    post = owner.post("/posts", house.written("HH")).body["id"]
    assert editor.call("PUT", f"/campaigns/2/posts/{post}", body={"item": None}).status == 404
    assert editor.post("/posts", house.written("HH", campaign={"campaign": 2})).status == 404
    wrong = editor.post("/campaigns/1/register", {"unit": "HH", "item": 1, "note": "x", "day": "2026-03-09"})
    assert wrong.status == 422 and wrong.body["problems"][0]["code"] == "campaign.bad_day"
    keyed = house.caller(house.key(house.person("e2", Role.EDITOR, "HH")))
    assert keyed.post("/campaigns/1/register", {"unit": "BT", "item": 1, "note": "x"}).status == 404

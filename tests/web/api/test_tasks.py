"""Publishing by hand through the API, and the robots that tell of it: whose keys no answer holds."""

from datetime import timedelta

import pytest
from api_caller import Caller
from api_house import ApiHouse
from api_scene import Scene
from schema_cases import taken_back
from sqlmodel import Session, select

from analytics.reports.deliveries import Outcome, State
from organisation import Act, Role, find_person
from scheduler.assisted_tasks import Task
from scheduler.deliveries import Delivery
from scheduler.deliveries import State as DeliveryState

pytestmark = pytest.mark.usefixtures("_inline")
KEY = "canary-0123456789abcdef"


def handed_over(session: Session, task: object) -> Delivery:
    row = session.exec(select(Task).where(Task.id == task)).one()
    delivery = session.get_one(Delivery, row.delivery_id)
    for state in (DeliveryState.SENDING, DeliveryState.HANDED_OVER):
        delivery.state = state
        session.add(delivery)
        session.flush()
    return delivery


def test_a_task_is_copied_and_done_by_its_link(scene: Scene) -> None:
    caller, facts = scene.house.caller(scene.tokens[Role.PUBLISHER]), scene.facts["own"]
    path = f"/tasks/{facts['task']}"
    with taken_back(scene) as undone:
        with scene.house.desk.database.write() as session:
            handed_over(session, facts["task"])
        shown = caller.get(path).body
        assert (shown["title"], shown["text"], shown["state"]) == ("标题", "排队的稿", "waiting")
        assert caller.get(f"{path}/files/1").raw.startswith(b"\x89PNG")
        assert caller.get(f"{path}/files/2").status == 404
        assert caller.post(f"{path}/open").body["state"] == "opened"
        assert caller.post(f"{path}/open").body["code"] == "task.wrong_state"
        done = caller.post(f"{path}/done", {"url": "https://example.cn/1"})
        assert (done.status, done.body["state"], done.body["url"]) == (200, "done", "https://example.cn/1")
        refused = caller.post(f"{path}/refuse", {"reason": "不发"})
        assert refused.body["may_have_gone_out"] is True
        undone.back()


def test_who_answers_for_a_task_does_it_wherever_it_is_as_far_as_the_key_goes(scene: Scene) -> None:
    house, task = scene.house, scene.facts["other root"]["task"]
    with house.database.read() as session:
        person = find_person(session, "of-hh")
    whole, reads = house.caller(house.key(person)), house.caller(house.key(person, Act.POST_READ))
    with taken_back(scene) as undone:
        with house.desk.database.write() as session:
            row = session.exec(select(Task).where(Task.id == task)).one()
            row.responsible_id = person.known_id
            session.add(row)
            handed_over(session, task)
        assert reads.get("/tasks", mine="true").body["items"][0]["task"] == task
        assert reads.get(f"/tasks/{task}").status == 200
        assert reads.post(f"/tasks/{task}/open").status == 404
        assert whole.post(f"/tasks/{task}/open").status == 200
        undone.back()


def test_a_robot_is_tried_and_forgotten_and_its_key_never_told(
    house: ApiHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner: Caller = house.owner()
    made = owner.post("/robots", {"name": "群", "kind": "wecom", "key": KEY})
    assert made.status == 201 and owner.get("/robots").body["items"] == [made.body]
    wrong = owner.post("/robots", {"name": "坏", "kind": "wecom", "key": "canary!", "secret": "x"})
    said = Outcome(State.PLANNED, "robot_busy", "45009", again_after=timedelta(minutes=11))
    monkeypatch.setattr("analytics.reports.telling.send_message", lambda *_given: said)
    tried = owner.post("/robots/群/test")
    assert tried.body == {"name": "群", "state": "planned", "code": "robot_busy", "told": "45009"}
    named = owner.call("PUT", "/tasks/robots/HH", body={"robot": "群"})
    assert named.body == {"unit": "HH", "robot": "群"}
    gone = owner.call("DELETE", "/robots/群")
    assert gone.status == 200 and owner.post("/robots/群/test").status == 404
    assert all(b"canary" not in one.raw for one in (made, wrong, tried, named, gone))


def test_a_report_is_ordered_and_its_doubt_settled(house: ApiHouse) -> None:
    owner = house.owner()
    assert owner.post("/reports/deliveries", {"unit": "HH"}).body["code"] == "reports.no_schedule_of_unit"
    owner.post("/reports/schedules", {"unit": "HH", "folder": "weekly"})
    ordered = owner.post("/reports/deliveries", {"unit": "HH"})
    assert ordered.status == 202
    (planned,) = ordered.body["items"]
    assert (planned["week"], planned["channel"], planned["state"]) == ("2026-W09", "folder", "planned")
    path = f"/reports/deliveries/{planned['id']}/resolve"
    assert owner.post(path, {"outcome": "arrived"}).body["code"] == "reports.not_waiting"
    from analytics.reports.deliveries import ReportDelivery

    with house.database.write() as session:
        row = session.get_one(ReportDelivery, planned["id"])
        for state in (State.SENDING, State.UNCERTAIN):
            row.state = state
            session.add(row)
            session.flush()
    assert owner.post(path, {"outcome": "arrived"}).body["items"][0]["state"] == "sent"

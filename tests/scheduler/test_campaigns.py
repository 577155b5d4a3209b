"""Campaigns: what counts in which cell, who sees which part, and that no change is lost or made twice."""

from datetime import date, timedelta

import pytest
from campaigning import DUE, ENDS, STARTS, Field
from people import make_person

from config import Database, ManualClock, MeizhenError
from config.clock import shanghai_day
from config.errors import InputError
from config.secrets import KeyRing
from organisation import Act, Role, Standing, find_person, in_sight, standing_of
from organisation.ledger import entries_of
from organisation.ledger_check import verify
from scheduler.campaign_board import Asked, Board, page_of_campaigns, page_of_events, read_board
from scheduler.campaign_counting import Cell, Work, add_work, detach_post, drop_work, place_post
from scheduler.campaign_items import ItemChange, Wanted, add_item, edit_item, remove_item
from scheduler.campaign_places import require_campaign, require_sight
from scheduler.campaign_tables import Phase
from scheduler.campaigns import (
    Change,
    Plan,
    add_campaign,
    close_campaign,
    edit_campaign,
    reopen_campaign,
    units_offered,
)

LATER = date(2026, 3, 5)


@pytest.fixture
def field(database: Database, keys: KeyRing, clock: ManualClock) -> Field:
    return Field(database, keys, clock)


def board(field: Field, campaign: int, today: date | None = None, login: str = "") -> Board:
    with field.database.read() as session:
        sight = None
        if login:
            sight = in_sight(standing_of(session, find_person(session, login)), Act.CAMPAIGN_READ)
        return read_board(session, campaign, today or shanghai_day(field.clock.now()), sight)


def cells(seen: Board) -> dict[str, list[tuple[int, int, int, str]]]:
    return {
        row.unit.code: [(one.done, one.late, one.coming, one.standing) for one in row.cells]
        for row in seen.rows
    }


def refused(work: object, code: str) -> MeizhenError:
    assert callable(work)
    with pytest.raises(MeizhenError) as told:
        work()
    assert told.value.code == code
    return told.value


def wrong_with(field: Field, plan: Plan, units: list[str]) -> list[tuple[str | None, str]]:
    with pytest.raises(InputError) as told, field.database.write() as session:
        taking = [field.units[code] for code in units]
        add_campaign(session, field.keys, field.units["NM"], plan, taking, **field.by)
    return [(one.column, one.code) for one in told.value.problems]


def test_a_post_counts_once_a_unit_for_the_item_it_was_attached_to(field: Field) -> None:
    """By its account's unit, or the nearest above that takes part; late where it went out after its day."""
    campaign = field.campaign()
    both, below, late, elsewhere = (
        field.post(*codes) for codes in (("HH", "BT"), ("HH-1",), ("BT",), ("NM",))
    )
    for post in (both, below, late, elsewhere):
        field.attach(post, campaign, 1)
    assert cells(board(field, campaign)) == {
        "HH": [(0, 0, 2, "begun"), (0, 0, 0, "open")],
        "BT": [(0, 0, 2, "begun"), (0, 0, 0, "open")],
    }
    field.publish(both, "HH", DUE)
    field.publish(below, "HH-1", DUE)
    field.publish(late, "BT", DUE + timedelta(days=1))
    field.publish(elsewhere, "NM", DUE)
    seen = board(field, campaign, LATER)
    assert cells(seen) == {
        "HH": [(2, 0, 0, "done"), (0, 0, 0, "open")],
        "BT": [(1, 1, 1, "late"), (0, 0, 0, "open")],
    }
    assert (seen.done, seen.wanted, seen.behind, seen.days_left) == (1, 4, 1, 16)
    assert [one.unit.code if one.unit else None for one in seen.published] == ["HH", "HH", None, "BT"]
    with field.database.write() as session:
        place_post(session, field.keys, both, Cell(campaign, 2), **field.by)
        detach_post(session, field.keys, campaign, below, **field.by)
    assert cells(board(field, campaign, LATER))["HH"] == [(0, 0, 0, "late"), (1, 0, 0, "done")]


def test_work_that_is_no_post_is_told_by_its_unit_with_a_note_and_a_link(field: Field) -> None:
    campaign, day = field.campaign(), date(2026, 3, 2)

    def tell(item: int, unit: str, work: Work) -> int:
        with field.database.write() as session:
            cell = Cell(campaign, item)
            return add_work(session, field.keys, cell, field.units[unit], work, **field.by).id or 0

    said = tell(2, "BT", Work(" 清扫\n社区,30 人 ", day, "https://bt.example/1"))
    (line,) = board(field, campaign).register
    assert (line.headline, line.link, line.by, line.day) == (
        "清扫 社区,30 人",
        "https://bt.example/1",
        "person:own",
        day,
    )
    assert cells(board(field, campaign))["BT"][1] == (1, 0, 0, "done")
    refused(lambda: tell(2, "HH-1", Work("x", day)), "campaign.not_taking_part")
    refused(lambda: tell(9, "BT", Work("x", day)), "campaign.unknown_item")
    for work in (
        Work(" ", day),
        Work("x", date(2026, 3, 3)),  # tomorrow
        Work("x", STARTS - timedelta(1)),
        Work("x", day, "javascript:alert(1)"),
        Work("x" * 501, day),
        Work("x\x07", day),
    ):
        with pytest.raises(InputError):
            tell(2, "BT", work)
    with field.database.write() as session:
        drop_work(session, field.keys, campaign, said, **field.by)
    assert board(field, campaign).register == ()


def test_a_post_counts_for_one_campaign_and_only_where_it_goes(field: Field) -> None:
    one, other = field.campaign(), field.campaign("另一个")
    post, away = field.post("HH"), field.post("BJ")
    field.attach(post, one, 1)
    field.attach(post, one, 1)  # again changes nothing
    refused(lambda: field.attach(post, other, 1), "campaign.other")
    refused(lambda: field.attach(away, one, 1), "campaign.post_outside")
    refused(lambda: field.attach(post, one, 7), "campaign.unknown_item")
    refused(lambda: field.attach(999, one, 1), "post.not_found")
    refused(lambda: Cell.parse("3/2/1"), "campaign.bad_cell")
    with field.database.write() as session:
        place_post(session, field.keys, post, Cell(other, None), **field.by)
    assert board(field, one).register == () and board(field, other).register[0].item is None
    with field.database.read() as session:
        told = [one.happening for one in page_of_events(session, one)]
    assert told == ["detached", "attached", "item_added", "item_added", "added"]


def test_a_plan_is_checked_whole_and_a_wrong_one_changes_nothing(field: Field) -> None:
    good = Plan("学雷锋", STARTS, ENDS)
    assert wrong_with(field, Plan(" ", ENDS, STARTS), []) == [
        ("title", "input.required"), ("ends", "campaign.backwards"), ("units", "campaign.no_units"),
    ]  # fmt: skip
    assert wrong_with(field, good, ["HH", "BJ"]) == [("units", "campaign.units_outside")]
    assert wrong_with(field, Plan("x" * 121, STARTS, ENDS, "\x00"), ["HH"]) == [
        ("title", "input.too_long"), ("goal", "input.control_character"),
    ]  # fmt: skip
    campaign = field.campaign()
    after = ENDS + timedelta(1)
    for wanted, column in (
        (Wanted("", DUE), "title"),
        (Wanted("x", after), "due"),
        (Wanted("x", DUE, 0), "wanted"),
    ):
        with pytest.raises(InputError) as told, field.database.write() as session:
            add_item(session, field.keys, campaign, wanted, **field.by)
        assert [one.column for one in told.value.problems] == [column]
    with field.database.read() as session:
        assert [one.code for one in units_offered(session, field.units["NM"])] == ["HH", "BT"]
        assert [one.code for one in units_offered(session, field.units["BT"])] == ["BT"]
        assert len(page_of_campaigns(session, None, Asked(STARTS))) == 1


def test_new_days_leave_out_nothing_that_is_due(field: Field) -> None:
    campaign = field.campaign()

    def move(change: Change) -> None:
        with field.database.write() as session:
            edit_campaign(session, field.keys, campaign, change, edition=None, **field.by)

    for change, column in ((Change(ends=DUE - timedelta(1)), "ends"), (Change(starts=ENDS), "starts")):
        with pytest.raises(InputError) as told:
            move(change)
        assert {(one.code, one.column) for one in told.value.problems} == {("campaign.item_left_out", column)}
    kept = board(field, campaign).campaign
    assert (kept.starts, kept.ends) == (STARTS, ENDS)
    move(Change(ends=max(item.due for item in board(field, campaign).items)))
    assert board(field, campaign).campaign.ends >= DUE


def test_what_two_change_at_once_is_changed_by_one(field: Field) -> None:
    campaign = field.campaign()
    edition = board(field, campaign).campaign.edition

    def rename(title: str) -> None:
        with field.database.write() as session:
            change = Change(title=title, enter=[field.units["NM"]])
            edit_campaign(session, field.keys, campaign, change, edition=edition, **field.by)

    rename("先到的")
    refused(lambda: rename("后到的"), "campaign.changed")
    seen = board(field, campaign)
    assert seen.campaign.title == "先到的" and [row.unit.code for row in seen.rows] == ["NM", "HH", "BT"]


def test_an_item_is_mended_while_posts_count_for_it(field: Field) -> None:
    campaign = field.campaign()
    field.attach(field.post("HH"), campaign, 1)
    edition = board(field, campaign).campaign.edition

    def mend(change: ItemChange, known: int | None = edition) -> None:
        with field.database.write() as session:
            edit_item(session, field.keys, campaign, 1, change, edition=known, **field.by)

    mend(ItemChange(due=ENDS, wanted=3))
    refused(lambda: mend(ItemChange(title="后到的")), "campaign.changed")
    for wrong in (ItemChange(title=" "), ItemChange(due=ENDS + timedelta(1)), ItemChange(wanted=0)):
        with pytest.raises(InputError):
            mend(wrong, None)
    seen = board(field, campaign)
    first = seen.items[0]
    assert (first.title, first.due, first.wanted, first.kind) == ("推送", ENDS, 3, "稿件")
    assert cells(seen)["HH"][0] == (0, 0, 1, "begun")


def test_nothing_leaves_a_campaign_that_something_counts_for(field: Field) -> None:
    campaign = field.campaign()
    field.attach(field.post("HH"), campaign, 1)
    with field.database.write() as session:
        work = Work("x", date(2026, 3, 2))
        add_work(session, field.keys, Cell(campaign, 2), field.units["BT"], work, **field.by)

    def change(**told: object) -> None:
        with field.database.write() as session:
            edit_campaign(session, field.keys, campaign, Change(**told), edition=None, **field.by)  # type: ignore[arg-type]

    def remove(item: int) -> None:
        with field.database.write() as session:
            remove_item(session, field.keys, campaign, item, **field.by)

    assert refused(lambda: remove(1), "campaign.item_used").params["count"] == 1
    refused(lambda: change(leave=[field.units["BT"]]), "campaign.unit_used")
    change(leave=[field.units["HH"]], ends=date(2026, 3, 25))
    with field.database.write() as session:
        add_item(session, field.keys, campaign, Wanted("第三项", ENDS), **field.by)
    remove(3)
    with field.database.write() as session:  # its number is not given again
        assert add_item(session, field.keys, campaign, Wanted("第四项", ENDS), **field.by).number == 4
    assert [one.item for one in board(field, campaign).register] == [2, 1]


def test_a_closed_campaign_takes_nothing_more_until_it_is_opened_again(field: Field) -> None:
    campaign, post = field.campaign(), field.post("HH")
    with field.database.write() as session:
        close_campaign(session, field.keys, campaign, **field.by)
    assert board(field, campaign).phase is Phase.CLOSED

    def work() -> None:
        with field.database.write() as session:
            told = Work("x", date(2026, 3, 2))
            add_work(session, field.keys, Cell(campaign, 1), field.units["HH"], told, **field.by)

    def again() -> None:
        with field.database.write() as session:
            close_campaign(session, field.keys, campaign, **field.by)

    def reopen() -> None:
        with field.database.write() as session:
            reopen_campaign(session, field.keys, campaign, **field.by)

    for act in (lambda: field.attach(post, campaign, 1), work, again):
        refused(act, "campaign.closed")
    reopen()
    refused(reopen, "campaign.not_closed")
    field.attach(post, campaign, 1)
    with field.database.read() as session:
        acts = [one.act for one in entries_of(session, subject=f"campaign:{campaign}")]
        assert acts[:3] == ["campaign.attached", "campaign.reopened", "campaign.closed"]
        assert verify(session, field.keys).sound


def test_lists_are_by_phase_and_page(field: Field) -> None:
    ids = [field.campaign(title) for title in ("一", "二", "三")]
    with field.database.write() as session:
        close_campaign(session, field.keys, ids[0], **field.by)

    def listed(today: date, *phases: Phase, after: list[object] | None = None, limit: int = 9) -> list[int]:
        with field.database.read() as session:
            found = page_of_campaigns(session, None, Asked(today, phases), after, limit)
        return [one.campaign.known_id for one in found]

    assert listed(STARTS - timedelta(1), Phase.COMING) == ids[:0:-1]
    assert listed(ENDS, Phase.RUNNING) == ids[:0:-1] and listed(ENDS, Phase.OVER) == []
    assert listed(ENDS + timedelta(1), Phase.OVER) == ids[:0:-1]
    assert listed(ENDS, Phase.CLOSED) == ids[:1] and listed(ENDS) == ids[::-1]
    assert listed(ENDS, limit=2) == ids[:0:-1] and listed(ENDS, after=[ENDS, ids[1]]) == ids[:1]
    with field.database.read() as session:
        (first, *_) = page_of_campaigns(session, None, Asked(ENDS))
    assert (first.units, first.items, first.posts) == (2, 2, 0)


def test_a_unit_sees_its_own_part_and_nothing_of_the_others(field: Field) -> None:
    """Neither rows, lines, steps nor posts of units that are out of its reach."""
    campaign, other = field.campaign(), field.campaign("不相干", units=["BT"])
    roles = {"ed": Role.EDITOR, "chief": Role.PUBLISHER}
    for login, code in (("ed", "HH"), ("chief", "NM")):
        unit = field.units[code]
        make_person(field.database, field.keys, login, at=field.clock.now(), roles={roles[login]: unit})
    shared, foreign = field.post("HH", "BT"), field.post("BT", title="包头自己的")
    for post in (shared, foreign):
        field.attach(post, campaign, 1)
    seen = board(field, campaign, login="ed")
    assert list(cells(seen)) == ["HH"] and [one.account for one in seen.register] == ["webhook:HH"]
    assert list(cells(board(field, campaign, login="chief"))) == ["HH", "BT"]
    with field.database.read() as session:
        ed, chief = (standing_of(session, find_person(session, login)) for login in ("ed", "chief"))
        steps = page_of_events(session, campaign, in_sight(ed, Act.CAMPAIGN_READ))
        assert [one.facts.get("unit") for one in steps if one.happening == "attached"] == ["HH"]
        listed = page_of_campaigns(session, in_sight(ed, Act.CAMPAIGN_READ), Asked(STARTS))
        assert [one.campaign.known_id for one in listed] == [campaign]
        assert require_sight(session, ed, campaign, Act.CAMPAIGN_READ) == [field.units["HH"].path]
        assert require_sight(session, chief, campaign, Act.CAMPAIGN_READ) == [field.units["NM"].path]
        refused(lambda: require_sight(session, ed, other, Act.CAMPAIGN_READ), "organisation.out_of_sight")
        refused(lambda: require_sight(session, ed, 99, Act.CAMPAIGN_READ), "organisation.out_of_sight")
        refused(
            lambda: require_campaign(session, ed, campaign, Act.CAMPAIGN_WRITE), "organisation.out_of_sight"
        )
        keyed = Standing(ed.person_id, ed.login, ed.held, scopes=frozenset({Act.POST_READ}))
        refused(lambda: require_sight(session, keyed, campaign, Act.CAMPAIGN_READ), "organisation.beyond_key")

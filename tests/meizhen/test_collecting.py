"""Collecting beside publishing: one gate, one lane, one notice for both (`SharedWithPublishing`)."""

from datetime import UTC, datetime, timedelta

from scenery import make_account, queue_posts

from analytics.sharing import Need
from config import Database, ManualClock
from config.secrets import KeyRing
from scheduler.gates import Gates
from scheduler.lanes import Lane
from scheduler.notices import open_notices
from scheduler.sharing import SharedWithPublishing

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def test_a_gate_that_collecting_shuts_holds_publishing_too(database: Database, clock: ManualClock) -> None:
    sharing, gates = SharedWithPublishing(), Gates(clock)
    with database.write() as session:
        sharing.shut_gates(session, {"weibo x": (LATER, "10022")})
    with database.read() as session:
        gates.read(session, NOW)
        assert gates.of("weibo x").shut_until() == LATER
        assert sharing.gates(session, NOW) == {"weibo x": LATER}
        assert sharing.gates(session, LATER) == {}


def test_a_quota_that_collecting_used_up_closes_the_lane(database: Database, keys: KeyRing) -> None:
    sharing = SharedWithPublishing()
    posting, silent = (make_account(database, keys, "weibo", handle) for handle in ("a", "b"))
    queue_posts(database, posting, ["one"], due=NOW)
    ids = [posting.known_id, silent.known_id]
    with database.write() as session:
        sharing.close(session, dict.fromkeys(ids, LATER))
    with database.read() as session:
        assert [session.get_one(Lane, id_).open_from for id_ in ids] == [LATER, LATER]
        assert sharing.closed(session, ids, NOW) == dict.fromkeys(ids, LATER)
        assert sharing.closed(session, ids, LATER) == {}


def test_a_person_is_told_once_until_figures_come_again(database: Database, keys: KeyRing) -> None:
    sharing, account = SharedWithPublishing(), make_account(database, keys, "wechat", "qnzs")
    need = Need(account.known_id, "40164", "ip not in whitelist")
    for _ in range(2):
        with database.write() as session:
            sharing.tell(session, [need], NOW)
    with database.read() as session:
        told = [(notice.kind, notice.subject, notice.code) for notice in open_notices(session)]
    assert told == [("figures_paused", "wechat:qnzs", "40164")]
    with database.write() as session:
        sharing.untell(session, [account.known_id], LATER)
    with database.read() as session:
        assert open_notices(session) == []

"""Posts that cannot be sent as they were queued, and posts that break what they touch: the rest go out."""

import random

import pytest
from oracle import Trial
from scenery import COVER, attempts, delivery
from sqlalchemy import text

from connectors import Access, Outgoing, Receipt
from connectors.webhook import Webhook
from organisation.accounts import Account
from scheduler import retry
from scheduler.deliveries import State
from scheduler.media import media_path

# 37: the file is not what was queued.


@pytest.mark.fault(37)
@pytest.mark.parametrize("what", ["missing", "changed", "cut", "a-folder", "unknown"])
@pytest.mark.parametrize("platform", ["webhook", "wechat"])
def test_a_picture_that_is_not_what_was_queued_stops_its_post_and_no_other(
    what: str, platform: str, trial: Trial
) -> None:
    cover = trial.cover()
    account = trial.account(platform, "zhan")
    path = media_path(trial.folder, cover)
    if what == "unknown":
        with trial.database.write() as session:
            session.execute(text("UPDATE media_file SET sha256 = :other"), {"other": "0" * 64})
    elif what == "missing":
        path.unlink()
    elif what == "a-folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(COVER[:-1] if what == "cut" else COVER[:-3] + b"\0\xff\xd9")
    (spoilt,) = trial.queue(account, media=[cover])
    if platform == "webhook":
        trial.queue(account, 2)
    trial.run()
    stands = trial.judge()
    assert stands[State.FAILED] == 1
    assert stands.total() - stands[State.PUBLISHED] == 1
    failed = delivery(trial.database, spoilt)
    expected = "post.media_changed" if what in ("changed", "cut") else "post.media_missing"
    assert (failed.outcome_code, failed.needs_person, failed.attempts) == (expected, True, 1)
    assert attempts(trial.database, spoilt)[0].remedy_zh


@pytest.mark.fault(37)
def test_a_post_whose_picture_is_back_may_be_sent_by_a_person(trial: Trial) -> None:
    cover = trial.cover()
    path = media_path(trial.folder, cover)
    path.write_bytes(b"rotten")
    (id_,) = trial.queue(trial.account(), media=[cover])
    trial.run()
    assert trial.judge() == {State.FAILED: 1}
    assert trial.cover() == cover  # stored again: the same bytes under the same hash
    with trial.database.write() as session:
        retry(session, trial.keys, [id_], now=trial.clock.now(), actor="test")
    trial.run()
    assert trial.judge() == {State.PUBLISHED: 1}


# 38: one in a hundred breaks what it touches.


@pytest.mark.fault(38)
@pytest.mark.parametrize("after_sending", [False, True], ids=["before-sending", "after-sending"])
def test_a_post_on_which_the_connector_breaks_is_parked_after_bounded_tries(
    after_sending: bool, trial: Trial, chance: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, calls = Webhook.publish, 0

    def breaks(self: Webhook, access: Access, outgoing: Outgoing) -> Receipt:
        nonlocal calls
        if "〔poison〕" not in outgoing.title:
            return publish(self, access, outgoing)
        calls += 1
        if after_sending:
            publish(self, access, outgoing)
        raise ZeroDivisionError("a post that nobody thought of")

    monkeypatch.setattr(Webhook, "publish", breaks)
    ids = [id_ for number in range(5) for id_ in trial.queue(trial.account("webhook", f"site{number}"), 10)]
    poison = chance.choice(ids)
    with trial.database.write() as session:
        post = delivery(trial.database, poison).post_id
        session.execute(text("UPDATE post SET title = '〔poison〕' WHERE id = :id"), {"id": post})
    trial.run()
    stands = trial.judge()
    if after_sending:
        assert stands == {State.PUBLISHED: 50}
        assert calls == 1
    else:
        assert stands == {State.PUBLISHED: 49, State.FAILED: 1}
        assert delivery(trial.database, poison).needs_person
        assert 1 <= calls <= 8


@pytest.mark.fault(38)
def test_a_post_that_cannot_even_be_built_is_parked_and_the_rest_go_out(
    trial: Trial, chance: random.Random
) -> None:
    ids = [id_ for number in range(3) for id_ in trial.queue(trial.account("webhook", f"site{number}"), 4)]
    poison = chance.choice(ids)
    with trial.database.write() as session:
        post = delivery(trial.database, poison).post_id
        session.execute(text("UPDATE post SET media = '7' WHERE id = :id"), {"id": post})
    trial.run()
    assert delivery(trial.database, poison).needs_person
    stands = trial.judge()
    assert stands[State.PUBLISHED] == 11


@pytest.mark.fault(38)
def test_an_account_whose_credentials_do_not_open_stops_no_other(trial: Trial) -> None:
    broken, fine = trial.account("webhook", "broken"), trial.account("webhook", "fine")
    with trial.database.write() as session:
        row = {"id": broken.known_id}
        session.execute(text("UPDATE credential SET ciphertext = x'00' WHERE account_id = :id"), row)
    trial.queue(broken, 2)
    trial.queue(fine, 2)
    trial.run()
    with trial.database.read() as session:
        assert session.get_one(Account, fine.known_id).handle == "fine"
    assert [item.account for item in trial.world.published] == ["fine", "fine"]
    assert trial.judge()[State.PUBLISHED] == 2

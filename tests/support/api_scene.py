"""One thing of each kind at each of five places, and somebody with every role at one of them."""

import hashlib
from datetime import date, timedelta

from api_house import ApiHouse
from people import make_person
from PIL import Image
from sqlmodel import Session, select

from analytics.articles import Article
from analytics.reports.deliveries import plan
from analytics.reports.schedules import Order, add_schedule
from organisation import Act, Role, add_key, find_unit, standing_of
from organisation.job_leases import End, end_job, take_job
from organisation.jobs import Asker, JobState, ask_job
from organisation.jobs import Order as JobOrder
from organisation.stages import Stage, set_stages
from organisation.webhook_messages import write_test
from organisation.webhooks import Wanted, add_webhook
from scheduler.assisted_tasks import Task
from scheduler.campaign_counting import Cell, Work, add_work, attach_post
from scheduler.campaign_items import Wanted as Item
from scheduler.campaign_items import add_item
from scheduler.campaigns import Plan, add_campaign
from scheduler.deliveries import Delivery
from scheduler.library import add_media, keep_all
from scheduler.media import FoundMedia, examine
from scheduler.posts import Draft, queue_post
from scheduler.review import submit
from scheduler.review_drafts import write_draft

# The person holds the role at `own`; `sibling` begins like `own` among the paths' bytes.
PLACES = {"own": "HH", "child": "HH-1", "sibling": "BT", "parent": "NM", "other root": "BJ"}
WITHIN = ("own", "child")


class Scene:
    """What stands at each place, by what names it in a route."""

    def __init__(self, house: ApiHouse) -> None:
        self.house = house
        self.facts: dict[str, dict[str, object]] = {place: {} for place in PLACES}
        # The author belongs to the house: nobody below may act on them.
        self.author = house.person("author", Role.OWNER)
        self.owner = house.person("chief", Role.OWNER)
        for place, code in PLACES.items():
            self._fill(self.facts[place], code)
            self._jobs(self.facts[place], code)
        for place, code in PLACES.items():
            self._review(self.facts[place], code)
        self.tokens: dict[Role, str] = {}
        self.reading: dict[Role, str] = {}
        reads = tuple(act for act in Act if act.reads)
        for role in Role:
            person = house.person(f"r-{role}".replace("_", "-"), role, PLACES["own"], home="BJ")
            self.tokens[role] = house.key(person)
            self.reading[role] = house.key(person, *reads)

    def _fill(self, facts: dict[str, object], code: str) -> None:
        house, now = self.house, self.house.clock.now()
        unit, account = house.units[code], house.accounts[code]
        person = make_person(house.database, house.keys, f"of-{code.lower()}", at=now, unit=unit)
        due = now + timedelta(hours=1)
        found = self._picture(code)
        with house.database.write() as session:
            queued = queue_post(
                session,
                house.keys,
                Draft("标题", "排队的稿", (found,)),
                [account],
                due=due,
                lateness_hours=2,
                now=now,
                actor="test",
            )
            draft = self._draft(session, code, "草稿")
            made = add_schedule(session, house.keys, unit, Order(folder="x"), now=now, actor="test")
            article = Article(
                account_id=account.known_id,
                remote_id=f"r-{code}",
                title="文章",
                published_at=now,
                published_day=date(2026, 3, 2),
            )
            session.add(article)
            session.flush()
            delivery = session.exec(select(Delivery.id).where(Delivery.post_id == queued.post_id)).one()
            wanted = Wanted(f"hook-{code}", "http://10.0.0.1/x")
            webhook, _ = add_webhook(session, house.keys, wanted, "10.0.0.1", unit, now=now, actor="test")
            add_media(session, house.keys, [found], unit, now=now, actor="test")
            facts |= {
                "webhook": webhook.name,
                "name": webhook.name,
                "message": write_test(session, webhook, now).uid,
                "sha256": found.sha256,
                "code": code,
                "account": account.stable_id,
                "login": f"of-{code.lower()}",
                "post": draft,
                "queued": queued.post_id,
                "delivery": delivery,
                "article": article.id,
                "schedule": made.known_id,
                "report": plan(session, made, now, "2026-W09", now=now)[0],
            }
            times = {"due": due, "expires_at": due, "handed_at": now}
            task = Task(delivery_id=delivery or 0, account_id=account.known_id, **times)
            session.add(task)
            session.flush()
            facts["task"] = task.known_id
            key, _ = add_key(
                session, house.keys, person, "test", [Act.POST_READ], days=9, at=now, actor="test"
            )
            facts["prefix"] = key.prefix
            self._campaign(session, facts, code)

    def _campaign(self, session: Session, facts: dict[str, object], code: str) -> None:
        """A campaign of the unit's own, with work that it has done."""
        house, now, unit = self.house, self.house.clock.now(), self.house.units[code]
        plan = Plan("活动", date(2026, 3, 2), date(2026, 3, 9))
        made = add_campaign(session, house.keys, unit, plan, [unit], now=now, actor="test")
        wanted, cell = Item("任务", plan.ends), Cell(made.known_id, 1)
        add_item(session, house.keys, made.known_id, wanted, now=now, actor="test")
        work = Work("做了", plan.starts)
        done = add_work(session, house.keys, cell, unit, work, now=now, actor="test")
        post = facts["post"]
        assert isinstance(post, int)
        attach_post(session, house.keys, post, Cell(made.known_id), now=now, actor="test")
        facts |= {"campaign": made.known_id, "work": done.id, "unit": code}

    def _jobs(self, facts: dict[str, object], code: str) -> None:
        """A job of the author's about this place that waits, and one that is done and has made a file."""
        house, now = self.house, self.house.clock.now()
        place, asker = [house.units[code].path], self._asker()
        for name in ("finished", "job"):
            with house.database.write() as session:
                order = JobOrder("report.weekly", {}, Act.REPORT_READ, place)
                job = ask_job(session, house.keys, order, asker, now=now)
            facts[name] = job.known_id
            if name == "finished":
                taken = take_job(
                    house.database, house.keys, [job.kind], node="n", now=now, lease=timedelta(minutes=1)
                )
                assert taken is not None
                made = house.desk.settings.jobs_folder / job.token / "made"
                made.mkdir(parents=True)
                (made / "week.csv").write_text("a,b\n")
                end = End(JobState.DONE, {"files": ["week.csv"]})
                end_job(house.database, house.keys, taken[1], end, now)

    def _asker(self) -> Asker:
        with self.house.database.read() as session:
            return Asker(standing_of(session, self.author), "person:author", "zh")

    def _picture(self, code: str) -> FoundMedia:
        """A picture of this place's own, in the media folder."""
        home = self.house.desk.settings.home
        path = home / f"{code}.png"
        Image.new("RGB", (10, 10), f"#{hashlib.sha256(code.encode()).hexdigest()[:6]}").save(path)
        found = examine(path)
        keep_all(home / "media", [found])
        return found

    def _review(self, facts: dict[str, object], code: str) -> None:
        """The unit demands a first review, and one post waits for it."""
        house, now = self.house, self.house.clock.now()
        with house.database.write() as session:
            unit = find_unit(session, code)
            set_stages(session, house.keys, unit, (Stage.FIRST,), at=now, actor="test")
            reviewed = self._draft(session, code, "送审的稿")
            submit(
                session,
                house.keys,
                reviewed,
                standing_of(session, self.author),
                house.desk.settings.home,
                now=now,
                actor="test",
            )
        facts["reviewed"] = reviewed

    def _draft(self, session: Session, code: str, text: str) -> int:
        house, now = self.house, self.house.clock.now()
        post = write_draft(
            session,
            house.keys,
            Draft("标题", text),
            [house.accounts[code]],
            due=now + timedelta(hours=1),
            lateness_hours=2,
            author_id=self.author.known_id,
            now=now,
            actor="test",
        )
        return post.id or 0

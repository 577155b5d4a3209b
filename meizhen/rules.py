"""The rule of every command and every periodic job: which act it is, and what it is done to.

`tests/meizhen/test_rules.py` walks all commands and jobs: one without a rule fails the build. The operator at
the machine's shell may everything; a person (`--as`, MEIZHEN_PERSON) what `organisation.may` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.errors import MeizhenError
from meizhen.house import open_house
from meizhen.reaches import (
    Asked,
    Check,
    at_account,
    at_campaign,
    at_message,
    at_post,
    at_review,
    at_task,
    at_unit,
    at_webhook,
    at_work,
    filtered,
    giving_role,
    in_campaign,
    over_key,
    over_person,
    own_or_over,
    whole_house,
)
from organisation import Act, record, record_refusal


@dataclass(frozen=True)
class Rule:
    """`act` None is open to everybody: the command touches nothing of the house, asks for a code itself, or
    is about nobody but the person who acts.

    `noted` writes the act into the ledger once it is done, where the command's own room does not.
    """

    act: Act | None
    check: Check = field(default=whole_house)
    noted: bool = False


OPEN = Rule(None)
_READ_POST, _SEND = Rule(Act.POST_READ, at_post("post")), Rule(Act.POST_SEND, at_post("post"))
_REVIEW = Rule(Act.REVIEW_READ, at_review("post"))
_TASK = Rule(Act.POST_SEND, at_task("task"))
_CAMPAIGN = Rule(Act.CAMPAIGN_WRITE, at_campaign("campaign"))
_PERSON = Rule(Act.PERSON_WRITE, over_person("login"))
_STEER = at_account("account", at_post("post", at_unit("unit")))

RULES: Mapping[tuple[str, ...], Rule] = {
    ("init",): Rule(Act.HOUSE_RUN),
    ("doctor",): Rule(Act.HOUSE_RUN),
    ("backup",): Rule(Act.HOUSE_RUN),
    ("backup", "verify"): Rule(Act.HOUSE_RUN),
    ("restore",): Rule(Act.HOUSE_RUN),
    ("demo",): Rule(Act.HOUSE_RUN),
    ("serve",): Rule(Act.HOUSE_RUN),
    ("worker",): Rule(Act.HOUSE_RUN),
    ("org", "import"): Rule(Act.UNIT_WRITE),
    ("org", "list"): Rule(Act.UNIT_READ, at_unit("unit", filtered)),
    ("org", "tree"): Rule(Act.UNIT_READ, at_unit("unit", filtered)),
    ("org", "show"): Rule(Act.UNIT_READ, at_unit("code")),
    ("org", "set"): Rule(Act.UNIT_WRITE, at_unit("code")),
    ("org", "word"): Rule(Act.UNIT_WRITE, at_unit("code")),
    ("person", "add"): Rule(Act.PERSON_WRITE, at_unit("unit")),
    ("person", "invite"): _PERSON,
    ("person", "list"): Rule(Act.PERSON_READ, at_unit("unit", filtered)),
    ("person", "show"): Rule(Act.PERSON_READ, over_person("login")),
    ("person", "disable"): _PERSON,
    ("person", "enable"): _PERSON,
    ("person", "hand-over"): Rule(Act.PERSON_WRITE, over_person("login", "to")),
    ("person", "password"): _PERSON,
    ("person", "factor"): _PERSON,
    ("person", "charge"): Rule(Act.PERSON_WRITE, over_person("login")),
    ("person", "grant"): Rule(Act.ROLE_GRANT, giving_role),
    ("person", "revoke"): Rule(Act.ROLE_GRANT, giving_role),
    ("person", "roles"): OPEN,
    ("person", "demand"): Rule(Act.ROLE_GRANT_OWNER),
    ("person", "accept"): OPEN,
    ("person", "setup"): OPEN,
    ("key", "add"): Rule(Act.PERSON_WRITE, own_or_over("login")),
    ("key", "list"): Rule(Act.PERSON_READ, filtered),
    ("key", "revoke"): Rule(Act.PERSON_WRITE, over_key("prefix")),
    ("account", "add"): Rule(Act.ACCOUNT_WRITE, at_unit("unit")),
    ("account", "import"): Rule(Act.ACCOUNT_WRITE),
    ("account", "list"): Rule(Act.ACCOUNT_READ, at_unit("unit", filtered)),
    ("account", "show"): Rule(Act.ACCOUNT_READ, at_account("name")),
    ("account", "check"): Rule(Act.ACCOUNT_CHECK, at_account("names", at_unit("unit", filtered))),
    ("account", "pause"): Rule(Act.ACCOUNT_WRITE, at_account("name")),
    ("account", "resume"): Rule(Act.ACCOUNT_WRITE, at_account("name")),
    ("account", "retire"): Rule(Act.ACCOUNT_WRITE, at_account("name")),
    ("account", "authorise"): Rule(Act.ACCOUNT_WRITE, at_account("name")),
    ("account", "rotate-keys"): Rule(Act.HOUSE_RUN),
    ("connector", "list"): OPEN,
    ("connector", "test"): Rule(Act.HOUSE_RUN),
    ("connector", "page"): OPEN,
    ("post", "add"): Rule(Act.POST_SEND, at_account("account")),
    ("post", "import"): Rule(Act.POST_SEND),
    ("post", "list"): Rule(Act.POST_READ, at_account("account", filtered)),
    ("post", "show"): _READ_POST,
    ("post", "preview"): _READ_POST,
    ("post", "important"): Rule(Act.POST_WRITE, at_post("post")),
    ("post", "reschedule"): _SEND,
    ("post", "cancel"): _SEND,
    ("post", "retry"): _SEND,
    ("post", "resolve"): _SEND,
    ("post", "draft"): Rule(Act.POST_WRITE, at_account("account")),
    ("post", "edit"): Rule(Act.POST_WRITE, at_post("post")),
    ("post", "send"): _SEND,
    ("campaign", "add"): Rule(Act.CAMPAIGN_WRITE, at_unit("unit")),
    ("campaign", "list"): Rule(Act.CAMPAIGN_READ, filtered),
    ("campaign", "show"): Rule(Act.CAMPAIGN_READ, in_campaign("campaign")),
    ("campaign", "edit"): _CAMPAIGN,
    ("campaign", "close"): _CAMPAIGN,
    ("campaign", "reopen"): _CAMPAIGN,
    ("campaign", "report"): Rule(Act.REPORT_READ, in_campaign("campaign"), noted=True),
    ("campaign", "item", "add"): _CAMPAIGN,
    ("campaign", "item", "edit"): _CAMPAIGN,
    ("campaign", "item", "remove"): _CAMPAIGN,
    # That the campaign itself is in sight is asked by the command: its cell is written with it.
    ("campaign", "attach"): Rule(Act.POST_WRITE, at_post("post")),
    ("campaign", "detach"): Rule(Act.POST_WRITE, at_post("post")),
    ("campaign", "done"): Rule(Act.POST_WRITE, at_unit("unit")),
    ("campaign", "undone"): Rule(Act.POST_WRITE, at_work("work")),
    ("media", "add"): Rule(Act.MEDIA_WRITE, at_unit("unit")),
    ("media", "list"): Rule(Act.MEDIA_READ, filtered),
    # A file has no one place: `scheduler.library.require_media` looks at all of them.
    ("media", "show"): Rule(Act.MEDIA_READ, filtered),
    ("media", "alt"): Rule(Act.MEDIA_WRITE, filtered),
    ("media", "cut"): Rule(Act.MEDIA_WRITE, at_unit("unit")),
    ("review", "form"): _REVIEW,
    # Who may sign which stage is decided where it is signed (`scheduler.review_people.signing`).
    ("review", "list"): Rule(Act.REVIEW_READ, filtered),
    ("review", "show"): _REVIEW,
    ("review", "submit"): Rule(Act.POST_WRITE, at_post("post")),
    ("review", "approve"): _REVIEW,
    ("review", "return"): _REVIEW,
    ("review", "comment"): _REVIEW,
    ("review", "diff"): _REVIEW,
    ("review", "substitute"): OPEN,
    ("task", "list"): Rule(Act.POST_READ, at_account("account", filtered)),
    ("task", "show"): Rule(Act.POST_READ, at_task("task")),
    ("task", "open"): _TASK,
    ("task", "done"): _TASK,
    ("task", "refuse"): _TASK,
    ("task", "robot"): Rule(Act.REPORT_SCHEDULE, at_unit("code")),
    ("queue", "status"): Rule(Act.QUEUE_READ),
    ("queue", "next"): Rule(Act.POST_READ, at_unit("unit", filtered)),
    ("queue", "notices"): Rule(Act.QUEUE_READ),
    ("queue", "pause"): Rule(Act.QUEUE_STEER, _STEER),
    ("queue", "resume"): Rule(Act.QUEUE_STEER, _STEER),
    ("figures", "collect"): Rule(Act.FIGURES_WRITE, at_account("account")),
    ("figures", "import"): Rule(Act.FIGURES_WRITE, at_account("account")),
    ("figures", "export"): Rule(Act.FIGURES_READ, noted=True),
    ("figures", "gaps"): Rule(Act.FIGURES_READ, at_unit("unit")),
    ("figures", "plan"): Rule(Act.FIGURES_READ, at_account("account")),
    ("figures", "imports"): Rule(Act.FIGURES_READ),
    ("figures", "undo"): Rule(Act.FIGURES_WRITE),
    ("figures", "template"): Rule(Act.ACCOUNT_READ, at_unit("unit")),
    ("figures", "missing"): Rule(Act.FIGURES_READ, at_unit("unit")),
    ("figures", "conflicts"): Rule(Act.FIGURES_READ),
    ("figures", "archive"): Rule(Act.FIGURES_WRITE),
    ("figures", "archives"): Rule(Act.FIGURES_READ),
    ("figures", "top"): Rule(Act.FIGURES_READ, at_unit("unit")),
    ("report", "weekly"): Rule(Act.REPORT_READ, at_unit("unit"), noted=True),
    ("report", "pictures"): Rule(Act.REPORT_READ, at_unit("unit"), noted=True),
    ("report", "schedule"): Rule(Act.REPORT_SCHEDULE, at_unit("unit")),
    ("report", "schedules"): Rule(Act.REPORT_READ, at_unit("unit")),
    ("report", "unschedule"): Rule(Act.REPORT_SCHEDULE),
    ("report", "deliver"): Rule(Act.REPORT_SCHEDULE, at_unit("unit")),
    ("report", "deliveries"): Rule(Act.REPORT_READ, at_unit("unit")),
    ("report", "resolve"): Rule(Act.REPORT_SCHEDULE),
    ("report", "robot", "add"): Rule(Act.REPORT_SCHEDULE),
    ("report", "robot", "list"): Rule(Act.REPORT_SCHEDULE),
    ("report", "robot", "remove"): Rule(Act.REPORT_SCHEDULE),
    ("report", "robot", "test"): Rule(Act.REPORT_SCHEDULE),
    ("webhook", "add"): Rule(Act.WEBHOOK_WRITE, at_unit("unit")),
    ("webhook", "list"): Rule(Act.WEBHOOK_READ, filtered),
    ("webhook", "log"): Rule(Act.WEBHOOK_READ, at_webhook("webhook")),
    ("webhook", "test"): Rule(Act.WEBHOOK_WRITE, at_webhook("webhook")),
    ("webhook", "resend"): Rule(Act.WEBHOOK_WRITE, at_message("message")),
    ("webhook", "remove"): Rule(Act.WEBHOOK_WRITE, at_webhook("webhook")),
    ("index", "list"): OPEN,
    ("index", "show"): OPEN,
    ("index", "compute"): OPEN,
    ("award", "run"): Rule(Act.AWARD_RUN, noted=True),
    ("award", "verify"): Rule(Act.AWARD_READ),
    ("award", "diff"): Rule(Act.AWARD_READ),
    ("award", "explain"): Rule(Act.AWARD_READ),
    ("award", "pages"): Rule(Act.AWARD_READ),
    ("award", "exclude"): Rule(Act.AWARD_RUN),
    ("award", "notice"): Rule(Act.AWARD_RUN),
    ("award", "papers"): Rule(Act.AWARD_RUN, noted=True),
    ("award", "objection", "file"): Rule(Act.AWARD_RUN),
    ("award", "objection", "answer"): Rule(Act.AWARD_RUN),
    ("award", "objection", "list"): Rule(Act.AWARD_READ),
    ("award", "jury", "sheets"): Rule(Act.AWARD_RUN),
    ("award", "jury", "file"): Rule(Act.AWARD_JUDGE),
    ("award", "jury", "status"): Rule(Act.AWARD_READ),
    ("award", "jury", "open"): Rule(Act.AWARD_RUN),
    ("award", "check"): Rule(Act.AWARD_READ),
    ("award", "new"): OPEN,
    # Whose jobs are seen, and so called off, is asked of every row (`organisation.jobs`).
    ("job", "list"): OPEN,
    ("job", "show"): OPEN,
    ("job", "cancel"): OPEN,
    ("ledger", "verify"): Rule(Act.LEDGER_READ),
    ("ledger", "list"): Rule(Act.LEDGER_READ),
    ("ledger", "export"): Rule(Act.LEDGER_EXPORT, noted=True),
    ("ledger", "note"): Rule(Act.LEDGER_EXPORT),
}

# What runs by itself acts as the house; its act says what it touches.
JOBS: Mapping[str, Act] = {
    "collect": Act.FIGURES_WRITE,
    "reports": Act.REPORT_SCHEDULE,
    "ledger-head": Act.LEDGER_EXPORT,
    "sweep-sessions": Act.HOUSE_RUN,
    "task-reminders": Act.POST_SEND,
    "post-reminders": Act.POST_SEND,
    "webhooks": Act.WEBHOOK_WRITE,
    "check-accounts": Act.ACCOUNT_CHECK,
}

_UNSEEN = frozenset(
    {
        "org.unknown_unit",
        "account.unknown",
        "account.ambiguous",
        "person.unknown",
        "webhook.unknown",
        "webhook.no_message",
        "key.unknown",
        "campaign.unknown_work",
    }
)


def allow(rule: Rule | None, path: tuple[str, ...], values: Mapping[str, object]) -> None:
    """Raises MeizhenError where the person who acts may not run this; the refusal stands in the ledger.

    What does not exist and what is out of sight are told alike, without names near it.
    """
    if rule is not None and rule.act is None:
        return
    act = Act.HOUSE_RUN if rule is None or rule.act is None else rule.act
    check = whole_house if rule is None else rule.check
    with open_house() as house:
        person = house.person
        if person is None:
            return
        try:
            with house.database.read() as session:
                check(Asked(session, person, act, values))
        except MeizhenError as error:
            with house.database.write() as session:
                record_refusal(
                    session,
                    house.keys,
                    person,
                    act,
                    f"command:{' '.join(path)}",
                    at=house.clock.now(),
                    actor=house.actor,
                )
            if error.code in _UNSEEN:
                raise MeizhenError("organisation.out_of_sight") from None
            raise


def note(rule: Rule, path: tuple[str, ...], values: Mapping[str, object]) -> None:
    """Writes into the ledger that the command was run, and what it was told."""
    told = {name: str(value) for name, value in values.items() if value not in (None, "", False, [])}
    with open_house() as house, house.database.write() as session:
        record(
            session,
            house.keys,
            at=house.clock.now(),
            actor=house.actor,
            act=".".join(path),
            subject=f"command:{' '.join(path)}",
            details={"told": told},
        )

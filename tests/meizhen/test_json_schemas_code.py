"""What the schemas of `--json` say is what the code says: its enumerations, keys, and what may be unknown."""

from dataclasses import fields
from enum import Enum
from typing import Any, get_args, get_type_hints

from json_schemas import DEFINITIONS, Node, nodes, read_schema

from analytics.archive.months import Candidate
from analytics.archive.partitions import Partition
from analytics.archive.verifying import ArchivedFile, Difference
from analytics.archive.writing import Archived
from analytics.asking import Failure
from analytics.closing.reach import Effect, Known, Total
from analytics.engines.question import By, Together
from analytics.gaps import OpenGap
from analytics.imports.conflicts import StagedConflict
from analytics.imports.importing import FirstRow, ImportReport
from analytics.imports.missing import MissingAccount, MissingReport
from analytics.imports.records import ImportState
from analytics.plans import AccountPlan
from analytics.reports.deliveries import State as ReportState
from analytics.reports.robots import Kind as RobotKind
from analytics.reports.schedules import Content
from connectors import Reconcile, Unit
from meizhen.backup.holding import Held
from meizhen.demo.run import Summary
from meizhen.doctor import Grade
from organisation import Act, PersonState, Role
from organisation.accounts import AccountState
from organisation.jobs import JobState
from organisation.ledger_check import LedgerFault, Tampering
from organisation.silence import Silence
from organisation.stages import Stage
from organisation.webhook_messages import MessageState
from organisation.webhooks import Event
from organisation.words import ListedWord
from scheduler.assisted_tasks import TaskState
from scheduler.assisted_views import Listed as ListedTask
from scheduler.campaign_tables import Happening, Phase
from scheduler.deliveries import State
from scheduler.digest import Asking, Coming, Digest, SilentAccount, Trouble
from scheduler.notices import Kind as NoticeKind
from scheduler.outcomes import Purpose
from scheduler.posts import Listed
from scheduler.readiness import Readiness
from scheduler.review_content import Copy
from scheduler.review_tables import Standing
from scheduler.review_views import Remark, Signed, Waiting
from scheduler.status import PlatformStatus, QueueStatus

ENUMS: dict[str, type[Enum]] = {
    "account_state": AccountState,
    "act": Act,
    "call_purpose": Purpose,
    "campaign_happening": Happening,
    "campaign_phase": Phase,
    "counts": Unit,
    "delivery_state": State,
    "effect": Effect,
    "grade": Grade,
    "import_state": ImportState,
    "job_state": JobState,
    "message_state": MessageState,
    "notice_kind": NoticeKind,
    "person_state": PersonState,
    "readiness": Readiness,
    "reconcile": Reconcile,
    "report_content": Content,
    "report_state": ReportState,
    "review_stage": Stage,
    "robot_kind": RobotKind,
    "role": Role,
    "silence": Silence,
    "submission_state": Standing,
    "tampering": Tampering,
    "task_state": TaskState,
    "together": Together,
    "webhook_event": Event,
}
# What is printed as it is kept.
SHAPES: dict[str, type[Any]] = {
    "definitions/archive_candidate": Candidate,
    "definitions/asking": Asking,
    "definitions/import_report": ImportReport,
    "definitions/import_report/first_conflicts": StagedConflict,
    "definitions/import_report/first_rows": FirstRow,
    "definitions/known_figure": Known,
    "definitions/known_total": Total,
    "definitions/partition": Partition,
    "definitions/task_facts": ListedTask,
    "demo": Summary,
    "figures-archive": Difference,
    "figures-archive/done": Archived,
    "figures-archives": ArchivedFile,
    "figures-collect/failures": Failure,
    "figures-gaps": OpenGap,
    "figures-missing": MissingReport,
    "figures-missing/accounts": MissingAccount,
    "figures-plan": AccountPlan,
    "ledger-verify/fault": LedgerFault,
    "org-word": ListedWord,
    "post-list": Listed,
    "queue-next": Digest,
    "queue-next/coming": Coming,
    "queue-next/silent": SilentAccount,
    "queue-next/troubles": Trouble,
    "queue-status": QueueStatus,
    "queue-status/platforms": PlatformStatus,
    "restore/held": Held,
    "review-list": Waiting,
    "review-show/comments": Remark,
    "review-show/content/copies": Copy,
    "review-show/signed": Signed,
}


def test_enumerations_are_those_of_the_code() -> None:
    defined = read_schema(DEFINITIONS)["$defs"]
    told = {name: defined[name]["enum"] for name in ENUMS}
    assert told == {name: [one.value for one in kind] for name, kind in ENUMS.items()}
    assert defined["group"]["enum"] == [one.value for one in By if one is not By.WEEK]


def test_what_is_printed_as_it_is_kept_has_its_keys_and_may_be_unknown_where_it_may() -> None:
    for place, kind in SHAPES.items():
        hints = get_type_hints(kind)
        kept = {one.name: type(None) in get_args(hints[one.name]) for one in fields(kind)}
        assert kept in _told(place), place


def _told(place: str) -> list[dict[str, bool]]:
    """The keys that are always there, each with whether it may be null, of every shape at this place."""
    return [
        {key: _may_be_null(node["properties"][key]) for key in node["required"]}
        for one, node in nodes(place.partition("/")[0])
        if one == place and "required" in node
    ]


def _may_be_null(node: Node) -> bool:
    kinds = node.get("type", [])
    return (isinstance(kinds, list) and "null" in kinds) or {"type": "null"} in node.get("anyOf", [])

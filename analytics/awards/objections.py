"""Objections to a list: filed while the notice is up, answered, never erased.

`inputs/objections.jsonl` holds one act a line; each line carries the hash of the one before it, so that one
that was changed, moved or taken out shows. The ledger has the same acts: there a cut end shows too.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from analytics.awards.folder import INPUTS, RunFolder
from analytics.awards.handles import Handles
from analytics.awards.notice import public_days
from analytics.awards.rule import Rule
from config.errors import MeizhenError

OBJECTIONS = f"{INPUTS}/objections.jsonl"
FINAL_LIST = "final.json"


@dataclass(frozen=True)
class Answer:
    """What was answered. `upheld`: the objection is right, and this list cannot become final."""

    day: date
    by: str
    text: str
    upheld: bool


@dataclass(frozen=True)
class Objection:
    """One objection. `account` may be '' where it is about the whole list; `due` is the day to answer by."""

    number: int
    day: date
    by: str
    account: str
    text: str
    due: date
    answer: Answer | None = None


def file_objection(
    folder: RunFolder, rule: Rule, *, by: str, account: str, text: str, today: date
) -> Objection:
    """Files an objection. Raises MeizhenError before the notice is up, after its last day, or without a name
    where the rule wants one, InputError for an account that is not there.
    """
    days = public_days(folder)
    if rule.notice is None:
        raise MeizhenError("award.rule_without_notice")
    if folder.has(FINAL_LIST):
        raise MeizhenError("award.run_locked", folder=folder.path)
    if days is None or today < days.put_up:
        raise MeizhenError("award.notice_not_up")
    if today > days.until:
        raise MeizhenError("award.objection_late", until=days.until, today=today)
    if rule.notice.named and not by.strip():
        raise MeizhenError("award.objection_unnamed")
    if not text.strip():
        raise MeizhenError("award.objection_empty")
    if account:
        accounts = ((category, folder.path / category.id / "accounts.csv") for category in rule.categories)
        Handles(accounts).key(account)
    due = today + timedelta(days=rule.notice.answer_days)
    with folder.alone():
        number = len(objections(folder)) + 1
        _append(
            folder,
            {
                "act": "filed",
                "number": number,
                "day": today.isoformat(),
                "by": by.strip(),
                "account": account,
                "text": text.strip(),
                "due": due.isoformat(),
            },
        )
        return objections(folder)[number - 1]


def answer_objection(
    folder: RunFolder, number: int, *, by: str, text: str, upheld: bool, today: date
) -> Objection:
    """Answers an objection. Raises MeizhenError for an unknown one, or one that has its answer."""
    if not by.strip() or not text.strip():
        raise MeizhenError("award.objection_empty")
    with folder.alone():
        filed = objections(folder)
        if not 1 <= number <= len(filed):
            raise MeizhenError("award.no_such_objection", number=number, count=len(filed))
        if filed[number - 1].answer is not None:
            raise MeizhenError("award.objection_answered", number=number)
        _append(
            folder,
            {
                "act": "answered",
                "number": number,
                "day": today.isoformat(),
                "by": by.strip(),
                "text": text.strip(),
                "upheld": upheld,
            },
        )
        return objections(folder)[number - 1]


def objections(folder: RunFolder) -> list[Objection]:
    """All objections with their answers. Raises MeizhenError where a line was changed or is missing."""
    found: list[Objection] = []
    for line in _lines(folder):
        day = date.fromisoformat(str(line["day"]))
        by, text = str(line["by"]), str(line["text"])
        if line["act"] == "filed":
            due = date.fromisoformat(str(line["due"]))
            found.append(Objection(len(found) + 1, day, by, str(line["account"]), text, due))
        else:
            place = int(str(line["number"])) - 1
            answer = Answer(day, by, text, line["upheld"] is True)
            found[place] = replace(found[place], answer=answer)
    return found


def _lines(folder: RunFolder) -> Iterator[dict[str, object]]:
    if not folder.has(OBJECTIONS):
        return
    before = ""
    for number, text in enumerate(_split((folder.path / OBJECTIONS).read_text("utf-8")), start=1):
        try:
            line = json.loads(text)
            fits = isinstance(line, dict) and line["before"] == before
        except (ValueError, KeyError):
            fits = False
        if not fits:
            raise MeizhenError("award.objections_changed", line=number)
        before = hashlib.sha256(text.encode()).hexdigest()
        yield line


def _split(content: str) -> list[str]:
    """Lines as written: `splitlines` would also cut at characters that a text may hold."""
    return content.removesuffix("\n").split("\n") if content else []


def _append(folder: RunFolder, act: dict[str, object]) -> None:
    old = (folder.path / OBJECTIONS).read_text("utf-8") if folder.has(OBJECTIONS) else ""
    lines = _split(old)
    before = hashlib.sha256(lines[-1].encode()).hexdigest() if lines else ""
    line = json.dumps(act | {"before": before}, ensure_ascii=False)
    folder.place(OBJECTIONS, f"{old}{line}\n".encode())


def refuse_open(rule: Rule, folder: RunFolder, today: date | None) -> None:
    """Raises MeizhenError while this list may not become final: notice not up or not over, an objection open,
    or one upheld. Without a notice in the rule nothing is waited for.
    """
    if rule.notice is None:
        return
    days = public_days(folder)
    if days is None:
        raise MeizhenError("award.notice_not_up")
    if today is None or today <= days.until:
        raise MeizhenError("award.notice_not_over", until=days.until)
    filed = objections(folder)
    waiting = [str(one.number) for one in filed if one.answer is None]
    if waiting:
        raise MeizhenError("award.objections_open", numbers=", ".join(waiting))
    upheld = [str(one.number) for one in filed if one.answer is not None and one.answer.upheld]
    if upheld:
        raise MeizhenError("award.objections_upheld", numbers=", ".join(upheld))

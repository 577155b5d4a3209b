"""Jobs with awards: a look at a rule, a dry run, the run with its stages, the papers. An award is the whole
house's.
"""

import shutil
from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from analytics.awards.exclusions import Exclusion, exclude_account
from analytics.awards.files import json_bytes
from analytics.awards.holes import Signature
from analytics.awards.keeping import Award, Awards
from analytics.awards.papers.making import make_papers
from analytics.awards.result import as_json
from analytics.awards.rule_check import check_award, check_json
from analytics.awards.run import dry_run, run_award
from analytics.awards.stages import STAGES
from config.clock import shanghai_day
from config.errors import MeizhenError
from organisation.job_leases import Entry
from organisation.job_runner import Done, JobKind, Tools, Work
from organisation.jobs import Order
from organisation.permissions import HOUSE, Act, Standing

CHECK, DRY, RUN, PAPERS = "award.check", "award.dry", "award.run", "award.papers"
EXCLUDE = "award.exclude"
CHECK_FILE = "check.json"
RULE_FILE = "rule.toml"
_HOUSE = [HOUSE.path]


class _AwardGiven(BaseModel):
    """An award by its name; '' is a rule that lies in the job's own folder."""

    model_config = ConfigDict(extra="forbid")

    award: str
    sign: Annotated[str, StringConstraints(max_length=200)] = ""
    reason: Annotated[str, StringConstraints(max_length=1000)] = ""
    until: Annotated[str, StringConstraints(max_length=40)] = STAGES[-1]

    @property
    def signature(self) -> Signature | None:
        return Signature(self.sign, self.reason) if self.sign else None


class _Excluded(BaseModel):
    """The run that an account is taken out of, and the name of the one without it."""

    model_config = ConfigDict(extra="forbid")

    award: str
    into: str
    account: Annotated[str, StringConstraints(max_length=200)]
    by: Annotated[str, StringConstraints(max_length=200)]
    reason: Annotated[str, StringConstraints(max_length=1000)]
    category: Annotated[str, StringConstraints(max_length=200)] = ""


def order_check(award: Award | None) -> Order:
    """A look at an award's rule and files; without an award at a rule given by itself (`RULE_FILE`)."""
    return _order(CHECK, Act.AWARD_READ, "" if award is None else award.name)


def order_dry_run(award: Award) -> Order:
    """The list as it would be today. Raises InputError for a rule that is wrong."""
    award.rule()
    return _order(DRY, Act.AWARD_RUN, award.name)


def order_run(award: Award, *, sign: str = "", reason: str = "", until: str = STAGES[-1]) -> Order:
    """The run, carried on where it was begun, until this stage is done; `sign` and `reason` sign for holes.

    Raises InputError for a rule that is wrong, MeizhenError `award.sign_incomplete` or `input.not_one_of`.
    """
    award.rule()
    return order_run_of(award.name, sign=sign, reason=reason, until=until)


def order_run_of(name: str, *, sign: str = "", reason: str = "", until: str = STAGES[-1]) -> Order:
    """The run of an award whose rule is put there together with the order (`Awards.put`).

    Raises MeizhenError `award.sign_incomplete` or `input.not_one_of`.
    """
    if until not in STAGES:
        raise MeizhenError("input.not_one_of", expected=", ".join(STAGES), received=until[:40])
    sign, reason = sign.strip(), reason.strip()
    if bool(sign) != bool(reason):
        raise MeizhenError("award.sign_incomplete")
    return _order(RUN, Act.AWARD_RUN, name, sign=sign, reason=reason, until=until)


def order_papers(award: Award) -> Order:
    """What is printed and put up."""
    return _order(PAPERS, Act.AWARD_RUN, award.name)


def order_exclusion(award: Award, into: Award, exclusion: Exclusion) -> Order:
    """A new run without an account, which a named person takes out of it."""
    given = _Excluded(award=award.name, into=into.name, **asdict(exclusion))
    return Order(EXCLUDE, given.model_dump(mode="json"), Act.AWARD_RUN, _HOUSE, subject_of(award))


def subject_of(award: Award) -> str:
    """What its jobs are about: one at a time."""
    return f"award:{award.name}"


def _order(kind: str, act: Act, name: str, **more: str) -> Order:
    given = _AwardGiven(award=name, **more)
    return Order(kind, given.model_dump(mode="json"), act, _HOUSE, f"award:{name}" if name else "")


class _OfAward(JobKind):
    def __init__(self, tools: Tools) -> None:
        self._database = tools.database
        self._clock = tools.clock
        self._shelf = Awards(tools.settings.awards_root)

    def _given(self, work: Work) -> _AwardGiven:
        return _AwardGiven.model_validate(work.job.arguments)

    def _award(self, work: Work) -> Award:
        return self._shelf.find(self._given(work).award)


class AwardChecking(_OfAward):
    """A look at a rule before the year is over."""

    name = CHECK

    def run(self, work: Work, person: Standing) -> Done:
        if self._given(work).award:
            award = self._award(work)
            rule, files = award.rule_path, award.given()
            checked = check_award(
                self._database,
                rule,
                jury=files.jury,
                votes=files.votes,
                vetoes=files.vetoes,
                progress=work.tell,
            )
        else:
            rule = work.given / RULE_FILE
            checked = check_award(self._database, rule, progress=work.tell)
        (work.folder / CHECK_FILE).write_bytes(json_bytes(check_json(checked)))
        # Beside what was found, what it was found of: a rule that was changed since is to be checked anew.
        shutil.copyfile(rule, work.folder / RULE_FILE)
        return Done({"files": [CHECK_FILE, RULE_FILE]})


class AwardDryRun(_OfAward):
    """The list as it would be today."""

    name = DRY

    def run(self, work: Work, person: Standing) -> Done:
        award = self._award(work)
        result = dry_run(self._database, award.rule_path, award.given(), progress=work.tell)
        told = as_json(result.rule, result.categories) | {"data_only": result.data_only}
        award.dry.write_bytes(json_bytes(told))
        return Done({"award": award.name})


class AwardRunning(_OfAward):
    """The run: stages that are done stay done, also where it is called off between two."""

    name = RUN

    def run(self, work: Work, person: Standing) -> Done:
        award, given = self._award(work), self._given(work)
        signature = given.signature
        files = award.given(signature)
        result = run_award(
            self._database,
            award.rule_path,
            award.run.path,
            jury=files.jury,
            votes=files.votes,
            vetoes=files.vetoes,
            nominees=files.nominees,
            signature=signature,
            today=shanghai_day(self._clock.now()),
            until=given.until,
            progress=work.tell,
        )
        subject = subject_of(award)
        told: dict[str, object] = {"run_id": result.run_id, "number": result.number}
        entries = [Entry("award.run", subject, told)]
        if signature is not None:
            signed = {**told, "name": signature.name, "reason": signature.reason}
            entries.insert(0, Entry("award.sign", subject, signed))
        return Done({"award": award.name, **told}, entries)


class AwardExcluding(_OfAward):
    """The run computed anew without an account, under a name and number of its own."""

    name = EXCLUDE

    def run(self, work: Work, person: Standing) -> Done:
        given = _Excluded.model_validate(work.job.arguments)
        award, made = self._shelf.find(given.award), self._shelf.room(given.into)
        exclusion = Exclusion(given.account, given.by, given.reason, given.category)
        today = shanghai_day(self._clock.now())
        result = exclude_account(award.run, made.run, exclusion, today=today, progress=work.tell)
        told: dict[str, object] = {"run_id": result.run_id, "number": result.number}
        why = {"account": given.account, "by": given.by, "reason": given.reason}
        return Done({"award": made.name, **told}, [Entry("award.exclude", subject_of(made), {**told, **why})])


class AwardPapers(_OfAward):
    """Certificates, minutes, notices."""

    name = PAPERS

    def run(self, work: Work, person: Standing) -> Done:
        award = self._award(work)
        work.tell("papers", 0, 1)
        made = make_papers(award.run.path)
        entry = Entry("award.papers", subject_of(award), {"papers": sorted(made.paths)})
        return Done({"award": award.name}, [entry])

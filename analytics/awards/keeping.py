"""The awards of a house, below one folder: the run of each, and what leads to it, apart from the run.

NAME/                   the run (`folder.RunFolder`, `shelf`)
.desk/NAME/rule.toml    the rule, until the figures are frozen: from then on the run's own copy counts
.desk/NAME/given/       the files of people's judgement
.desk/NAME/dry.json     the list of the last dry run
"""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from analytics.awards.files import read_csv
from analytics.awards.folder import RunFolder
from analytics.awards.holes import Signature
from analytics.awards.intake import Given
from analytics.awards.rule import Rule
from analytics.awards.rule_file import load_rule
from analytics.awards.rule_shapes import new_rule
from analytics.awards.run import rule_of
from analytics.awards.stages import FREEZE, RULE, number_of
from config.errors import MeizhenError

GIVEN = ("jury", "votes", "vetoes", "nominees")
ENDINGS = (".csv", ".xlsx")
MOST_RULE = 200_000  # characters
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_DESK = ".desk"
_FILES = ("final.csv", "notice.csv", "ranking.csv", "ranking.json", "ranking.png", "ranking.svg", RULE)
_PAPERS = "papers"


@dataclass(frozen=True)
class Award:
    """One award. `path` is the folder of what leads to its run, which need not be there."""

    name: str
    path: Path
    run: RunFolder

    @property
    def frozen(self) -> bool:
        """Are the figures frozen? Then the rule stands."""
        return self.run.was_done(number_of(FREEZE), FREEZE)

    @property
    def ranked(self) -> bool:
        return self.run.has("ranking.json")

    @property
    def final(self) -> bool:
        return self.run.has("final.json")

    @property
    def rule_path(self) -> Path:
        """The rule that counts: the run's own once there is one."""
        return (self.run.path if self.frozen else self.path) / RULE

    @property
    def dry(self) -> Path:
        return self.path / "dry.json"

    def rule(self) -> Rule:
        """Raises InputError for a rule that is wrong."""
        return rule_of(self.run) if self.frozen else load_rule(self.rule_path)

    def text(self) -> str:
        return self.rule_path.read_text("utf-8")

    def rewrite(self, told: str) -> None:
        """Puts another rule there, any text: a half-written one is not lost, and a check tells what is wrong.

        Raises MeizhenError `award.rule_frozen` once the figures are frozen.
        """
        if self.frozen:
            raise MeizhenError("award.rule_frozen", name=self.name)
        if len(told) > MOST_RULE:
            raise MeizhenError("award.rule_long", limit=MOST_RULE)
        draft = self.path / "rule.draft"
        draft.write_text(told.replace("\r\n", "\n"), "utf-8", newline="\n")
        draft.replace(self.path / RULE)

    def given(self, signature: Signature | None = None) -> Given:
        """What people handed in, with a signature for holes."""
        files = {kind: self.given_file(kind) for kind in GIVEN}
        return Given(files["jury"], files["votes"], files["vetoes"], signature, files["nominees"])

    def given_file(self, kind: str) -> Path | None:
        folder = self.path / "given"
        return next((path for ending in ENDINGS if (path := folder / f"{kind}{ending}").is_file()), None)

    def take(self, kind: str, ending: str, content: bytes) -> None:
        """Keeps a file of people's judgement, in place of an earlier one."""
        if kind not in GIVEN or ending not in ENDINGS:
            raise MeizhenError("award.given_kind", received=ending or kind, known=", ".join(ENDINGS))
        old = self.given_file(kind)
        path = self.path / "given" / f"{kind}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if old is not None and old != path:
            old.unlink()

    def ranking(self) -> Mapping[str, object] | None:
        """The list as `result.as_json` has it: of the run, else of the last dry run; None without either."""
        for path in (self.run.path / "ranking.json", self.dry):
            if path.is_file():
                told: dict[str, object] = json.loads(path.read_text("utf-8"))
                return told
        return None

    def flags(self, rule: Rule) -> Iterator[Mapping[str, str]]:
        """What a person should look at, with the account's name, in the rule's order."""
        for category in rule.categories:
            folder = self.run.path / category.id
            if not (folder / "anomalies.csv").is_file():
                continue
            names = {row["handle"]: row["name"] for row in read_csv(folder / "accounts.csv")}
            for row in read_csv(folder / "anomalies.csv"):
                yield {"category": category.id, "name": names.get(row["handle"], row["handle"]), **row}

    def notice(self) -> list[Mapping[str, str]]:
        """The rows of the public notice; none before it is made."""
        path = self.run.path / "notice.csv"
        return list(read_csv(path)) if path.is_file() else []

    def downloads(self) -> list[str]:
        """The names of the files that people take away, papers after lists."""
        papers = sorted(
            f"{_PAPERS}/{path.name}" for path in (self.run.path / _PAPERS).glob("*") if path.is_file()
        )
        return [name for name in _FILES if self.run.has(name)] + papers

    def download(self, name: str) -> Path:
        """A file to take away. Raises MeizhenError `award.no_file` for any other name."""
        if name not in self.downloads():
            raise MeizhenError("award.no_file", name=name)
        return self.run.path / name


class Awards:
    """All awards below one folder (`Settings.awards_root`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def known(self) -> list[Award]:
        """By name, the last first: names mostly begin with a year."""
        rules = {path.parent.name for path in self._folder.glob(f"{_DESK}/*/{RULE}")}
        runs = {path.parent.name for path in self._folder.glob(f"*/{RULE}")}
        return [self._award(name) for name in sorted(rules | runs, reverse=True) if _NAME.fullmatch(name)]

    def find(self, name: str) -> Award:
        """Raises MeizhenError `award.not_found`."""
        award = self._award(name)
        if not _NAME.fullmatch(name) or not award.rule_path.is_file():
            raise MeizhenError("award.not_found", name=name[:100])
        return award

    def add(self, name: str, shape: str) -> Award:
        """A new award with the commented rule of a shape.

        Raises MeizhenError `award.bad_name`, or `award.rule_exists`; InputError for an unknown shape.
        """
        award = self.room(name)
        award.path.mkdir(parents=True, exist_ok=True)
        new_rule(award.path / RULE, shape)
        return award

    def put(self, name: str, rule: str) -> Award:
        """The award of this name with this rule, made where it is not there.

        Raises MeizhenError `award.bad_name`, `award.rule_long`, and `award.rule_frozen` where the figures
        were frozen by another rule; InputError for a rule that is wrong: then nothing is changed.
        """
        if not _NAME.fullmatch(name):
            raise MeizhenError("award.bad_name", received=name[:100])
        award = self._award(name)
        if award.frozen and award.text() == rule.replace("\r\n", "\n"):
            return award
        with tempfile.TemporaryDirectory(prefix="meizhen-rule-") as folder:
            path = Path(folder) / RULE
            path.write_text(rule, "utf-8", newline="\n")
            load_rule(path)
        if award.frozen:
            raise MeizhenError("award.rule_frozen", name=name)
        award.path.mkdir(parents=True, exist_ok=True)
        award.rewrite(rule)
        return award

    def room(self, name: str) -> Award:
        """An award of that name that is not there yet. Raises MeizhenError as `add`."""
        award = self._award(name)
        if not _NAME.fullmatch(name):
            raise MeizhenError("award.bad_name", received=name[:100])
        if award.rule_path.exists() or award.run.path.exists():
            raise MeizhenError("award.rule_exists", path=name)
        return award

    def _award(self, name: str) -> Award:
        return Award(name, self._folder / _DESK / name, RunFolder(self._folder / name))

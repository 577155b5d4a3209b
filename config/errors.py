"""Errors that people read: what happened, whether something may have gone out, what to do.

MeizhenError            one fact, a stable code, texts in the catalogues
└── InputError          a file or a request that was refused whole: every problem with its place
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config.messages import text, told


class MeizhenError(Exception):
    """A failure with a stable code, told in the reader's language.

    `code` names an entry of the catalogues (`post.not_found`), whose `zh` and `en` take `params`, and whose
    `remedy_zh` and `remedy_en` say what to do. `may_have_gone_out` is True only where a platform could have
    received something.
    """

    def __init__(self, code: str, /, *, may_have_gone_out: bool = False, **params: object) -> None:
        self.code = code
        self.params: Mapping[str, object] = params
        self.may_have_gone_out = may_have_gone_out
        super().__init__(code)

    def __str__(self) -> str:
        remedy = self.remedy()
        return self.told() if not remedy else f"{self.told()} {remedy}"

    def told(self, language: str | None = None) -> str:
        """What happened, in `language` (zh or en; the current one without it)."""
        return told(self.code, self.params, language=language)

    def remedy(self, language: str | None = None) -> str:
        """What to do about it; empty where the catalogue knows nothing."""
        return told(self.code, self.params, language=language, part="remedy")

    def as_json(self) -> dict[str, object]:
        """The same facts for programs: code, both languages, whether something may have gone out."""
        return {
            "code": self.code,
            "may_have_gone_out": self.may_have_gone_out,
            "zh": self.told("zh"),
            "en": self.told("en"),
            "remedy_zh": self.remedy("zh"),
            "remedy_en": self.remedy("en"),
        }


@dataclass(frozen=True)
class Problem:
    """One thing wrong in an input: where it stands, and the catalogue entry that says what was expected."""

    code: str
    row: int | None = None
    column: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)

    def told(self, language: str | None = None) -> str:
        where = []
        if self.row is not None:
            where.append(told("input.row", {"row": self.row}, language=language))
        if self.column is not None:
            where.append(told("input.column", {"column": self.column}, language=language))
        said = told(self.code, self.params, language=language)
        remedy = told(self.code, self.params, language=language, part="remedy")
        return " ".join(part for part in ["".join(where), said, remedy] if part)

    def as_json(self) -> dict[str, object]:
        """The same for programs: code, place, both languages."""
        return {
            "code": self.code,
            "row": self.row,
            "column": self.column,
            "zh": self.told("zh"),
            "en": self.told("en"),
        }


class InputError(MeizhenError):
    """An input refused whole, nothing of it applied. `problems` names each place.

    Of very many, `problems` are the first ones and `count` is how many there are.
    """

    def __init__(self, source: str, problems: Sequence[Problem], *, count: int | None = None) -> None:
        self.source = source
        self.problems = tuple(problems)
        self.count = len(self.problems) if count is None else count
        super().__init__("input.refused", source=source, count=self.count)

    def __str__(self) -> str:
        shown = [f"  {problem.told()}" for problem in self.problems[:20]]
        if self.count > len(shown):
            shown.append("  " + text("input.more", count=self.count - len(shown)))
        return "\n".join([super().__str__(), *shown])

    def as_json(self) -> dict[str, object]:
        return super().as_json() | {
            "source": self.source,
            "count": self.count,
            "problems": [problem.as_json() for problem in self.problems],
        }

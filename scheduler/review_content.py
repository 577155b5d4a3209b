"""What reviewers sign: a post with all its copies, accounts and times, as one hash.

The hash is sha256 over canonical JSON (sorted keys, no blanks, ASCII) of title, text, options, the hashes of
the files' bytes in order, and for every account its name, what its copy says differently, and its window of
time. Whatever of that changes, changes the hash.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import cast

from sqlmodel import Session

from config.batch import BatchQuery
from scheduler.wording import Wording, effective

Options = dict[str, str]


@dataclass(frozen=True)
class Copy:
    """A post's copy for an account: what it says differently (None: the post's own), and its window."""

    account_id: int
    account: str  # platform:handle
    due: datetime
    late_after: datetime
    title: str | None = None
    text: str | None = None
    options: Options | None = None

    def holds(self, due: datetime, late_after: datetime) -> bool:
        """Does a delivery of these times go out within the window?"""
        return self.due <= due and late_after <= self.late_after


@dataclass(frozen=True)
class Content:
    """All that a reviewer signs. `media` is the files' sha256 in order; `copies` are by account id.

    `alts` is what the files show in words, in the same order; () where none of them says anything.
    """

    title: str
    text: str
    options: Options
    media: tuple[str, ...]
    copies: tuple[Copy, ...]
    alts: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """The content as JSON keeps it; `of_facts` gives it back."""
        told = asdict(self)
        if not self.alts:  # a post without any has the hash that it had before files had words
            del told["alts"]
        return cast(dict[str, object], json.loads(json.dumps(told, default=_moment)))

    @property
    def sha256(self) -> str:
        """What is signed: 64 hexadecimal digits."""
        told = json.dumps(self.facts(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(told.encode("ascii")).hexdigest()

    def copy_for(self, account_id: int) -> Copy | None:
        """The copy for an account; None where the post does not go there."""
        return next((copy for copy in self.copies if copy.account_id == account_id), None)

    def said(self, copy: Copy) -> tuple[str, str, Options]:
        """Title, text and options as the account's copy goes out."""
        variant = Wording(copy.title, copy.text, copy.options)
        return effective(Wording(self.title, self.text, self.options), variant)


def of_facts(facts: Mapping[str, object]) -> Content:
    """The content that was kept as JSON."""
    copies = []
    for one in cast(list[dict[str, object]], facts["copies"]):
        times = {name: datetime.fromisoformat(str(one[name])) for name in ("due", "late_after")}
        copies.append(Copy(**(one | times)))  # type: ignore[arg-type]
    return Content(
        str(facts["title"]),
        str(facts["text"]),
        cast(Options, facts["options"]),
        tuple(cast(list[str], facts["media"])),
        tuple(copies),
        tuple(cast(list[str], facts.get("alts", []))),
    )


# One statement, so that what is read of a post is of one moment.
_ASKED = (
    "SELECT post.id AS post_id, post.title AS title, post.text AS text, post.options AS options, "
    "post.media AS media, ({words} WHERE file.alt != '') AS words, planned.account_id AS account_id, "
    "account.platform AS platform, account.handle AS handle, planned.due AS due, "
    "planned.late_after AS late_after, variant.title AS own_title, variant.text AS own_text, "
    "variant.options AS own_options FROM {{rows}} AS asked JOIN post ON post.id = asked.post_id "
    "LEFT JOIN planned ON planned.post_id = post.id LEFT JOIN account ON account.id = planned.account_id "
    "LEFT JOIN variant ON variant.post_id = post.id AND variant.account_id = planned.account_id "
    "ORDER BY post.id, planned.account_id"
)
_CONTENTS = BatchQuery(
    _ASKED.format(
        words="SELECT json_group_object(file.sha256, file.alt) FROM json_each(post.media) AS one "
        "JOIN media_file file ON file.sha256 = one.value"
    ),
    {"post_id": "integer"},
    {
        "post_id": "integer",
        "title": "text",
        "text": "text",
        "options": "json",
        "media": "json",
        "words": "json",
        "account_id": "integer",
        "platform": "text",
        "handle": "text",
        "due": "time",
        "late_after": "time",
        "own_title": "text",
        "own_text": "text",
        "own_options": "json",
    },
    on_postgresql=_ASKED.format(
        words="SELECT json_object_agg(file.sha256, file.alt) FROM "
        "json_array_elements_text(post.media) AS one(value) JOIN media_file file ON file.sha256 = one.value"
    ),
)


def contents_of(session: Session, post_ids: Collection[int]) -> dict[int, Content]:
    """What posts say now, by post id; one that is not there is left out."""
    rows = _CONTENTS.ask(session.connection(), [(post_id,) for post_id in sorted(set(post_ids))])
    copies: dict[int, list[Copy]] = {}
    posts: dict[int, list[object]] = {}
    for post_id, *said, account_id, platform, handle, due, late_after, title, text, options in rows:
        posts[post_id] = said
        found = copies.setdefault(post_id, [])
        if account_id is not None:
            found.append(Copy(account_id, f"{platform}:{handle}", due, late_after, title, text, options))
    return {
        post_id: Content(
            str(title),
            str(text),
            cast(Options, options),
            tuple(cast(list[str], media)),
            tuple(copies[post_id]),
            alts_of(cast(list[str], media), cast(dict[str, str] | None, words) or {}),
        )
        for post_id, (title, text, options, media, words) in posts.items()
    }


def alts_of(media: Sequence[str], words: Mapping[str, str]) -> tuple[str, ...]:
    """The words of each file in order; () where there are none at all."""
    alts = tuple(words.get(sha256, "") for sha256 in media)
    return alts if any(alts) else ()


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"expected a moment, got {type(value).__name__}")

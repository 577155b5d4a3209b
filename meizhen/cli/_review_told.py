"""A submission for people and for programs."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from config.messages import text
from meizhen.cli._output import beijing

if TYPE_CHECKING:
    from scheduler.review_views import Shown, Signed


def as_facts(seen: "Shown") -> dict[str, object]:
    """Everything, nothing explained; persons by login."""
    facts = seen.submission.model_dump(exclude={"id", "content", "submitted_by", "ended_by"})
    return facts | {
        "by": seen.by,
        "ended_by": seen.ended_by,
        "content": seen.content.facts(),
        "signed": [asdict(one) for one in seen.signed],
        "missing": list(seen.missing),
        "comments": [asdict(one) for one in seen.remarks],
    }


def told(seen: "Shown") -> Iterable[str]:
    """For people: where it stands, who signed, what was said, and the text itself."""
    one, content = seen.submission, seen.content
    state = text(f"review.state_{one.state}")
    yield text("review.show_post", id=one.post_id, title=content.title, number=one.number, state=state)
    yield text("review.show_by", login=seen.by, at=beijing(one.submitted_at), hash=one.content_hash)
    if one.urgent_reason:
        yield text("review.show_urgent", reason=one.urgent_reason)
    for copy in content.copies:
        window = f"{beijing(copy.due)} – {beijing(copy.late_after)}"
        yield text("review.line_account", account=copy.account, window=window)
    for signed in seen.signed:
        yield "✓ " + _signed(signed)
    for stage in seen.missing:
        yield "… " + text(f"review.stage_{stage}")
    if one.reason:
        yield text("review.show_reason", login=seen.ended_by, reason=one.reason)
    for remark in seen.remarks:
        yield text("review.show_comment", **asdict(remark) | {"at": beijing(remark.at)})
    yield from ("", content.text)
    for copy in content.copies:
        if copy.text is not None:
            yield from ("", f"[{copy.account}]", copy.text)


def _signed(one: "Signed") -> str:
    facts = {
        "stage": text(f"review.stage_{one.stage}"),
        "login": one.login,
        "name": one.name,
        "at": beijing(one.at),
    }
    if one.in_place_of:
        return text("review.show_signed_for", other=one.in_place_of, **facts)
    return text("review.show_signed", **facts)

"""What a copy of a post says: the post's own words, and over them those of the account's variant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Wording:
    """What a copy of a post says; in a variant, None is the post's own."""

    title: str | None = None
    text: str | None = None
    options: Mapping[str, str] | None = None


class _Worded(Protocol):
    """A post, a variant, or a `Wording`."""

    @property
    def title(self) -> str | None: ...
    @property
    def text(self) -> str | None: ...
    @property
    def options(self) -> Mapping[str, str] | None: ...


def effective(post: _Worded, variant: _Worded | None) -> tuple[str, str, dict[str, str]]:
    """Title, text and options as an account's copy has them; a variant's options lie over the post's."""
    title, text, options = post.title or "", post.text or "", dict(post.options or {})
    if variant is None:
        return title, text, options
    return (
        title if variant.title is None else variant.title,
        text if variant.text is None else variant.text,
        options | dict(variant.options or {}),
    )

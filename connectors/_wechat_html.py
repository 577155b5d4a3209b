"""A text as WeChat's article HTML: Markdown or pasted HTML with its CSS inlined, made safe; or plain lines.

WeChat keeps no <style> and no classes: what a stylesheet says has to stand at each element. Nothing is
fetched for it: linked stylesheets and foreign pictures are never loaded.
"""

import re
from html import escape

import css_inline
import nh3

from connectors._contract import TextFormat
from connectors._formats import html_of_markdown

BEGINS_WITH_TAG = re.compile(r"\s*<(?:!--|[a-zA-Z])")
PLACEHOLDER = re.compile(r"media:(\d{1,3})")

_TAG_NAMES = (
    "a b blockquote br caption code col colgroup del em figcaption figure h1 h2 h3 h4 h5 h6 hr i img li ol p"
    " pre s section span strong sub sup table tbody td tfoot th thead tr u ul"
)
_STYLE_NAMES = (
    "align-items background-color border border-bottom border-collapse border-color border-left"
    " border-radius border-right border-style border-top border-width box-sizing color display flex"
    " flex-direction font-family font-size font-style font-weight height justify-content letter-spacing"
    " line-height list-style-type margin margin-bottom margin-left margin-right margin-top max-width"
    " opacity overflow-x padding padding-bottom padding-left padding-right padding-top text-align"
    " text-decoration text-indent vertical-align white-space width word-break"
)
_TAGS = set(_TAG_NAMES.split())
_STYLES = set(_STYLE_NAMES.split())
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"style"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
_SILENT = {"script", "style", "title", "template"}
# A value may hold colours and sums, but nothing that names an address or hides behind an escape.
_DECLARATION = re.compile(
    r"\s*[a-zA-Z-]+\s*:"
    r"(?:[^\\()\"'<>]|\"[^\"\\()<>]*\"|'[^'\\()<>]*'|(?:rgba?|hsla?|calc)\([\w\s.,%+*/-]*\))*",
    re.IGNORECASE,
)
# How Markdown looks: sizes that a phone reads well.
_LOOK = """
p { margin: 0 0 1em; line-height: 1.75; font-size: 16px; }
h1 { margin: 1.2em 0 0.6em; font-size: 22px; line-height: 1.4; }
h2 { margin: 1.2em 0 0.6em; font-size: 19px; line-height: 1.4; }
h3, h4, h5, h6 { margin: 1em 0 0.5em; font-size: 17px; line-height: 1.4; }
blockquote { margin: 0 0 1em; padding: 0.5em 1em; border-left: 3px solid #c8c8c8; color: #555555; }
ul, ol { margin: 0 0 1em; padding-left: 1.5em; line-height: 1.75; font-size: 16px; }
pre { margin: 0 0 1em; padding: 0.8em 1em; background-color: #f6f6f6; white-space: pre-wrap; }
code { font-family: Menlo, Consolas, monospace; font-size: 14px; }
table { border-collapse: collapse; margin: 0 0 1em; width: 100%; font-size: 15px; }
th, td { border: 1px solid #d8d8d8; padding: 0.4em 0.6em; }
th { background-color: #f6f6f6; }
img { max-width: 100%; }
"""
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False)


def is_html(written: str, written_as: str) -> bool:
    """Is the text HTML? One that says nothing of itself and begins with a tag is."""
    return written_as == TextFormat.HTML or (not written_as and BEGINS_WITH_TAG.match(written) is not None)


def html_of(written: str, written_as: str) -> str:
    """The text as safe HTML, `media:<n>` still in place; `written_as` '': it says nothing of itself."""
    written = written.encode("utf-8", "replace").decode()  # half a character is none
    if written_as == TextFormat.MARKDOWN:
        return _clean(_INLINER.inline_fragment(html_of_markdown(written), _LOOK))
    if is_html(written, written_as):
        return _clean(_INLINER.inline(written) if "<style" in written.lower() else written)
    return _paragraphs(written)


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=_SILENT,
        attributes=_ATTRIBUTES,
        attribute_filter=_harmless,
        url_schemes={"http", "https", "media"},
        url_relative="deny",
        link_rel=None,
        filter_style_properties=_STYLES,
    ).strip()


def _harmless(_tag: str, name: str, value: str) -> str | None:
    """A style without the declarations that could fetch or run anything; other attributes as they are."""
    if name != "style":
        return value
    return ";".join(one for one in value.split(";") if _DECLARATION.fullmatch(one)) or None


def _paragraphs(plain: str) -> str:
    lines = (line.strip() for line in plain.splitlines())
    return "".join(
        f'<p><img src="{line}"></p>' if PLACEHOLDER.fullmatch(line) else f"<p>{escape(line, quote=False)}</p>"
        for line in lines
        if line
    )

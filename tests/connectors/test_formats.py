"""The same text for readers of Markdown, of HTML, and of neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import Outgoing, TextFormat, connector_for, fitted
from connectors._formats import plain_of


def post(text: str, written_as: str | None) -> Outgoing:
    return Outgoing("1", 1, "", text, options={} if written_as is None else {"format": written_as})


@pytest.mark.parametrize(
    ("written_as", "written", "plain"),
    [
        ("markdown", "# 标题\n\n第一段 **粗**。\n续行", "标题\n\n第一段 粗。 续行"),
        ("markdown", "- 一\n- 二\n\n1. 甲\n2. 乙", "• 一\n• 二\n\n1. 甲\n2. 乙"),
        ("markdown", "见[通知](https://a.cn/b)", "见通知 https://a.cn/b"),
        ("markdown", "<https://a.cn/b>", "https://a.cn/b"),
        ("markdown", "`a<b` <b>x</b>", "a<b <b>x</b>"),
        ("markdown", "![图](media:2)\n\n尾", "尾"),
        ("html", "<p>你<br>好</p><script>x()</script><p>a &amp; b</p>", "你\n好\n\na & b"),
        ("html", "<ul><li><p>一</p></li><li>二</li></ul>", "• 一\n• 二"),
        ("plain", "**不动** <b>", "**不动** <b>"),
    ],
)
def test_plain_words_are_what_a_reader_sees(written_as: str, written: str, plain: str) -> None:
    assert plain_of(written, written_as) == plain


def test_a_platform_without_the_format_gets_the_words_and_never_the_option() -> None:
    webhook = connector_for("webhook")
    taken = fitted(webhook, post("**粗**", "markdown"))
    assert (taken.text, dict(taken.options)) == ("粗", {})
    assert fitted(webhook, post("**粗**", None)).text == "**粗**"
    assert fitted(webhook, post("**粗**", "plain")).text == "**粗**"


@given(st.text(st.sampled_from("a <>/pbli&;#*_`[]()!\n-1.|\"'青") | st.characters(), max_size=300))
def test_whatever_is_written_has_plain_words_without_end_or_fault(written: str) -> None:
    for written_as in TextFormat:
        assert isinstance(plain_of(written, written_as), str)

"""An article from Markdown or pasted HTML to what WeChat keeps: safe, its CSS inlined, its look known."""

from pathlib import Path

import pytest
from access import MemoryStore, make_access
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from config import ManualClock
from connectors import Media, Outgoing
from connectors._wechat_article import body_of, content_of, limits_for
from connectors._wechat_html import html_of
from connectors.wechat import connector
from sandbox.world import SandboxAccount
from scheduler.media import examine

APPID, SECRET = "wx9f2c61d0a7b3e845", "0123456789abcdef0123456789abcdef"
STORY = """# 志愿周启动

十二所高校**同日**启动,详见[通知](https://www.example.edu.cn/1?a=1&b=2)。

> 青年先锋

![合影](media:2)

| 学校 | 人数 |
|---|---|
| 甲 | 120 |

<script>alert(1)</script>
"""


def test_markdown_looks_the_same_without_any_stylesheet() -> None:
    html = html_of(STORY, "markdown")
    assert '<h1 style="' in html and '<blockquote style="' in html and "border-collapse" in html
    assert '<a href="https://www.example.edu.cn/1?a=1&amp;b=2">通知</a>' in html
    assert "&lt;script&gt;" in html and "<script" not in html
    assert body_of(STORY, "markdown").placed() == {2}


def test_what_a_stylesheet_says_stands_at_each_element() -> None:
    pasted = (
        "<html><head><title>秀</title><style>.t{color:#123456;position:fixed} p>b{font-weight:700}</style>"
        '</head><body><section class="t" style="text-align:center"><p><b>你好</b></p></section></body></html>'
    )
    html = html_of(pasted, "html")
    assert "秀" not in html and "class" not in html and "<style" not in html and "position" not in html
    assert "color:#123456" in html.replace(" ", "") and "text-align" in html and "font-weight" in html


@pytest.mark.parametrize(
    "bad",
    [
        '<p style="background-color:url(https://evil.example/x)">a</p>',
        '<p style="color:expression(alert(1))">a</p>',
        '<p style="color:\\75rl(https://evil.example)">a</p>',
        "<style>p{color:url(https://evil.example/x);background-color:url('//evil.example')}</style><p>a</p>",
        '<link rel="stylesheet" href="https://evil.example/x.css"><style></style><p>a</p>',
        "<style>@import 'https://evil.example/x.css';</style><p>a</p>",
        '<p onclick="alert(1)">a</p>',
        '<a href="javascript:evil()">a</a>',
        '<iframe src="https://evil.example"></iframe><p>a</p>',
        '<svg><a xlink:href="javascript:evil()"></a></svg><p>a</p>',
        '<form action="https://evil.example"><input value="x">a</form>',
    ],
)
def test_what_could_fetch_or_run_anything_is_gone(bad: str) -> None:
    html = html_of(bad, "html")
    for trace in ("evil", "expression", "url(", "\\", "<link", "onclick", "javascript", "<iframe", "<input"):
        assert trace not in html
    assert "a" in html


def test_a_linked_stylesheet_is_never_read_from_this_machine(tmp_path: Path) -> None:
    sheet = tmp_path / "x.css"
    sheet.write_text("p{color:red}")
    for address in (sheet, sheet.as_uri()):
        assert (
            html_of(f'<link rel="stylesheet" href="{address}"><style></style><p>a</p>', "html") == "<p>a</p>"
        )


@given(st.text(st.sampled_from("<>/=\"' pstylea:;(){}&#\\!-url青") | st.characters(), max_size=200))
def test_cleaning_what_is_clean_changes_nothing(written: str) -> None:
    once = html_of(written, "html")
    assert html_of(once, "html") == once
    assert "<script" not in once.lower() and "<style" not in once.lower()


def test_the_length_is_that_of_the_html() -> None:
    plain, markdown = limits_for({}), limits_for({"format": "markdown"})
    assert plain.count_text("**a**") == len("<p>**a**</p>")
    assert markdown.count_text("**a**") == len(html_of("**a**", "markdown"))


def test_foreign_pictures_are_refused_with_what_to_do(tmp_path: Path) -> None:
    cover = picture(tmp_path, "cover")
    for text, written_as in (
        ("![x](https://evil.example/a.png)", "markdown"),
        ("<p><img src='data:x'>", "html"),
    ):
        (problem,) = connector.problems(post(text, written_as, cover))
        assert "media:2" in problem.en


def test_the_preview_is_what_is_sent_byte_for_byte(sandbox, clock: ManualClock, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    account = sandbox.world.add_account(
        SandboxAccount("wechat", "us", {"appid": APPID, "secret": SECRET}, {"verified": False})
    )
    memory = MemoryStore(clock.now)
    access = make_access(
        "wechat",
        "us",
        credentials={"appid": APPID, "secret": SECRET},
        api_base=f"{sandbox.url}/wechat",
        verified=False,
        now=clock.now,
        memory=memory,
    )
    files = tuple(picture(tmp_path, name) for name in ("cover", "group", "more"))
    for written_as, text in (
        ("markdown", STORY),
        ("html", "<style>p{color:red}</style><p>一<img src='media:3'>"),
    ):
        outgoing = post(text, written_as, *files)
        connector.publish(access, outgoing)
        drafts = list(account.state["drafts"].values())
        sent = drafts[-1]["news_item"][0]["content"]
        asked: list[str] = []

        def address(media: Media, asked: list[str] = asked) -> str:
            asked.append(media.file_name)
            return memory.get(f"material:inline:{media.sha256}") or "?"

        assert connector.preview(outgoing, address) == sent
        assert sorted(asked) == ["group.png", "more.png"]
        elsewhere = content_of(outgoing, lambda media: media.file_name)
        assert elsewhere == sent.replace(address(files[1]), "group.png").replace(
            address(files[2]), "more.png"
        )


def test_a_picture_message_gets_plain_words(tmp_path: Path) -> None:
    outgoing = post("**青年**", "markdown", picture(tmp_path, "cover"), form="pictures")
    assert connector.problems(outgoing) == ()
    assert connector.preview(outgoing, lambda media: media.file_name) is None


def picture(folder: Path, name: str) -> Media:
    path = folder / f"{name}.png"
    Image.new("RGB", (8, 8), (len(name), 0, 0)).save(path)
    return examine(path).as_media()


def post(text: str, written_as: str, *files: Media, **options: str) -> Outgoing:
    return Outgoing(f"d-{written_as}", 1, "标题", text, files, {"format": written_as, **options})

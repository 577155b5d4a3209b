"""What is pasted from an editor: safe, as it will be sent, and nothing of it fetched from strangers."""

from hypothesis import given
from hypothesis import strategies as st

from connectors import pasted_page
from connectors._wechat_article import body_of

FROM_135 = """<html><head><style>.t{color:#123456}</style></head><body><!--StartFragment-->
<section class="t" onclick="alert(1)" style="background:url(https://evil.example/x.gif);text-align:center">
<script>alert(2)</script><p><img src="https://image2.135editor.com/a.png?x=1&amp;y=2" alt="横幅"></p>
<p><a href="javascript:alert(3)">报名</a><img src="https://image2.135editor.com/a.png?x=1&amp;y=2"></p>
<img src="data:image/png;base64,AAAA"><img src="https://mmbiz.qpic.cn/mmbiz_png/x/0"><img src="media:2">
<img src="http://[half"></section><!--EndFragment--></body></html>"""


def test_pictures_that_lie_elsewhere_leave_their_places_to_be_filled() -> None:
    page = pasted_page(FROM_135, 3)
    assert page.missing[3] == "https://image2.135editor.com/a.png?x=1&y=2"  # shown twice, uploaded once
    assert page.html.count('src="media:3"') == 2 and 'alt="横幅"' in page.html
    assert page.missing[4] == "" and 'src="media:2"' in page.html
    assert "https://mmbiz.qpic.cn/mmbiz_png/x/0" in page.html  # WeChat's own stay
    for stranger in ("135editor", "evil", "script", "onclick", "javascript", "class", "data:image"):
        assert stranger not in page.html
    assert "color:#123456" in page.html.replace(" ", "") and "text-align" in page.html


def test_what_is_shown_after_pasting_is_what_is_sent() -> None:
    page = pasted_page(FROM_135, 3)
    assert body_of(page.html, "html").html == page.html
    assert body_of(page.html, "html").foreign() == ()


_SOURCES = st.lists(
    st.sampled_from(
        ["https://a.cn/1", "https://a.cn/2?b=1&c=2", "data:image/gif;base64,R0", "media:1", "x.png", ""]
    )
)


@given(_SOURCES, st.integers(1, 9))
def test_every_picture_is_ours_or_told_of(sources: list[str], first: int) -> None:
    page = pasted_page("".join(f'<p>字<img alt="a>b" src="{one}"></p>' for one in sources), first)
    placed = body_of(page.html, "html").placed()
    assert placed - {1} == set(page.missing) - {1}
    assert list(page.missing) == list(range(first, first + len(page.missing)))
    assert page.html.count("<img") == len(sources)
    assert body_of(page.html, "html").foreign() == ()

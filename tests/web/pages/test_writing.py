"""写稿: kept while one types, counted the platform's way, merged with others' changes, handed over."""

import io
import re
from datetime import timedelta

from console import Answer, Console
from desk_house import DeskHouse
from films import film
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlmodel import col, select

from organisation import Account, Role
from organisation.leaving import in_charge
from organisation.words import set_word
from scheduler.library import set_alt
from scheduler.media import MediaFile
from scheduler.merging import merge
from scheduler.posts import Post, Variant
from scheduler.review_content import contents_of
from scheduler.review_drafts import Change
from scheduler.working_copies import WorkingCopy

_COPY = re.compile(r'name="copy" value="(\d*)"><input type="hidden" name="number" value="(\d*)"')


def typed(browser: Console, **form: str | list[str]) -> tuple[Answer, dict[str, str]]:
    """What the page sends while one types; the answer, and the copy and number to send next."""
    told = {name.replace("_", "-") if name[-1].isdigit() else name: value for name, value in form.items()}
    answer = browser.post("/posts/compose", told, **{"HX-Request": "true"})
    found = _COPY.search(answer.html)
    return answer, {} if found is None else {"copy": found[1], "number": found[2]}


def moved(place: dict[str, str], by: int = 1) -> dict[str, str]:
    """The same copy, so many savings later."""
    return {**place, "number": str(int(place["number"]) + by)}


def copies(house: DeskHouse) -> list[WorkingCopy]:
    with house.database.read() as session:
        return list(session.exec(select(WorkingCopy).order_by(col(WorkingCopy.id))))


def test_what_is_typed_is_kept_and_there_again_after_a_crash(house: DeskHouse) -> None:
    wen = house.browser("wen")
    wen.get("/posts/new")
    _, place = typed(wen, title="五四", text="写了一")
    answer, place = typed(wen, title="五四", text="写了一半", **place)
    assert "已存 09:00:00" in answer.words
    again = house.browser("wen")
    assert f'href="/posts/new?copy={place["copy"]}"' in again.get("/posts/new").html
    assert "写了一半" in again.get(f"/posts/new?copy={place['copy']}").html
    assert house.browser("fa").get("/posts").status == 200
    with house.database.read() as session:
        assert session.exec(select(Post)).all() == []  # nobody else sees what is not handed over


def test_another_window_does_not_overwrite_what_this_one_saved(house: DeskHouse) -> None:
    wen = house.browser("wen")
    wen.get("/posts/new")
    _, place = typed(wen, title="一", text="")
    typed(wen, title="二", text="", **place)
    answer, _ = typed(wen, title="三", text="", **place)
    assert answer.status == 422 and "draft.elsewhere" in answer.words
    assert copies(house)[0].writing.title == "二"


def test_nobody_reads_or_saves_anothers_copy(house: DeskHouse) -> None:
    house.newsroom.person("lin", Role.EDITOR)
    wen, lin = house.browser("wen"), house.browser("lin")
    wen.get("/posts/new")
    _, place = typed(wen, title="我的", text="")
    assert lin.get(f"/posts/new?copy={place['copy']}").status == 404
    assert typed(lin, title="他的", text="", **place)[0].status == 404
    assert lin.post("/posts/drop", {"copy": place["copy"]}).status == 404
    assert house.browser("fa").get("/posts/new").status == 403


def test_room_is_told_as_what_is_left_and_the_button_names_its_act(house: DeskHouse) -> None:
    house.newsroom.demand("NM", "none")
    weibo = _weibo(house)
    house.newsroom.person("quan", Role.OWNER, None)
    owner = house.browser("quan")
    owner.get("/posts/new")
    answer, place = typed(owner, title="", text="字" * 125, account=[str(weibo)])
    assert "正文剩 5/130" in answer.words and "立即发布" in answer.words
    answer, place = typed(
        owner, title="", text="字" * 131, account=[str(weibo)], due="2026-03-09T08:00", **place
    )
    assert "正文剩 -1/130" in answer.words and "mz-over" in answer.html
    assert "排期" in answer.words and "立即发布" not in answer.words
    assert 'value="send" data-submit disabled' in answer.html


def _weibo(house: DeskHouse) -> int:
    with house.database.write() as session:
        account = Account(
            unit_id=house.newsroom.units["HH"].id or 0, platform="weibo", handle="w", name="微博号"
        )
        session.add(account)
        session.flush()
    return account.known_id


def test_six_versions_keep_only_what_differs(house: DeskHouse) -> None:
    accounts = [house.newsroom.account, *(house.newsroom.open_account("HH", f"h{n}") for n in range(5))]
    ids = [one.known_id for one in accounts]
    wen = house.browser("wen")
    wen.get("/posts/new")
    form = {
        "title": "五四", "text": "母稿。第二句。", "account": [str(one) for one in ids],
        "due": "2026-03-02T18:00", f"text-{ids[0]}": "自己的。第二句。", f"text-{ids[1]}": "母稿。第二句。",
        f"title-{ids[2]}": "另一个标题",
    }  # fmt: skip
    answer = wen.post("/posts/compose", form, **{"HX-Request": "true"})
    assert "与母稿差 1 处" in answer.words and "提交一审" in answer.words
    found = _COPY.search(answer.html)
    assert found is not None
    done = wen.post("/posts/finish", {**form, "copy": found[1], "number": found[2], "act": "submit"})
    assert "审核中" in done.words and copies(house) == []
    post = int(done.path.rpartition("/")[2])
    with house.database.read() as session:
        variants = {one.account_id: (one.title, one.text) for one in session.exec(select(Variant))}
        content = contents_of(session, [post])[post]
    assert variants == {ids[0]: (None, "自己的。第二句。"), ids[2]: ("另一个标题", None)}
    assert len(content.copies) == 6
    edited = wen.get(f"/posts/{post}/edit")
    assert "自己的。第二句。" in edited.html
    wen.post("/posts/compose", {**form, "copy": str(copies(house)[0].id), "number": "1"})
    assert house.newsroom.latest(post).state == "open"  # typing alone voids nothing


def test_a_post_without_review_goes_out_at_once_or_at_its_time(house: DeskHouse) -> None:
    account = house.free_account()
    house.newsroom.person("quan", Role.OWNER, None)
    owner = house.browser("quan")
    owner.get("/posts/new")
    form = {"title": "一", "text": "二", "account": [str(account.known_id)], "act": "send"}
    now_one = owner.post("/posts/finish", form)
    later = owner.post("/posts/finish", {**form, "due": "2026-03-09T08:00"})
    posts = [int(one.path.rpartition("/")[2]) for one in (now_one, later)]
    first, second = house.deliveries(posts)
    assert first.due == house.clock.now() and second.due - first.due == timedelta(days=6, hours=23)
    past = owner.post("/posts/finish", {**form, "due": "2020-03-09T08:00"})
    assert past.status == 422 and len(copies(house)) == 1  # the words are kept
    assert owner.post("/posts/finish", {**form, "account": []}).status == 422
    assert owner.post("/posts/finish", {**form, "act": "dance"}).status == 422


def test_whoever_writes_a_post_answers_for_it_and_may_mark_it_as_important(house: DeskHouse) -> None:
    wen = house.browser("wen")
    assert 'name="important"' in wen.get("/posts/new").html
    account = [str(house.newsroom.account.known_id)]
    form = {"title": "五四", "text": "正文", "account": account, "due": "2026-03-09T08:00"}
    answer, place = typed(wen, **form, important="true")
    assert copies(house)[0].writing.important and answer.status == 200
    done = wen.post("/posts/finish", {**form, **place, "important": "true", "act": "draft"})
    post = int(done.path.rpartition("/")[2])
    assert "负责人 姓名wen" in done.words and "★ 重点" in done.words
    assert 'name="important"' not in wen.get(f"/posts/{post}/edit").html
    with house.database.read() as session:
        answering = in_charge(session, "post", post)
        assert answering is not None and answering.login == "wen" and session.get_one(Post, post).important
    assert house.browser("yi").post(f"/posts/{post}/important", {"important": "false"}).status == 403
    assert "★" not in wen.post(f"/posts/{post}/important", {"important": "false"}).words
    assert "★ 重点" in wen.post(f"/posts/{post}/important", {"important": "true"}).words


def test_writing_asks_for_the_right_at_every_account(house: DeskHouse) -> None:
    free = house.free_account()
    wen = house.browser("wen")
    wen.get("/posts/new")
    form = {"title": "一", "text": "二", "due": "2026-03-09T08:00", "act": "draft"}
    assert wen.post("/posts/finish", {**form, "account": [str(free.known_id)]}).status == 404
    mine = [str(house.newsroom.account.known_id)]
    assert wen.post("/posts/finish", {**form, "account": mine, "act": "send"}).status == 403
    assert "存成草稿" in wen.post("/posts/finish", {**form, "account": mine}).words
    theirs = house.queue(free, "别处的")
    assert wen.get(f"/posts/{theirs}/edit").status == 404


def test_words_of_the_list_and_the_same_text_are_told_while_typing(house: DeskHouse) -> None:
    house.queue(house.free_account(), "旧的", said="一模一样")
    with house.database.write() as session:
        unit, at = house.newsroom.units["NM"], house.clock.now()
        set_word(session, house.newsroom.keys, unit, "禁词", forbidden=True, at=at, actor="t")
    wen = house.browser("wen")
    wen.get("/posts/new")
    account = [str(house.newsroom.account.known_id)]
    answer, place = typed(wen, title="", text="一模一样", account=account, due="2026-03-03T18:00")
    assert "七天" in answer.words or "7 天" in answer.words
    answer, _ = typed(wen, title="", text="有禁词", account=account, due="2026-03-03T18:00", **place)
    assert "禁词" in answer.words and "先改好标红的" in answer.words
    answer, _ = typed(wen, title="", text="别的", account=account, due="2026-05-01T18:00", **moved(place))
    assert "这一天放假:劳动节" in answer.words and "先改好" not in answer.words
    answer, _ = typed(wen, title="", text="别的", account=account, due="2026-03-01T18:00", **moved(place, 2))
    assert "发布时间已经过去" in answer.words


def test_the_second_editor_is_warned_and_nothing_is_overwritten(house: DeskHouse) -> None:
    house.newsroom.person("lin", Role.EDITOR)
    post = house.newsroom.draft("第一句。第二句。第三句。")
    wen, lin = house.browser("wen"), house.browser("lin")
    account = [str(house.newsroom.account.known_id)]
    wen.get(f"/posts/{post}/edit")
    assert "姓名wen" in lin.get(f"/posts/{post}/edit").words
    mine, theirs = copies(house)
    base = {"title": "预告", "account": account, "due": "2026-03-02T10:00", "number": "1", "act": "draft"}
    saved = lin.post("/posts/finish", {**base, "copy": str(theirs.id), "text": "第一句。别人的。第三句。"})
    assert saved.path == f"/posts/{post}"
    form = {**base, "copy": str(mine.id), "text": "我的。第二句也改了。第三句。加一句。"}
    refused = wen.post("/posts/finish", form)
    assert refused.status == 422 and "draft.overtaken" in refused.words
    assert _text(house, post) == "第一句。别人的。第三句。"
    assert "合并改动" in wen.get(f"/posts/{post}/edit").words
    page = wen.get(f"/posts/merge/{mine.id}")
    number = re.search(r'name="text\.(\d+)" value="mine"', page.html)
    present = re.search(r'name="present" value="(\w+)"', page.html)
    assert number is not None and present is not None
    choice = {f"text.{number[1]}": "both", "present": present[1]}
    wen.post(f"/posts/merge/{mine.id}", choice)
    (merged,) = copies(house)
    assert merged.writing.text == "我的。第二句也改了。第一句。别人的。第三句。加一句。"
    done = {**form, "text": merged.writing.text, "number": str(merged.number)}
    assert wen.post("/posts/finish", done).path == f"/posts/{post}"
    assert _text(house, post) == merged.writing.text
    assert lin.get(f"/posts/merge/{mine.id}").status == 404


def _text(house: DeskHouse, post: int) -> str:
    with house.database.read() as session:
        return session.get_one(Post, post).text


def test_accounts_come_and_go_unless_they_are_in_the_queue(house: DeskHouse) -> None:
    house.newsroom.demand("NM", "none")
    other = house.newsroom.open_account("HH", "zwei")
    post = house.newsroom.draft("话")
    wen = house.browser("wen")
    both = [str(house.newsroom.account.known_id), str(other.known_id)]
    form = {"title": "预告", "text": "话", "due": "2026-03-02T10:00", "number": "1", "act": "draft"}
    wen.get(f"/posts/{post}/edit")
    wen.post("/posts/finish", {**form, "account": both, "copy": str(copies(house)[0].id)})
    house.newsroom.send(post)
    wen.get(f"/posts/{post}/edit")
    refused = wen.post("/posts/finish", {**form, "account": both[:1], "copy": str(copies(house)[0].id)})
    assert "review.account_queued" in refused.words
    assert {one.account_id for one in house.deliveries([post])} == {int(one) for one in both}
    house.newsroom.change(post, Change(text="又改了"))


def uploaded(
    house: DeskHouse, browser: Console, size: tuple[int, int] = (40, 30), **form: str
) -> tuple[int, str]:
    """A picture that came with the form: the copy it is in, and its hash."""
    made = io.BytesIO()
    Image.new("RGB", size, "red").save(made, "PNG")
    sent = browser.client.post(
        "/posts/compose",
        data={"_token": browser.token, "title": "图", "text": "", **form},
        files={"upload": ("封面.png", made.getvalue(), "image/png")},
        headers={"HX-Request": "true"},
    )
    assert sent.status_code == 200 and "封面.png" in sent.text
    copy = copies(house)[-1]
    return copy.known_id, copy.writing.media[0]


def test_a_picture_goes_into_the_library_and_is_seen_where_it_may_be(house: DeskHouse) -> None:
    house.newsroom.person("lin", Role.EDITOR, "BT")
    wen, lin = house.browser("wen"), house.browser("lin")
    wen.get("/posts/new")
    copy, sha256 = uploaded(house, wen)
    address = f"/posts/writing/{copy}/{sha256}"
    shown = wen.client.get(address)
    assert (
        shown.headers["content-type"] == "image/png" and "sandbox" in shown.headers["content-security-policy"]
    )
    assert sha256 in wen.get("/posts/library").html
    assert wen.get(f"/posts/library/{sha256}").status == 200
    assert lin.get(address).status == 404 and lin.get(f"/posts/library/{sha256}").status == 404
    assert sha256 not in lin.get("/posts/library").html
    stolen, _ = typed(lin, title="", text="", media=[sha256])
    assert stolen.status == 404
    taken, _ = typed(wen, title="", text="", media=[sha256])
    assert taken.status == 200 and copies(house)[-1].writing.media == (sha256,)
    assert wen.get(f"/posts/writing/{copy}/{'0' * 64}").status == 404


def test_what_is_no_picture_is_refused_and_the_words_stay_in_the_form(house: DeskHouse) -> None:
    wen = house.browser("wen")
    wen.get("/posts/new")
    bad = wen.client.post(
        "/posts/compose",
        data={"_token": wen.token, "title": "图", "text": ""},
        files={"upload": ("a.png", b"<html>", "image/png")},
    )
    assert bad.status_code == 422 and copies(house) == []


def test_a_page_is_previewed_as_it_is_sent_and_runs_nothing(house: DeskHouse) -> None:
    with house.database.write() as session:
        account = Account(
            unit_id=house.newsroom.units["HH"].id or 0, platform="wechat", handle="wx", name="公众号"
        )
        session.add(account)
        session.flush()
    wen = house.browser("wen")
    wen.get("/posts/new")
    pasted = '<section style="color:red" onclick="alert(1)">你好<script>alert(2)</script></section>'
    form = {"text": pasted, "account": str(account.known_id), "written_as": "html", "due": "2026-03-03T18:00"}
    copy, sha256 = uploaded(house, wen, **form)
    seen = wen.get(f"/posts/writing/{copy}/look/{account.known_id}")
    policy = seen.response.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script" not in policy
    assert "你好" in seen.html and "<script" not in seen.html and "onclick" not in seen.html
    page = wen.get(f"/posts/new?copy={copy}")
    assert "<iframe" in page.html and "先改好标红的" not in page.words
    lin = house.newsroom.person("lin", Role.EDITOR)
    assert house.browser(lin.login).get(f"/posts/writing/{copy}/look/{account.known_id}").status == 404
    found = copies(house)[-1]
    place = {"copy": str(copy), "number": str(found.number), "media": sha256, "title": "图"}
    done = wen.post("/posts/finish", {**form, **place, "act": "submit"})
    assert "审核中" in done.words
    with house.database.read() as session:
        post = session.get_one(Post, int(done.path.rpartition("/")[2]))
    assert post.options == {"format": "html"} and post.media == [sha256]
    assert typed(wen, title="", text="", written_as="word")[0].status == 422


def test_a_pasted_page_comes_back_as_it_is_sent_and_strangers_pictures_are_told(house: DeskHouse) -> None:
    wen = house.browser("wen")
    wen.get("/posts/new")
    page = '<section onclick="x()"><p style="color:red">你好</p><img src="https://a.example/1.png"></section>'
    answer = wen.post("/posts/paste", {"html": page, "first": "2"})
    told = answer.response.json()
    assert told["html"] == '<section><p style="color:red">你好</p><img src="media:2"></section>'
    assert told["missing"] == [["media:2", "https://a.example/1.png"]] and "1 张图片" in told["told"]
    fine = wen.post("/posts/paste", {"html": "<p>字</p>", "first": "2"}).response.json()
    assert (fine["told"], fine["missing"]) == ("", [])
    assert wen.post("/posts/paste", {"html": page, "first": "0"}).status == 422
    assert house.browser("fa").post("/posts/paste", {"html": page, "first": "2"}).status == 403


def test_a_cover_is_cut_in_its_place_and_what_it_shows_is_still_told(house: DeskHouse) -> None:
    wen = house.browser("wen")
    wen.get("/posts/new")
    copy, sha256 = uploaded(house, wen, size=(800, 600))
    with house.database.write() as session:
        set_alt(session, house.newsroom.keys, sha256, "升旗", now=house.clock.now(), actor="t")
    number = str(copies(house)[-1].number)
    form = {"copy": str(copy), "number": number, "cut": sha256, "shape": "2.35x1", "left": "10", "top": "20"}
    answer = wen.post("/posts/cut", {**form, "width": "470"}, **{"HX-Request": "true"})
    (cover,) = copies(house)[-1].writing.media
    assert answer.status == 200 and cover != sha256 and cover in answer.html
    with house.database.read() as session:
        made, original = session.get_one(MediaFile, cover), session.get_one(MediaFile, sha256)
    assert (made.width, made.height, made.alt) == (470, 200, "升旗") and original.width == 800
    assert sha256 in wen.get("/posts/library").html  # the picture itself stays
    again = {**form, "number": str(int(number) + 1), "width": "470"}
    assert wen.post("/posts/cut", again).status == 404  # it is no longer in the copy
    again["cut"] = cover
    assert "media.bad_cut" in wen.post("/posts/cut", {**again, "left": "9999"}).words
    assert wen.post("/posts/cut", {**again, "shape": "3x1"}).status == 422
    assert wen.post("/posts/cut", {**again, "number": "1"}).status == 422  # another window saved meanwhile
    house.newsroom.person("lin", Role.EDITOR)
    assert house.browser("lin").post("/posts/cut", again).status == 404
    assert copies(house)[-1].writing.media == (cover,)


def test_a_video_is_shown_with_its_measures_and_what_each_platform_says(house: DeskHouse) -> None:
    with house.database.write() as session:
        unit_id = house.newsroom.units["HH"].id or 0
        taking = Account(unit_id=unit_id, platform="douyin", handle="d", name="抖音号")
        session.add(taking)
        session.flush()
        ids = [taking.known_id, house.newsroom.account.known_id]
    wen = house.browser("wen")
    wen.get("/posts/new")
    sent = wen.client.post(
        "/posts/compose",
        data={"_token": wen.token, "title": "片", "text": "", "account": [str(one) for one in ids]},
        files={"upload": ("片.mp4", film(), "video/mp4")},
        headers={"HX-Request": "true"},
    )
    assert sent.status_code == 200
    copy = copies(house)[-1]
    address = f"/posts/writing/{copy.known_id}/{copy.writing.media[0]}"
    assert f'src="{address}"' in sent.text and "<video controls" in sent.text
    assert "0:02" in sent.text and "640 × 360" in sent.text and "avc1" in sent.text
    assert "抖音:没有超过它声明的限制" in sent.text
    part = wen.client.get(address, headers={"Range": "bytes=0-3"})
    assert part.status_code == 206 and part.headers["content-type"] == "video/mp4"


def test_what_platforms_say_of_the_accounts_is_told_beside_the_words(house: DeskHouse) -> None:
    wen = house.browser("wen")
    wen.get("/posts/new")
    weibo = str(_weibo(house))
    answer, place = typed(wen, title="", text="字", account=[weibo])
    assert f'data-unasked="{weibo}"' in answer.html
    told = wen.post("/posts/checkups", {"copy": place["copy"]}, **{"HX-Request": "true"})
    assert "data-unasked" not in told.html and "账号还没有接上平台" in told.words
    assert f'name="number" value="{place["number"]}"' in told.html  # nothing was saved for it
    again, _ = typed(wen, title="", text="字又", account=[weibo], **place)
    assert "留意 账号“微博号”:账号还没有接上平台" in again.words
    house.newsroom.person("lin", Role.EDITOR)
    assert house.browser("lin").post("/posts/checkups", {"copy": place["copy"]}).status == 404


def test_links_that_no_reader_can_follow_are_told(house: DeskHouse) -> None:
    wen = house.browser("wen")
    wen.get("/posts/new")
    account = [str(house.newsroom.account.known_id)]
    bad = "见 http://10.2.3.4/a。又见 https://wen:mima@www.example.edu.cn/b,和 https://www.example.edu.cn/c?d=1。"
    answer, _ = typed(wen, title="", text=bad, account=account, due="2026-03-03T18:00")
    assert "http://10.2.3.4/a 读者打不开" in answer.words
    assert "到 www.example.edu.cn 的链接里带着用户名或密码" in answer.words and "mima" not in _checks(answer)
    assert "edu.cn/c" not in _checks(answer) and "先改好标红的" not in answer.words


def _checks(answer: Answer) -> str:
    return answer.html.partition('class="mz-findings"')[2]


_TEXTS = st.lists(st.sampled_from(["一。", "二。", "三。", "四。", "五\n"]), max_size=6).map("".join)


@settings(max_examples=40)
@given(_TEXTS, _TEXTS, _TEXTS)
def test_merging_keeps_what_either_wrote(base: str, mine: str, theirs: str) -> None:
    parts = merge(base, mine, theirs)
    if mine == base:
        assert "".join(part.told for part in parts) == theirs
    if theirs == base or mine == theirs:
        assert not any(part.open for part in parts)
        assert "".join(part.told for part in parts) == mine
    told = "".join(part.told + (part.theirs or "") for part in parts)
    kept = set(base)
    assert set(mine) - kept <= set(told) and set(theirs) - kept <= set(told)

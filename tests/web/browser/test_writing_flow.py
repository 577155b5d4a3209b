"""From the first word to the queue in a real browser: six versions, three reviewers on a phone, scheduled."""

import re
from pathlib import Path

from axe import AXE, violations
from keyboard import Keyboard
from live_console import Live
from people import PASSWORD
from PIL import Image
from playwright.sync_api import Page, expect
from sqlmodel import col, select

from organisation import Role
from scheduler.media import MediaFile
from scheduler.working_copies import WorkingCopy


def sign_in(page: Page, login: str) -> None:
    page.goto("/login")
    page.get_by_label("登录名").fill(login)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", name="今日")).to_be_visible()


def test_one_story_for_six_accounts_passes_three_people_and_is_scheduled(live: Live) -> None:
    house = live.house
    accounts = [house.newsroom.account, *(house.newsroom.open_account("HH", f"h{n}") for n in range(5))]
    house.newsroom.person("quan", Role.OWNER, None)  # without any owner a house asks for its first one
    editor = live.window()
    sign_in(editor, "wen")
    editor.goto("/posts/new")
    editor.get_by_label("标题", exact=True).fill("五四青年节预告")
    editor.get_by_label("正文(母稿)").fill("我们在草原等你。欢迎来。")
    for account in accounts:
        editor.locator(f'input[name="account"][value="{account.known_id}"]').check()
    editor.get_by_label("发布时间").fill("2026-03-02T18:00")
    for number, account in enumerate(accounts):
        version = editor.locator(f'[data-version="{account.known_id}"]')
        version.locator("summary").click()
        version.get_by_role("button", name="从母稿开始改").click()
        own = version.locator("textarea")
        expect(own).to_have_value("我们在草原等你。欢迎来。")
        own.fill(f"我们在草原等你。第{number}个账号欢迎你。")
    expect(editor.get_by_text("与母稿差 1 处").first).to_be_visible()
    editor.get_by_role("button", name="提交一审").click()
    expect(editor).to_have_url(re.compile(r"/posts/\d+$"))
    post = int(editor.url.rpartition("/")[2])
    expect(editor.locator(".mz-title .mz-state")).to_have_text("审核中")

    for login in ("yi", "er", "san"):
        reviewer = live.signed_in(login, 360, 740)
        reviewer.goto(f"/review/{post}")  # the first tap is on the link in the message
        assert reviewer.evaluate("document.documentElement.scrollWidth") == 360
        reviewer.get_by_role("button", name="通过").click()
        reviewer.get_by_role("dialog").get_by_role("button", name="通过").click()
        expect(reviewer).to_have_url(re.compile("/review$"))
    assert house.newsroom.latest(post).state == "approved"

    publisher = live.signed_in("fa")
    publisher.goto(f"/posts/{post}")
    publisher.get_by_role("button", name="排期").click()
    expect(publisher.locator(".mz-card-head .mz-state-queued")).to_have_count(6)
    assert {one.state for one in house.deliveries([post])} == {"queued"}


def test_what_is_typed_leaves_the_browser_within_three_seconds(live: Live) -> None:
    page = live.signed_in("wen")
    page.clock.install()
    page.goto("/posts/new")
    page.wait_for_selector("[data-composer][data-drawn]")
    words = page.get_by_label("正文(母稿)")
    with page.expect_response("**/posts/compose"):
        for word in "一二三四五六":  # never a pause long enough to be one
            words.press_sequentially(word)
            page.clock.run_for(500)
    with live.house.database.read() as session:
        kept = session.exec(select(WorkingCopy).order_by(col(WorkingCopy.id))).all()
    assert len(kept) == 1 and kept[0].writing.text.startswith("一二三四")


def test_a_reviewer_signs_with_the_keyboard_alone(live: Live) -> None:
    post = live.house.newsroom.draft("第一句。第二句。")
    live.house.newsroom.submit(post)
    page = live.signed_in("yi")
    page.goto("/review")
    page.keyboard.press("j")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/review/{post}$"))
    page.keyboard.press("a")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/review$"))
    assert live.house.newsroom.latest(post).signed == 1


# What an editor's page puts on the clipboard, pasted into the field that has the focus.
PASTE = """() => {
  const data = new DataTransfer();
  data.setData("text/html", '<p onclick="x()" style="color:red">你好<img src="https://a.example/1.png"></p>');
  data.setData("text/plain", "你好");
  const pasted = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
  return document.activeElement.dispatchEvent(pasted);
}"""


def test_a_layout_is_pasted_and_a_cover_cut_by_keyboard(live: Live, tmp_path: Path) -> None:
    Image.new("RGB", (800, 600), "green").save(tmp_path / "合影.png")
    page = live.signed_in("wen", 360, 740)
    keyboard = Keyboard(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/posts/new")
    page.wait_for_selector("[data-composer][data-drawn]")
    words = page.get_by_label("正文(母稿)")
    words.focus()
    assert page.evaluate(PASTE)  # words are left to the browser
    page.get_by_label("格式").select_option("html")
    words.focus()
    assert not page.evaluate(PASTE)
    expect(words).to_have_value('<p style="color:red">你好<img src="media:2"></p>')
    expect(page.locator("[data-pasted]")).to_contain_text("https://a.example/1.png")
    page.get_by_label("图片和视频").set_input_files(tmp_path / "合影.png")
    keyboard.enter(page.locator("[data-cut]"))
    told = page.locator("[data-cut-told]")
    expect(told).to_contain_text("800 × 340")
    keyboard.press("ArrowRight")  # the other shape
    expect(told).to_contain_text("600 × 600")
    keyboard.reach(page.locator("#cover [name=size]"))
    keyboard.press("Home")
    expect(told).to_contain_text("100 × 100")
    keyboard.reach(page.locator("#cover [name=left]"))
    keyboard.press("End")
    if AXE.is_file():
        assert violations(page) == []
    keyboard.enter(page.locator("#cover .btn-primary"))
    expect(page.locator(".mz-thumbs img")).to_have_js_property("naturalWidth", 100)
    expect(page.locator(".mz-thumbs li button").first).to_be_focused()
    assert [url for url in asked if "a.example" in url] == []
    with live.house.database.read() as session:
        (kept,) = session.exec(select(WorkingCopy)).all()
        cover = session.get_one(MediaFile, kept.writing.media[0])
    assert (cover.width, cover.height, len(kept.writing.media)) == (100, 100, 1)


def test_a_marked_passage_is_remarked_on_where_it_stands(live: Live) -> None:
    post = live.house.newsroom.draft("😀一二三。一二三。")
    live.house.newsroom.submit(post)
    page = live.signed_in("yi")
    page.goto(f"/review/{post}")
    page.evaluate(
        """() => {
          const text = document.querySelector("[data-passages]").firstChild;
          const range = document.createRange();
          const at = text.data.lastIndexOf("一二三");
          range.setStart(text, at);
          range.setEnd(text, at + 3);
          getSelection().removeAllRanges();
          getSelection().addRange(range);
        }"""
    )
    expect(page.get_by_label("关于哪一段")).to_have_value("一二三")
    page.get_by_label("批注", exact=True).fill("后一个")
    page.locator("#comment form button").click()
    expect(page.get_by_text("后一个")).to_be_visible()
    expect(page.locator(".mz-marked")).to_have_text("一二三")
    assert page.locator("[data-passages]").evaluate("node => node.firstChild.data") == "😀一二三。"

"""`meizhen post add --format` and `meizhen post preview`, as people call them."""

from pathlib import Path

import pytest
from command import command
from PIL import Image
from scenery import make_account

from config.database import connect
from config.secrets import KeyRing


def test_a_post_in_markdown_is_looked_at_before_it_goes(
    _sqlite_template: Path,
    keys: KeyRing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = tmp_path / "meizhen.sqlite"
    home.write_bytes(_sqlite_template.read_bytes())
    database = connect(f"sqlite:///{home}")
    for platform in ("wechat", "webhook", "zhihu"):
        make_account(database, keys, platform, "us")
    database.close()
    monkeypatch.setenv("MEIZHEN_HOME", str(tmp_path))
    (tmp_path / "media").mkdir()
    run = command(monkeypatch, capsys)
    cover = tmp_path / "封面.png"
    Image.new("RGB", (8, 8)).save(cover)
    words = ("--title", "志愿周", "--text", "**同日**启动", "--media", cover, "--due", "2099-05-04T09:00")
    accounts = ("--account", "wechat:us", "--account", "webhook:us")
    run("post", "add", *accounts, *words, "--format", "docx", code=2)
    post = run("post", "add", *accounts, *words, "--format", "markdown", "--json").json()["post"]
    out = tmp_path / "look"
    run("post", "preview", post, "--account", "wechat:us", "--out", out)
    article = (out / "article.html").read_text("utf-8")
    assert article.startswith("<p style=") and "<strong>同日</strong>" in article
    page = (out / "preview.html").read_text("utf-8")
    assert article in page and "default-src 'none'" in page and "志愿周" in page
    assert [one.suffix for one in out.glob("*-封面*")] == [".png"]
    run("post", "preview", post, "--account", "webhook:us", "--out", out)
    assert "<pre>同日启动</pre>" in (out / "preview.html").read_text("utf-8")
    run("post", "preview", post, "--account", "zhihu:us", "--out", out, code=1)
    run("post", "preview", 99, "--account", "wechat:us", "--out", out, code=1)
    run("post", "preview", post, "--account", "wechat:us", "--out", cover, code=1)

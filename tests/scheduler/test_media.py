"""Media: what is taken by its bytes, kept once, and refused at sending when it is no longer the same."""

import hashlib
import io
import os
import tracemalloc
from datetime import datetime
from pathlib import Path

import pytest
from films import box, film
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlmodel import select

from config import Database, ManualClock, MeizhenError
from connectors import Media, Outgoing
from scheduler import media as media_module
from scheduler.media import (
    MAX_FILM_BYTES,
    MAX_MEDIA_BYTES,
    MediaFile,
    check_media,
    examine,
    keep,
    media_path,
    record_media,
    store_media,
)

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"
ZIP = b"PK\x03\x04 an archive PK\x05\x06" + bytes(18)


def picture(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((40, 30), 90).convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


def same_pixels(one: bytes, other: bytes) -> bool:
    with Image.open(io.BytesIO(one)) as first, Image.open(io.BytesIO(other)) as second:
        return first.convert("RGBA").tobytes() == second.convert("RGBA").tobytes()


def animation() -> bytes:
    buffer = io.BytesIO()
    frames = [Image.effect_noise((20, 20), 90 + step) for step in range(3)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
    return buffer.getvalue()


WHOLE = {
    "image/jpeg": picture("JPEG"),
    "image/png": picture("PNG"),
    "image/gif": animation(),
    "video/mp4": film(),
}


SUFFIX = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "video/mp4": "mp4"}


def written(folder: Path, content: bytes, name: str = "picture.png") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(MeizhenError) as error:
        examine(path)
    assert str(error.value)
    return error.value.code


@pytest.mark.parametrize("content_type", WHOLE)
def test_the_type_is_what_the_bytes_are_and_the_name_follows_it(tmp_path: Path, content_type: str) -> None:
    found = examine(written(tmp_path, WHOLE[content_type], "合影.html"))
    assert found.content_type == content_type
    assert found.source == hashlib.sha256(WHOLE[content_type]).hexdigest()
    keep(tmp_path, found)
    kept = media_path(tmp_path, found.sha256).read_bytes()
    assert hashlib.sha256(kept).hexdigest() == found.sha256 and len(kept) == found.size
    assert found.file_name == f"合影.{SUFFIX[content_type]}"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(SVG, id="svg renamed"),
        pytest.param(HTML, id="page renamed"),
        pytest.param(HTML + WHOLE["image/png"], id="page before a picture"),
        pytest.param(b"BM" + bytes(60), id="bitmap"),
        pytest.param(b"RIFF\x00\x00\x00\x00WEBPVP8 ", id="webp"),
        pytest.param(film(brand=b"heic", compatible=b"mif1heic"), id="heic"),
        pytest.param(film(brand=b"qt  ", compatible=b"qt  "), id="quicktime"),
        pytest.param(b"\xef\xbb\xbf" + WHOLE["image/gif"], id="byte order mark"),
        pytest.param(b"", id="empty"),
    ],
)
def test_anything_else_is_refused_whatever_its_name_says(tmp_path: Path, content: bytes) -> None:
    assert refusal(written(tmp_path, content)) == "post.media_type"


@pytest.mark.parametrize("content_type", WHOLE)
@pytest.mark.parametrize("behind", [HTML, SVG, ZIP, b"x"])
def test_a_picture_with_something_behind_it_is_refused(
    tmp_path: Path, content_type: str, behind: bytes
) -> None:
    whole = WHOLE[content_type]
    if content_type == "video/mp4":
        whole = whole.replace((0).to_bytes(4, "big") + b"mdatpictures", box(b"mdat", b"pictures"))
    assert examine(written(tmp_path, whole)).content_type == content_type
    assert refusal(written(tmp_path, whole + behind)) == "post.media_damaged"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"GIF89a/*" + HTML, id="gif that is a script"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + SVG, id="png head, svg body"),
        pytest.param(b"\xff\xd8\xff" + HTML, id="jpeg head, page body"),
        pytest.param(box(b"ftyp", b"isom" + bytes(4)) + HTML, id="mp4 head, page body"),
        pytest.param(box(b"ftyp", b"isom" + bytes(4)) + box(b"mdat", b"x"), id="mp4 without index"),
    ],
)
def test_a_head_alone_makes_no_picture(tmp_path: Path, content: bytes) -> None:
    assert refusal(written(tmp_path, content)) == "post.media_damaged"


@given(data=st.data())
def test_a_cut_file_is_never_taken(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = WHOLE[data.draw(st.sampled_from([kind for kind in WHOLE if kind != "video/mp4"]))]
    cut = content[: data.draw(st.integers(0, len(content) - 1))]
    assert refusal(written(tmp_path_factory.getbasetemp(), cut)) in ("post.media_type", "post.media_damaged")


@given(head=st.sampled_from([content[:12] for content in WHOLE.values()]), rest=st.binary(max_size=400))
def test_hostile_bytes_are_refused_or_whole_but_never_crash(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, rest: bytes
) -> None:
    path = written(tmp_path_factory.getbasetemp(), head + rest)
    try:
        assert examine(path).content_type in WHOLE
    except MeizhenError as error:
        assert error.code in ("post.media_type", "post.media_damaged")


def test_padding_and_further_jpegs_are_what_cameras_write(tmp_path: Path) -> None:
    jpeg = picture("JPEG", progressive=True)
    assert examine(written(tmp_path, jpeg + bytes(7) + jpeg + bytes(512))).content_type == "image/jpeg"
    assert examine(written(tmp_path, WHOLE["image/png"] + bytes(9))).content_type == "image/png"


def test_a_file_over_the_cap_is_refused_with_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_MEDIA_BYTES == 20 * 1024 * 1024
    monkeypatch.setattr(media_module, "MAX_MEDIA_BYTES", 2 * 1024 * 1024)
    path = written(tmp_path, WHOLE["image/png"] + bytes(3 * 1024 * 1024))
    with pytest.raises(MeizhenError) as error:
        examine(path)
    assert error.value.code == "post.media_too_large"
    assert "3.0 MB" in str(error.value) and "2 MB" in str(error.value)


def test_a_film_may_be_large_and_never_lies_in_memory(tmp_path: Path) -> None:
    path, size = tmp_path / "big.mp4", 96 * 1024 * 1024
    with path.open("wb") as file:
        file.write(film().removesuffix(b"pictures"))
        file.truncate(size)
    tracemalloc.start()
    try:
        found = examine(path)
        keep(tmp_path / "media", found)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.size == size and media_path(tmp_path / "media", found.sha256).stat().st_size == size
    assert peak < 8 * 1024 * 1024
    with path.open("ab") as file:
        file.truncate(MAX_FILM_BYTES + 1)
    with pytest.raises(MeizhenError) as error:
        examine(path)
    assert error.value.code == "post.media_too_large" and "1024 MB" in str(error.value)


def test_what_is_no_readable_file_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert refusal(tmp_path / "pipe.png") == "post.media_unreadable"
    assert refusal(tmp_path) == "post.media_unreadable"
    assert refusal(tmp_path / "missing.png") == "post.media_unreadable"
    assert refusal(tmp_path / ("x" * 300)) == "post.media_unreadable"
    assert refusal(tmp_path / "nul\x00.png") == "post.media_unreadable"


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("合影 1.PNG", "合影 1.png"),
        ('a"b\r\nc;d.png', "a_b__c_d.png"),
        ("evil\u202egnp.exe", "evil_gnp.png"),
        ("..png", "media.png"),
        ("a\\b\\c.png", "c.png"),
        ("x" * 240 + ".png", "x" * 100 + ".png"),
    ],
)
def test_names_are_cleaned(tmp_path: Path, name: str, clean: str) -> None:
    assert examine(written(tmp_path, WHOLE["image/png"], name)).file_name == clean


def test_a_file_is_kept_once_under_its_hash(tmp_path: Path, database: Database, clock: ManualClock) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    first = written(tmp_path, WHOLE["image/png"], "one.png")
    second = written(tmp_path, WHOLE["image/png"], "two.png")
    with database.write() as session:
        stored = store_media(session, folder, first, now=clock.now())
        again = store_media(session, folder, second, now=clock.now())
        assert stored.sha256 == again.sha256
    with database.read() as session:
        (row,) = session.exec(select(MediaFile)).all()
    assert (row.file_name, row.content_type, row.added_at) == ("one.png", "image/png", clock.now())
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [row.sha256]
    assert media_path(folder, row.sha256) == folder / row.sha256[:2] / row.sha256
    assert same_pixels(media_path(folder, row.sha256).read_bytes(), WHOLE["image/png"])


def test_a_kept_file_that_rotted_is_healed_by_keeping_it_again(tmp_path: Path) -> None:
    found = examine(written(tmp_path, WHOLE["image/gif"]))
    keep(tmp_path, found)
    kept = media_path(tmp_path, found.sha256).read_bytes()
    media_path(tmp_path, found.sha256).write_bytes(b"rot")
    keep(tmp_path, found)
    assert media_path(tmp_path, found.sha256).read_bytes() == kept


def test_a_file_that_changed_after_it_was_examined_is_not_kept(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE["image/png"])
    found = examine(path)
    path.write_bytes(SVG)
    with pytest.raises(MeizhenError) as error:
        keep(tmp_path / "media", found)
    assert error.value.code == "post.media_changed"
    assert not (tmp_path / "media").exists()


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = examine(written(tmp_path, WHOLE["image/png"]))
    folder = tmp_path / "media"

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MeizhenError, match="No space left on device") as error:
        keep(folder, found)
    assert error.value.code == "post.media_not_kept"
    assert [path for path in folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("sha256", ["../../etc/passwd", "", "ab", "A" * 64, "a" * 65, "a" * 64 + "\n"])
def test_a_hash_never_leads_outside_the_folder(tmp_path: Path, sha256: str) -> None:
    with pytest.raises(MeizhenError) as error:
        media_path(tmp_path, sha256)
    assert error.value.code == "post.media_missing"


def outgoing(media: Media) -> Outgoing:
    return Outgoing(key="k", seq=1, title="", text="text", media=(media,))


def test_sending_refuses_a_file_that_is_missing_or_changed(tmp_path: Path) -> None:
    found = examine(written(tmp_path, WHOLE["image/png"]))
    keep(tmp_path, found)
    path = media_path(tmp_path, found.sha256)
    kept = Media(path, found.sha256, found.content_type, found.file_name)
    check_media(outgoing(kept))
    check_media(Outgoing(key="k", seq=1, title="", text="no files"))

    path.write_bytes(WHOLE["image/png"][:-1] + b"X")
    with pytest.raises(MeizhenError) as error:
        check_media(outgoing(kept))
    assert error.value.code == "post.media_changed"
    assert "nothing was sent" in str(error.value) and not error.value.may_have_gone_out

    path.unlink()
    with pytest.raises(MeizhenError) as error:
        check_media(outgoing(kept))
    assert error.value.code == "post.media_missing"


def test_files_that_two_record_at_once_are_recorded_once(
    tmp_path: Path, database: Database, clock: ManualClock
) -> None:
    found = examine(written(tmp_path, WHOLE["image/png"]))
    later: datetime = clock.now().replace(year=2027)
    with database.write() as session:
        record_media(session, [found, found], now=clock.now())
    with database.write() as session:
        record_media(session, [found], now=later)
        record_media(session, [], now=later)
    with database.read() as session:
        assert session.exec(select(MediaFile.added_at)).all() == [clock.now()]

"""The freeze's articles are spelled alike whatever was read in which order, and a full disk is told."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from analytics.awards.canonical import write_articles

HANDLES = {7: "b", 3: "B", 9: "a,1"}
ROWS: list[list[object]] = [
    [7, "r2", "2026-03-01", "1", "post", 1, "题,目", "https://x.test", "a12.5", "i3"],
    [7, "r10", "2026-03-01", "", "post", None, "", "", None, None],
    [3, "r1", "2026-12-31", "2", "post", False, 'a"\n', "", "a-0.000001", "t7"],
    [9, "r1", "2026-01-01", "1", "post", True, "\\n", "", "a1", "a2"],
    [8, "r1", "2026-01-01", "1", "post", True, "nobody's", "", "a1", "a2"],
]
FILE = """\
handle,remote_id,published_day,position,kind,original,title,url,sources,like,share
B,r1,2026-12-31,2,post,false,"a""\n",,api+typed,-0.000001,7
"a,1",r1,2026-01-01,1,post,true,\\n,,api,1,2
b,r10,2026-03-01,,post,,,,,,
b,r2,2026-03-01,1,post,true,"题,目",https://x.test,api+import,12.5,3
"""


def told(folder: Path, *files: Sequence[Sequence[object]]) -> Path:
    folder.mkdir()
    for number, rows in enumerate(files):
        lines = "\n".join(json.dumps(row, ensure_ascii=number % 2 == 0) for row in rows)
        (folder / f"{number}").write_text(lines, "utf-8")
    return folder


def test_rows_are_sorted_by_code_point_and_spelled_alike_whatever_file_they_came_in(tmp_path: Path) -> None:
    worlds = {"1": (ROWS[:1],), "[1] 'x'": (ROWS[:2], [], ROWS[2:]), "*": (ROWS[::-1],), "[1]": (ROWS,)}
    for name, files in worlds.items():
        rows = told(tmp_path / name, *files)
        path = write_articles(rows, HANDLES, ("like", "share"), rows / "articles.csv", room=tmp_path / "room")
        assert name == "1" or path.read_text("utf-8") == FILE


def test_a_full_disk_is_told_as_any_other_file_tells_it(tmp_path: Path) -> None:
    rows = told(tmp_path / "rows", ROWS)
    with pytest.raises(OSError, match="No space left"):
        write_articles(rows, HANDLES, ("like", "share"), Path("/dev/full"), room=tmp_path / "room")

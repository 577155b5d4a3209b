"""How people write numbers, rates and days: read exactly, and what is not certain is refused."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analytics.spellings import is_unknown, read_count, read_moment, read_number, read_rate
from config.clock import SHANGHAI

WIDE = str.maketrans("0123456789,.%", "０１２３４５６７８９，．％")
COUNTS = st.integers(0, 10**12)
DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


@given(COUNTS)
@example(0)
def test_a_count_is_the_same_in_every_spelling(count: int) -> None:
    for told in (f"{count}", f"{count:,}", f"{count:,}".translate(WIDE), f" {count} ", f"{count}.0"):
        assert read_count(told) == count


@given(st.integers(0, 10**9), st.sampled_from(["万", "w", "W", " 万"]))
def test_ten_thousands_are_multiplied_exactly(hundredths: int, sign: str) -> None:
    told = f"{hundredths // 100}.{hundredths % 100:02}{sign}"
    assert read_count(told) == hundredths * 100


@given(st.integers(0, 10_000))
def test_a_rate_and_its_percentage_are_one(permyriad: int) -> None:
    exact = Decimal(permyriad) / 10_000
    percent = f"{permyriad / 100:.2f}%"
    assert read_rate(str(exact)) == read_rate(percent) == read_rate(percent.translate(WIDE)) == exact


@given(DAYS)
def test_a_day_is_the_same_in_the_five_spellings(day: date) -> None:
    spellings = (
        f"{day:%Y%m%d}",
        f"{day:%Y-%m-%d}",
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}.{day.month}.{day.day}",
        f"{day:%Y-%m-%d} 00:00:00",
    )
    for told in (*spellings, spellings[0].translate(WIDE)):
        moment = read_moment(told)
        assert (moment.date(), moment.tzinfo) == (day, SHANGHAI)


def test_a_time_of_day_is_beijing_time() -> None:
    assert read_moment("2026年3月2日 09:30").isoformat() == "2026-03-02T09:30:00+08:00"


@pytest.mark.parametrize(
    "told",
    [
        *(
            "10万+",
            "1,23",
            "12,34,567",
            "1 000",
            "-5",
            "+5",
            "1e3",
            "0x10",
            "三千",
            "12.5",
            "∞",
            "nan",
            "１０万＋",
        ),
        *("", " ", "=1+1", "12人", "1..2", "1万万", "9" * 16),
    ],
)
def test_what_is_no_certain_count_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match="expected a"):
        read_count(told)


@pytest.mark.parametrize("told", ["61.2", "1.01", "101%", "-0.1", "0.5%%", "half"])
def test_what_is_no_certain_rate_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match="expected a"):
        read_rate(told)


@pytest.mark.parametrize(
    "told",
    [
        *(
            "2026-13-01",
            "2026-02-30",
            "20260229",
            "2026-3/2",
            "03-02-2026",
            "46083",
            "1999-12-31",
            "2026年3月",
        ),
        *("2026-03-02 25:00", "2026-03-02x", "昨天", ""),
    ],
)
def test_what_is_no_day_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match=r"expected|must be|out of range"):
        read_moment(told)


@given(st.text(max_size=30))
def test_nothing_that_people_type_breaks_the_readers(told: str) -> None:
    for read in (read_count, read_number, read_rate, read_moment):
        try:
            read(told)
        except ValueError:
            continue


@pytest.mark.parametrize("told", ["", " ", "-", "--", "—", "／", "N/A", "无"])
def test_blanks_are_unknown(told: str) -> None:
    assert is_unknown(told)


@pytest.mark.parametrize("told", ["0", "0.0", "０"])
def test_zero_is_a_figure(told: str) -> None:
    assert not is_unknown(told)
    assert read_count(told) == 0

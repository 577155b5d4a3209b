"""Beijing days as people give them on the command line."""

from datetime import date

from config.errors import InputError, Problem


def day_of(option: str, told: str | None) -> date | None:
    """The day that an option was given, None without one. Raises InputError naming the option."""
    from analytics.spellings import read_moment

    if told is None:
        return None
    try:
        return read_moment(told).date()
    except ValueError:
        raise InputError(option, [Problem("input.not_a_date", params={"received": told})]) from None

"""Public holidays that no working schedule needs to hold, because the law of the country fixes them."""

from datetime import date, timedelta

from dateutil.easter import easter

# Holidays of the whole country, by month and day.
ITALIAN = ((1, 1), (1, 6), (4, 25), (5, 1), (6, 2), (8, 15), (11, 1), (12, 8), (12, 25), (12, 26))
# Saint Francis, a holiday again by law 151/2025.
ITALIAN_SINCE_2026 = (10, 4)
# What is a holiday in each country of the European Economic Area. The rest is in the company's working schedule: a
# holiday too few only makes the deadline come earlier.
EUROPEAN = ((1, 1), (12, 25))
EUROPEAN_COUNTRIES = frozenset(
    ["AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IS", "IT"]
    + ["LV", "LI", "LT", "LU", "MT", "NL", "NO", "PL", "PT", "RO", "SK", "SI", "ES", "SE"]
)


def get_public_holidays(country_code, year):
    """Give the public holidays of a country that are known here.

    :param str country_code: ISO 3166-1 alpha-2, or empty
    :param int year: of the Gregorian calendar
    :rtype: set[date]
    """
    if country_code == "IT":
        fixed = ITALIAN + ((ITALIAN_SINCE_2026,) if year >= 2026 else ())
        return {date(year, month, day) for month, day in fixed} | {easter(year) + timedelta(days=1)}
    if country_code in EUROPEAN_COUNTRIES:
        return {date(year, month, day) for month, day in EUROPEAN}
    return set()

"""Annual figures: volatility is per root year and drift per year, of 365 days of 24 h, as the venues never close."""

import math
from typing import Final

YEAR_S: Final = 365 * 86_400
ROOT_YEAR: Final = math.sqrt(YEAR_S)

"""The settings that the engine runs with."""

from textual.widget import Widget

from polyterm.console.detail_layout import Placed, arrange_table
from polyterm.console.latest import View
from polyterm.console.screens.detail import Ask, DetailScreen
from polyterm.console.view.figures import mark
from polyterm.console.view.settings import COLUMNS, no_settings, setting_rows
from polyterm.console.widgets.table import Table
from polyterm.core.details import SettingsAnswer
from polyterm.core.query import SettingsQuery


class SettingsScreen(DetailScreen):
    def __init__(self, ask: Ask) -> None:
        super().__init__(ask)
        self._answer: SettingsAnswer | None = None
        self._session = ""
        self._table = Table("table", COLUMNS)

    def panes(self) -> dict[str, Widget]:
        return {"table": self._table}

    def placed(self, width: int, height: int) -> Placed | None:
        return arrange_table(width, height)

    async def fetch(self) -> None:
        """Once for every session: an engine keeps the settings that it began with."""
        session = "" if self._view is None or self._view.status is None else self._view.status.session
        if self._answer is None or session != self._session:
            answer = await self.answer(SettingsQuery())
            if isinstance(answer, SettingsAnswer):
                self._answer, self._session = answer, session

    def paint(self, view: View) -> None:
        rows = () if self._answer is None else setting_rows(self._answer, self._table.columns)
        self._table.show(rows, empty=no_settings(view, self.problem), note=mark(view))

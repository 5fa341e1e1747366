"""Commands below headings in ``--help``, without rich, whose import takes as long as the rest."""

from __future__ import annotations

from typing import Any, ClassVar

from typer.core import TyperGroup


class PanelGroup(TyperGroup):
    """A group that lists its commands below the headings that they name, in the given order.

    A subclass names them in ``order``, since typer keeps groups apart from other commands and
    would list them last. What is not named stands behind.
    """

    order: ClassVar[tuple[str, ...]] = ()

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands in their order."""
        named = [name for name in self.order if name in self.commands]
        return [*named, *(name for name in self.commands if name not in self.order)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section for each heading."""
        panels: dict[str, list[tuple[str, Any]]] = {}
        for name in self.list_commands(ctx):
            found = self.get_command(ctx, name)
            if found is None or found.hidden:
                continue
            panels.setdefault(getattr(found, "rich_help_panel", None) or "Commands", []).append(
                (name, found)
            )
        widest = max(len(name) for members in panels.values() for name, _ in members)
        limit = formatter.width - 6 - widest
        for panel, members in panels.items():
            with formatter.section(panel):
                formatter.write_dl(
                    [(name.ljust(widest), each.get_short_help_str(limit)) for name, each in members]
                )

"""What every part of a merchant's section needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.ports.reports import MerchantReport
from reconciler.reporting.html.elements import Child, Html, heading, tag
from reconciler.reporting.values import Local


@dataclass(frozen=True)
class Context:
    """One merchant's section of the page."""

    section: MerchantReport
    local: Local
    #: What every id of the section begins with.
    prefix: str
    #: The level of the section's own headings.
    level: int

    @property
    def several_channels(self) -> bool:
        """Say whether an order's channel needs naming."""
        return len(self.section.merchant.channels) > 1

    def part(self, name: str, title: Child, *content: Child, kind: str | None = None) -> Html:
        """Make a titled part of the section, which a link can reach."""
        title_id = f"{self.prefix}-{name}-title"
        return tag(
            "section",
            heading(self.level, title, title_id),
            *content,
            id=f"{self.prefix}-{name}",
            aria_labelledby=title_id,
            class_=kind,
        )

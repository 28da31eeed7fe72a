"""A strict reader of the page: it remembers what a test may ask about."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "col", "link", "meta"}


@dataclass
class Element:
    """One element with its attributes and the text inside it."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    inside: tuple[str, ...] = ()


@dataclass
class Page(HTMLParser):
    """The elements in their order. Reading fails where tags do not match."""

    source: str
    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        """Open an element."""
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} repeats an attribute"
        element = Element(tag, {name: value or "" for name, value in attrs})
        element.inside = tuple(parent.name for parent in self.open)
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        """Take an element of the picture that closes itself."""
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        """Close the innermost element, which must be of that name."""
        assert self.open.pop().name == tag

    def handle_data(self, data):
        """Give text to every element around it."""
        for element in self.open:
            element.text += data

    def all(self, *names: str, **attributes: str) -> list[Element]:
        """Return the elements of these names that have these attributes."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [
            element
            for element in self.elements
            if (not names or element.name in names) and wanted.items() <= element.attributes.items()
        ]

    def one(self, *names: str, **attributes: str) -> Element:
        """Return the only such element."""
        (element,) = self.all(*names, **attributes)
        return element

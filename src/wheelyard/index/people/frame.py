"""What is around every page for people: the wheelhouse's name, who answers for it, and where else one can go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from wheelyard.domain.site import Imprint, Site
from wheelyard.index import pages
from wheelyard.index.pages import Page
from wheelyard.index.people import words

PAPERS = ("report.html", "licenses.html", "sbom.cdx.json")
_MAIL = re.compile(r"[^\s@<>\"?&%:/]+@[^\s@<>\"?&%:/]+\.[^\s@<>\"?&%:/.]+\Z")
_WEB = re.compile(r"https?://[^\s\"'<>]+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The frame of a site's pages."""

    imprint: Imprint = field(default_factory=Imprint)
    papers: tuple[str, ...] = ()
    """Of ``PAPERS``, those that the site has."""

    @property
    def contact_link(self) -> str:
        """Where the contact leads to; empty if it is only words."""
        contact = self.imprint.contact
        return contact if _WEB.match(contact) else f"mailto:{contact}" if _MAIL.match(contact) else ""

    def page(
        self, template: str, parts: Iterable[str], values: Callable[[], Mapping[str, object]], up: str = ""
    ) -> Page:
        """Return a page of a template of ``people/``.

        :param parts: everything that the page is made from, as texts.
        :param values: what the template is given, asked for only where the page is really made.
        :param up: relative path from the page to the top of the site, with a slash at the end.
        """
        return Page(pages.digest([template, repr(self), *parts]), lambda: self.render(template, up=up, **values()))

    def render(self, template: str, *, up: str = "", **values: object) -> str:
        """Return the text of a page."""
        made = pages.environment().get_template(f"people/{template}.html.j2")
        return made.render(words=words, frame=self, root=up, **values)


def frame_of(site: Site) -> Frame:
    """Return the frame of a site's pages."""
    return Frame(imprint=site.imprint, papers=site.papers)

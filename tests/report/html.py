"""What every page of the site must keep, read without a browser."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """The tags of a page and the text that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute stands twice: {tag} {attrs}"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in names]

    @property
    def ids(self) -> list[str]:
        return [str(attrs["id"]) for _, attrs in self.tags if "id" in attrs]

    @property
    def links(self) -> list[str]:
        """Whatever is fetched or followed from here."""
        names = ("src", "href", "srcset", "action", "poster", "data", "xlink:href")
        found = [str(v) for _, attrs in self.tags for name, v in attrs.items() if name in names]
        return [link for link in found if link != "data:,"]


def check_site(folder: Path) -> dict[str, Page]:
    """Check a whole site; return its pages read, by their names."""
    pages = {
        path.name: check_page(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.html"))
    }
    assert "index.html" in pages
    reached: set[str] = set()
    for name, page in pages.items():
        for link in page.links:
            file, _, fragment = link.partition("#")
            assert not re.match(r"[a-z+.-]+:|/|\.\.", file), f"{name} leads outside: {link}"
            target = unquote(file) or name
            reached.add(target)
            assert (folder / target).is_file(), f"{name}: {link}"
            assert not fragment or fragment in pages[target].ids, f"{name}: {link}"
    written = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert reached == written
    style = (folder / "site.css").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\(|https?:|//", style)
    script = (folder / "site.js").read_text(encoding="utf-8")
    assert not re.search(r"https?:|fetch|XMLHttp|import|innerHTML|eval|Function\(", script)
    return pages


def check_page(html: str) -> Page:
    """Check one page; return it read."""
    page = Page(html)
    assert not page.open, f"never closed: {page.open}"
    # nothing runs but our script, and nothing is asked of the network
    assert [attrs["src"] for attrs in page.all("script")] == ["site.js"]
    assert not page.all("iframe", "object", "embed", "base", "form", "style")
    assert "default-src 'none'" in str(page.all("meta"))
    for tag, attrs in page.tags:
        for name, value in attrs.items():
            assert not name.startswith("on"), f"{tag} {name}"
            assert name != "style", tag
            assert "url(" not in (value or "").replace("url(#", ""), f"{tag} {name}={value}"
    assert len(page.ids) == len(set(page.ids))
    assert not [name for name in page.ids if re.search(r"\s", name)]
    for _, attrs in page.tags:
        for name in ("aria-labelledby", "aria-describedby"):
            assert str(attrs.get(name, page.ids[0])) in page.ids
    # a reader without eyes
    assert page.all("html")[0]["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("main", "h1", "title")] == [1, 1, 1]
    assert page.all("a")[0]["href"] == "#main"
    assert all(attrs.get("alt") for attrs in page.all("img"))
    assert all(attrs.get("aria-label") for attrs in page.all("nav"))
    names = [attrs["aria-label"] for attrs in page.all("nav")]
    assert len(names) == len(set(names))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    assert all(attrs.get("scope") in ("col", "row") for attrs in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    for attrs in page.all("svg"):
        seen = attrs.get("role") == "img" and attrs.get("aria-label")
        assert seen or attrs.get("aria-hidden") == "true" or "viewbox" in attrs or "x" in attrs
    return page

"""Gives the site the files of the repository that docs/ links to, and turns their links so that they lead somewhere there too.

In the repository docs/security.md names ../SECURITY.md, and CONTRIBUTING.md names docs/architecture.md. On the site all pages
lie in one folder, so the ways there and back are left out.
"""

import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[1]
# By their place in the repository: their place on the site.
INCLUDED: Final = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
    "config.example.yaml": "config.example.yaml",
}
CELL: Final = re.compile(r"<td[^>]*>.*?</td>", re.DOTALL)
NAME: Final = re.compile(r"(?<=<code>)[^<]{20,}(?=</code>)")
FLAG: Final = re.compile(r"^--\w+")
LINK: Final = re.compile(r"(?<=\]\()(?P<way>\.\./|docs/|)(?P<file>[\w./-]+)(?=[#)])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for here, there in INCLUDED.items():
        files.append(File.generated(config, there, abs_src_path=str(ROOT / here)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    if page.is_homepage:
        page.meta["hide"] = ["navigation"]
    return LINK.sub(_onto_site, markdown) if "/" not in page.file.src_uri else markdown


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Long names in tables may be broken after an underscore, and a flag not within its first word."""
    return CELL.sub(lambda cell: NAME.sub(_breakable, cell[0]), html)


def _breakable(name: re.Match[str]) -> str:
    return FLAG.sub(r'<span class="whole">\g<0></span>', name[0]).replace("_", "_<wbr>")


def _onto_site(link: re.Match[str]) -> str:
    way, file = link["way"], link["file"]
    if way == "docs/":
        return file
    return INCLUDED.get(file, way + file)

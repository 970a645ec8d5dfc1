# SPDX-License-Identifier: GPL-2.0-only
"""Sphinx configuration for Documentation/, as strict as it gets.

The directives for kernel-doc and pictures are the kernel's own: KSRC in the
environment names a kernel source tree (6.12). Run by docs.sh.
"""

import os
import sys

KSRC = os.environ["KSRC"]
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

sys.path.insert(0, os.path.join(KSRC, "Documentation", "sphinx"))

import kfigure  # noqa: E402  pylint: disable=wrong-import-position
from docutils import nodes  # noqa: E402  pylint: disable=wrong-import-position
from sphinx.util import logging  # noqa: E402  pylint: disable=wrong-import-position

project = "vtd_shadow"
root_doc = "vtd_shadow"
highlight_language = "none"
html_theme = "alabaster"
# As wide as the kernel's documents
html_theme_options = {"page_width": "65em", "sidebar_width": "15em", "font_size": "inherit",
                      "code_font_size": "0.8em"}

extensions = ["kerneldoc", "kfigure", "automarkup"]
kerneldoc_bin = os.path.join(KSRC, "scripts", "kernel-doc")
kerneldoc_srctree = TOP

# kernel-doc writes attributes as they are in the source.
c_id_attributes = ["__user", "__aligned_u64", "__packed"]

html_static_path = ["static"]
html_css_files = ["tables.css"]

# Every reference must lead somewhere; only the kernel's own names may dangle.
nitpicky = True
nitpick_ignore_regex = [("c:.*", r"(?!vtd_shadow|VTD_SHADOW).*")]

# For PDF: the fonts have arrows and box drawing, and figures stay where the text names them
latex_engine = "xelatex"
latex_documents = [(root_doc, "vtd_shadow.tex", "Shadowing a guest's VT-d unit", "", "howto")]
latex_use_xindy = False
latex_show_urls = "footnote"
latex_elements = {
    "cmappkg": "",
    "papersize": "a4paper",
    "pointsize": "10pt",
    "figure_align": "H",
    "sphinxsetup": "hmargin=0.8in, vmargin=0.9in, verbatimwithframe=false",
    "fontpkg": r"""
\setmainfont{DejaVu Serif}[Scale=0.9]
\setsansfont{DejaVu Sans}[Scale=0.9]
\setmonofont{DejaVu Sans Mono}[Scale=0.82]
""",
    # In tables text is not stretched, and long names end where they have to.
    "preamble": r"""
\makeatletter
\expandafter\let\csname NC@find@\string\X\endcsname\relax
\newcolumntype{\X}[2]{>{\raggedright\arraybackslash}p{\dimexpr
  (\linewidth-\spx@arrayrulewidth)*#1/#2-\tw@\tabcolsep-\spx@arrayrulewidth\relax}}
\makeatother
\setlength{\emergencystretch}{3em}
\let\underscorealone\_
\protected\def\_{\underscorealone\allowbreak}
\pdfstringdefDisableCommands{\let\_\underscorealone}
""",
}


def use_rsvg(_app):
    """Has pictures for PDF made by rsvg-convert alone: Debian's convert may not."""
    kfigure.convert_cmd = kfigure.rsvg_convert_cmd
    kfigure.svg2pdf = kfigure.svg2pdf_by_rsvg


def check_rows(_app, doctree):
    """Warns of rows with a first cell alone: its text went on in a second line, and a
    table that is drawn with = takes each line with a first cell for a row."""
    for row in (row for body in doctree.findall(nodes.tbody) for row in body):
        texts = [entry.astext() for entry in row.findall(nodes.entry)]
        if len(texts) > 1 and texts[0] and not any(texts[1:]):
            logging.getLogger(__name__).warning("row has '%s' alone", texts[0], location=row)


def keep_widths(app, doctree, _name):
    """Gives columns in PDF the widths that they have in the source. LaTeX itself makes
    some of them too narrow for a name."""
    if app.builder.name == "latex":
        for table in doctree.findall(nodes.table):
            table["classes"].append("colwidths-given")


def setup(app):
    """Comes after kfigure has looked for its tools."""
    app.connect("builder-inited", use_rsvg, priority=900)
    app.connect("doctree-read", check_rows)
    app.connect("doctree-resolved", keep_widths)

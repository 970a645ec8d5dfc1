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

project = "vtd_shadow"
root_doc = "vtd_shadow"
highlight_language = "none"
html_theme = "alabaster"
# As wide as the kernel's documents
html_theme_options = {"page_width": "65em", "sidebar_width": "15em", "font_size": "inherit"}

extensions = ["kerneldoc", "kfigure", "automarkup"]
kerneldoc_bin = os.path.join(KSRC, "scripts", "kernel-doc")
kerneldoc_srctree = TOP

# kernel-doc writes attributes as they are in the source.
c_id_attributes = ["__user", "__aligned_u64", "__packed"]

# Every reference must lead somewhere; only the kernel's own names may dangle.
nitpicky = True
nitpick_ignore_regex = [("c:.*", r"(?!vtd_shadow|VTD_SHADOW).*")]

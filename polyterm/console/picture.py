"""Pictures of the screen that need nothing from elsewhere."""

import re
from typing import Final

_FONT_FACES: Final = re.compile(r"\s*@font-face \{[^}]*\}")
_COMMENTS: Final = re.compile(r"\s*<!--.*?-->", re.DOTALL)


def self_contained(svg: str) -> str:
    """Without the fonts that the exporter would have fetched from a host of its choice: whoever looks at a picture of
    an account should not tell anybody. The viewer's own monospace font takes their place."""
    return _COMMENTS.sub("", _FONT_FACES.sub("", svg))

"""The one palette as the map needs it: token names to colours, for light and dark.

The values are those of `webmap/src/tokens.css` (a test compares them when that file is there); styles name tokens as
`@road-casing`, so that a theme changes in one place.
"""

from __future__ import annotations

import re
from typing import Any, Literal

Theme = Literal["light", "dark"]

_ROWS = """
ink            #15212b #e9efef
ink-2          #51606b #a9b7bb
ink-3          #84919a #76868c
line           #dde3e1 #2a373e
surface        #ffffff #162027
paper          #f5f6f4 #10181e
sunken         #edf0ee #1c2830
brand          #0b6e6e #43b3aa
brand-ink      #064b4b #8fd8d0
brand-wash     #e2f1ef #15363a
ok             #2b7a4b #58bd82
ok-wash        #e3f3e8 #17362a
soon           #a86a00 #e0a63f
soon-wash      #fdf0d6 #3a2f16
late           #b8322a #f0776c
late-wash      #fbe6e3 #402020
paused         #66707a #97a3ab
info           #2563a8 #74aef0
info-wash      #e4eef9 #182f49
land           #f3f1ea #1a242a
water          #c9dfe8 #17323f
green          #dce8d2 #1c2f27
road           #ffffff #2c3940
road-casing    #d8d3c7 #141c21
building       #e6e1d6 #222e35
cell           #7e9a9d #4f6a6e
"""

PALETTE: dict[Theme, dict[str, str]] = {
    "light": {row.split()[0]: row.split()[1] for row in _ROWS.strip().splitlines()},
    "dark": {row.split()[0]: row.split()[2] for row in _ROWS.strip().splitlines()},
}
_TOKEN = re.compile(r"^@([a-z0-9-]+)$")


def _tokens(value: Any) -> set[str]:
    if isinstance(value, str):
        found = _TOKEN.match(value)
        return {found[1]} if found else set()
    if isinstance(value, dict):
        return set().union(*(_tokens(part) for part in value.values())) if value else set()
    if isinstance(value, (list, tuple)):
        return set().union(*(_tokens(part) for part in value)) if value else set()
    return set()


def unknown_tokens(style: Any) -> set[str]:
    """Tokens a style names that the palette does not have, with their @."""
    return {f"@{name}" for name in _tokens(style) - PALETTE["light"].keys()}


def painted(style: Any, theme: Theme) -> Any:
    """The style with every `@token` replaced by the colour of the theme."""
    if isinstance(style, str):
        found = _TOKEN.match(style)
        return PALETTE[theme][found[1]] if found else style
    if isinstance(style, dict):
        return {key: painted(part, theme) for key, part in style.items()}
    if isinstance(style, (list, tuple)):
        return [painted(part, theme) for part in style]
    return style

"""The two forms of every answer. JSON lists are bare; XML names each list after what it holds, as the standard's examples do."""

from __future__ import annotations

import json
from typing import Any, Final
from xml.etree import ElementTree

MEDIA_TYPES: Final = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}

_ITEMS: Final = {
    "services": "service",
    "service_requests": "request",
    "errors": "error",
    "attributes": "attribute",
    "values": "value",
    "endpoints": "endpoint",
    "formats": "format",
}


def write(form: str, root: str, value: Any) -> str:
    """`value` (JSON values, hence Any) as json or xml; `root` names the document element of the XML."""
    if form == "json":
        return json.dumps(value, ensure_ascii=False)
    document: str = ElementTree.tostring(_element(root, value), encoding="unicode", short_empty_elements=True)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'


def _element(name: str, value: Any) -> ElementTree.Element:
    element = ElementTree.Element(name)
    if isinstance(value, dict):
        element.extend(_element(key, inner) for key, inner in value.items())
    elif isinstance(value, list):
        element.extend(_element(_ITEMS.get(name, "item"), inner) for inner in value)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif value is not None:
        element.text = "".join(
            c for c in str(value) if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")
        )
    return element

"""What happened to components: the topic and the names in the outbox."""

from __future__ import annotations

TOPIC = "component"
"""Subject: the component's code now. Payload: act, code, class_code, state, cell_code, lon, lat, version, change_id."""

BATCH_TOPIC = "component_batch"
"""Many components at once. Subject: the change id. Payload: act, rows, box [west, south, east, north]."""

REGISTERED = "component_registered"
UPDATED = "component_updated"
RELOCATED = "component_relocated"
RECODED = "component_recoded"
RETIRED = "component_retired"
REINSTATED = "component_reinstated"
RECELLED = "components_recelled"

OF_ACT = {
    "register": REGISTERED,
    "update": UPDATED,
    "relocate": RELOCATED,
    "recode": RECODED,
    "retire": RETIRED,
    "reinstate": REINSTATED,
    "recell": RECELLED,
}

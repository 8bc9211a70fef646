"""What can go wrong at the Open311 door; told as the standard says, a list of {code, description}."""

from __future__ import annotations

from cityops.errors import Conflict, Invalid, NotFound, Refused, TooMany


class ApiKeyMissing(Refused):
    """An api_key is needed to make a request."""


class ApiKeyNotKnown(Refused):
    """The api_key is not known or was revoked."""


class ApiKeyUsedUp(TooMany):
    """This api_key may make {per_minute} requests a minute; wait {wait_s} seconds."""


class KeyLabelTaken(Conflict):
    """There is a key called {label} already."""


class KeyNotFound(NotFound):
    """There is no living key called {label}."""


class JurisdictionNotKnown(NotFound):
    """jurisdiction_id {jurisdiction_id} was not found; this is {ours}."""


class ServiceNotKnown(NotFound):
    """service_code {service_code} was not found."""


class RequestNotKnown(NotFound):
    """service_request_id {service_request_id} was not found."""


class TokenNotKnown(NotFound):
    """token_id {token_id} was not found."""


class ResourceNotKnown(NotFound):
    """There is no such resource; see /open311/discovery.json."""


class LocationMissing(Invalid):
    """A location is needed: lat and long, or address_string, or address_id."""


class LocationIncomplete(Invalid):
    """lat and long belong together; {missing} was not provided."""


class AddressNotFound(Invalid):
    """The address {address} was not found; send lat and long."""


class AttributeInvalid(Invalid):
    """The value of attribute[{attribute}] is not one of the service definition."""


class WindowTooLong(Invalid):
    """start_date and end_date may span no more than 90 days."""


class WindowTurned(Invalid):
    """end_date lies before start_date."""

"""What can be wrong with an import into the city."""

from cityops.errors import Conflict, Invalid


class CityNotEmpty(Conflict):
    """The city already holds {what}; a whole city can only be loaded into an empty one."""

    code = "city-not-empty"


class DistrictCodeInvalid(Invalid):
    """{value} is not a district code."""

    code = "district-code-invalid"


class NoGround(Invalid):
    """The extract covers no ground: its box is {box}."""

    code = "osm-no-ground"

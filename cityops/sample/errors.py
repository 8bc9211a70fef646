"""What can be wrong with a wish for a sample city."""

from cityops.errors import Conflict, Invalid


class CityNotEmpty(Conflict):
    """The city already holds {what}; a sample city is only made in an empty one."""

    code = "city-not-empty"


class SizeNotKnown(Invalid):
    """There is no sample city of size {size}."""

    code = "sample-size-not-known"


class UntilNotUsable(Invalid):
    """{until} cannot be the end of the sample's two years."""

    code = "sample-until-not-usable"

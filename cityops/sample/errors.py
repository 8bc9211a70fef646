"""What can be wrong with a wish for a sample city."""

from cityops.errors import Invalid


class SizeNotKnown(Invalid):
    """There is no sample city of size {size}."""

    code = "sample-size-not-known"


class UntilNotUsable(Invalid):
    """{until} cannot be the end of the sample's two years."""

    code = "sample-until-not-usable"

"""Code tables, standards, workflow and mapping tables: data that travels with the package, never schema."""

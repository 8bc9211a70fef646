"""The themes of the city: plug-ins that know the core through `cityops.layerkit` only and are strangers to one another.

One folder per theme; the simplest is one `layer.yaml`. Nothing here is imported by the core.
Begin reading with any `layer.yaml`; `cityops layers new` writes the next one.
"""

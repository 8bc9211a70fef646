"""Addresses and place names: regions, tracts, blocks, streets, door plates and points of interest, found by what people say.

It must not know components or cases: it answers where a name is and what a point is called, nothing else. Begin with
`rules.py` (what a sentence asks for), then `matching.py` (the answer) and `gathering.py` (where the names come from).
"""

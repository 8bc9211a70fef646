"""Photos: taken in, cleaned of hidden data, kept once by the digest of their bytes, and served to who may see them.

It must not know what a photo is about; rooms above it hold the links and tell who may see (`policy.add_seer`).
Begin with `rules.py` (what is accepted and how it is cleaned), then `storage.py` and `operations.py`.
"""

"""The case file: one problem from its report to its closing, as an append-only chain of events and a current-state row.

It must not know Flask outside `api.py`, a theme, or how a photo is stored; nothing but `operations.py` writes a case.
Begin with `data/workflow/case.yaml`, then `workflow.py` (what is allowed), `chain.py` (what is kept), `operations.py` (the one write path).
"""

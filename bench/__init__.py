"""What `make bench` runs: ours, the limit and the peers, side by side on the same data in the same minute.

Only ratios mean anything; times are printed for the curious and never asserted. Begin with `frame.py` (what a measurement
is) and `__main__.py` (which there are); each other module is one subject with a `run(stand)`.
"""

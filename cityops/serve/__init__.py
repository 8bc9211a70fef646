"""Running a city: one supervisor that keeps the database and the web server alive and ends both when it ends.

It decides nothing about cities and knows no route; it starts, watches, restarts and stops processes.
Begin reading with `supervisor.py`; `web.py` is the web server's own process.
"""

"""The inspector's side: tasks in walking order, and writes that arrive as actions with the client's own ids.

It must not decide anything about a case: every action ends in the same operations the console uses.
Begin with `queries.py` for the task list and `actions.py` for the envelope.
"""

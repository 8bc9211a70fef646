"""The command line: one module per noun, found by itself when the file is there.

It may use every room and holds no rule of its own: a command reads its arguments, calls operations and prints.
Begin reading with `main.py`; a new noun is a new module with `add_parser(subparsers)`.
"""

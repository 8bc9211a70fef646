"""The product in a real browser: console and phone against a running server and a sample city.

Nothing is stubbed here except what a device would give (camera, position, a lost network). Begin with `conftest.py`, then
`test_seven_stages.py`.
"""

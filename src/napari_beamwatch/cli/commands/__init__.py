"""Each command: the words it understands, and how it begins.

Nothing here imports the work of a command before it runs, so that ``--help`` answers at once.
"""

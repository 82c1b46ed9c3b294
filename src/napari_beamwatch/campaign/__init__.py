"""Campaigns: many movies of some conditions, what they say together, and the next one planned.

`runs` reads movies that were analysed, `measures` what their places tell of a dose, `groups` which
movies belong together; `between` gives doses with intervals over movies, `comparison` and
`regression` what makes them differ; `summary` and `planning` are the two ways in.
"""

"""A client of a scheduler is met in silence and leaves nothing behind."""

from __future__ import annotations

import logging

from napari_beamwatch.batch import scheduler


def test_loggers_of_others_are_quiet_while_a_cluster_works_and_as_before_after() -> None:
    distributed, client = logging.getLogger("distributed"), logging.getLogger("distributed.client")
    before = distributed.level, client.level
    client.setLevel(logging.WARNING)  # as distributed does itself
    with scheduler._quiet("distributed"):
        assert not distributed.isEnabledFor(logging.ERROR)
        assert not client.isEnabledFor(logging.ERROR)
    assert (distributed.level, client.level) == (before[0], logging.WARNING)
    client.setLevel(before[1])

"""The scheduler of a dask cluster: met with patience, left without a trace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from napari_beamwatch.errors import BeamwatchError

CONNECT_S = 10.0
"""Seconds to wait for a scheduler."""


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """A client of the scheduler, closed at the end; None without one."""
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise BeamwatchError(
            f"--scheduler needs distributed, which cannot be imported ({error}); install it with: "
            'pip install "napari-beamwatch[distributed]"'
        ) from None
    connect: Callable[..., Any] = Client
    with _quiet("distributed", "tornado", "asyncio"):
        try:
            asyncio.run(_greeted(address))
            # As the default it would stay behind in dask's settings.
            client = connect(address, timeout=CONNECT_S, set_as_default=False)
        except Exception as error:  # whatever it is that listens there
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise BeamwatchError(f"no scheduler answers at {address}: {said}") from None
        try:
            yield client
        finally:
            client.close()


async def _greeted(address: str) -> None:
    """Exchange greetings with a scheduler and leave: `Client` waits for one that is mute."""
    comms: Any = import_module("distributed.comm")
    security: Any = import_module("distributed.security")

    async def greeted() -> None:
        how = security.Security().get_connection_args("client")
        comm = await comms.connect(address, CONNECT_S, **how)
        comm.abort()

    try:
        await asyncio.wait_for(greeted(), CONNECT_S)
    except TimeoutError as error:
        raise OSError(str(error) or f"nothing was said for {CONNECT_S:g} s") from None


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Let loggers of others say nothing on the terminal: what matters is said in our words."""
    known = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in names]
    loggers = [logging.getLogger(name) for name in {*names, *known}]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

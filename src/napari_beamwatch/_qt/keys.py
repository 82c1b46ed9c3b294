"""What keys do: actions of napari's own list, so that its preferences show and change them.

napari 0.9 passes over the key bindings of a plugin's manifest; its manager of actions is what
File ▸ Preferences ▸ Shortcuts lists. Actions belong to all viewers: those without a desk do
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from weakref import WeakSet

from napari.components.viewer_model import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager

PLUGIN = "napari-beamwatch"


class Desk(Protocol):
    """What keys act on."""

    @property
    def viewer(self) -> Any:
        """The viewer that it is in."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class Key:
    """A key and what it does.

    Attributes
    ----------
    name : str
        Of the action, and of the method of the desk that does it.
    key : str
        As napari writes it; the user may have chosen another one.
    says : str
        In the list of shortcuts.
    """

    name: str
    key: str
    says: str


BEFORE = Key("show_before", "Shift-B", "show the last frame before the onset")
AFTER = Key("show_after", "Shift-A", "show the first frame that holds the onset")
MAP = Key("toggle_map", "Shift-O", "show or hide the onset map")

KEYS = (
    Key("draw_region", "Shift-N", "draw a new rectangle"),
    Key("find_spots", "Shift-F", "find spots"),
    Key("show_form", "Shift-S", "show every setting"),
    Key("run", "Shift-R", "run the analysis"),
    Key("cancel", "Shift-C", "cancel what is going on"),
    BEFORE,
    AFTER,
    MAP,
    Key("open_docks", "Shift-D", "show the damage curves and the live FFT"),
)

_desks: WeakSet[Any] = WeakSet()


def offer_keys(desk: Desk) -> None:
    """Let keys act on a desk, too."""
    _register()
    _desks.add(desk)


def withdraw_keys(desk: Desk) -> None:
    """Let keys act on a desk no more."""
    _desks.discard(desk)


def desk_in(viewer: Any) -> Any:
    """The desk in a viewer; None without one."""
    wanted = _itself(viewer)
    return next((desk for desk in _desks if _itself(desk.viewer) is wanted), None)


@cache
def _register() -> None:
    """Tell napari of the actions, once; what the user has chosen for them before is kept."""
    for one in KEYS:
        name = f"{PLUGIN}:{one.name}"
        action_manager.register_action(
            name=name,
            command=_command(one.name),
            description=f"Beamwatch: {one.says}",
            keymapprovider=ViewerModel,
        )
        for key in get_settings().shortcuts.shortcuts.get(name, [one.key]):
            action_manager.bind_shortcut(name, key)


def _command(does: str) -> Callable[[ViewerModel], None]:
    def act(viewer: ViewerModel) -> None:
        desk = desk_in(viewer)
        if desk is not None:
            getattr(desk, does)()

    return act


def _itself(viewer: Any) -> Any:
    """The viewer behind the proxy that napari hands to plugins."""
    return getattr(viewer, "__wrapped__", viewer)

"""Colours of the panel, from the theme of the window."""

from __future__ import annotations

from napari.utils.theme import get_theme


def panel_style(theme_name: str) -> str:
    """Style sheet of the panel under a theme of napari."""
    theme = get_theme(theme_name)
    background, foreground, text, primary, current = (
        getattr(theme, name).as_hex()
        for name in ("background", "foreground", "text", "primary", "current")
    )
    dark = theme.type == "dark" if hasattr(theme, "type") else theme.id != "light"
    faint = "#9aa0aa" if dark else "#65625f"
    asked = "#ffc14d" if dark else "#9a5b00"
    onset = "#1fd1a0" if dark else "#00795a"
    unsure = "#e69f00" if dark else "#a86a00"
    survived = "#56b4e9" if dark else "#0072b2"
    return f"""
QFrame#card {{ background: {foreground}; border-left: 4px solid {primary}; border-radius: 2px; }}
QFrame#card[tone="onset"] {{ border-left-color: {onset}; }}
QFrame#card[tone="survived"] {{ border-left-color: {survived}; }}
QFrame#card[tone="unsure"] {{ border-left-color: {unsure}; }}
QFrame#card[tone="busy"] {{ border-left-color: {current}; }}
QFrame#card QLabel {{ background: transparent; }}
QLabel#answer {{ font-size: 20px; font-weight: 600; }}
QLabel#beside {{ font-size: 13px; }}
QLabel[role="faint"] {{ color: {faint}; }}
QLabel[role="asked"] {{ color: {asked}; }}
QLabel#threshold {{ color: {asked}; font-weight: 600; }}
QLineEdit[missing="true"] {{ border: 1px solid {asked}; }}
QToolButton[role="title"] {{
    font-weight: 600; border: none; background: transparent; color: {text}; padding: 2px 0px;
}}
QToolButton[role="part"] {{
    border: none; background: transparent; color: {text}; padding: 1px 0px;
}}
QToolButton[role="part"]:hover, QToolButton[role="title"]:hover {{ color: {onset}; }}
QFrame[role="rule"] {{ background: {primary}; max-height: 1px; min-height: 1px; border: none; }}
QPushButton[role="main"] {{ background: {current}; font-weight: 600; }}
QPushButton[role="main"]:disabled {{ background: {primary}; }}
QPushButton[role="chip"] {{
    padding: 1px 6px; border-radius: 8px; border: 1px solid {primary}; background: transparent;
    color: {faint};
}}
QPushButton[role="chip"]:checked {{ background: {primary}; color: {text}; }}
QToolButton#phases {{ background: {foreground}; border-radius: 2px; padding: 4px; }}
QTableWidget {{ background: {background}; gridline-color: {primary}; border: none; }}
"""

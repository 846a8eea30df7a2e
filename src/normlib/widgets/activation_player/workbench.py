"""Controls to train again from a notebook, while the Activation Player shows it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import Any

import ipywidgets

from normlib.record import Trace
from normlib.widgets.activation_player.player import ActivationPlayer

Train = Callable[..., Any]


class Workbench(ipywidgets.VBox):  # type: ignore[misc]
    """Sliders and menus for a training function of the notebook, and buttons to run and stop it.

    Parameters
    ----------
    player : ActivationPlayer
        Shows the runs; each is trained in turn, under its own name.
    train : callable
        ``train(name, *, on_step, **values)`` trains one run and returns its Trace, or a History.
        It passes `on_step` on to `fit`, and has one argument per control.
    **controls
        For each argument of `train` its choices: a list of values, a range of integers, True or
        False, or an ipywidget. It starts at the argument's default, if that is a choice.

    Raises
    ------
    TypeError
        `train` is not callable or does not take the controls, or a control is none of the above.
    ValueError
        A list of choices is empty.
    """

    def __init__(self, player: ActivationPlayer, train: Train, **controls: Any) -> None:
        if not isinstance(player, ActivationPlayer):
            raise TypeError(
                f"player must be an ActivationPlayer; got {type(player).__name__}. "
                "Make one of finished runs first."
            )
        defaults = _parameters(train, controls)
        self._player, self._train = player, train
        self._thread: Thread | None = None
        self._stop = Event()
        self.controls = {k: _control(k, v, defaults.get(k)) for k, v in controls.items()}
        self._again = ipywidgets.Button(description="Train again", icon="play")
        self._end = ipywidgets.Button(description="Stop", icon="stop", disabled=True)
        self._status = ipywidgets.Label("Ready.")
        self._again.on_click(lambda _: self.start())
        self._end.on_click(lambda _: self.stop())
        wrap = ipywidgets.Layout(flex_flow="row wrap")
        super().__init__(
            [
                ipywidgets.Box(list(self.controls.values()), layout=wrap),
                ipywidgets.Box([self._again, self._end, self._status], layout=wrap),
            ]
        )

    def __repr__(self) -> str:
        return f"Workbench({', '.join(self.controls)})"

    def _repr_mimebundle_(self, **keywords: Any) -> dict[str, Any]:
        """Return the controls, and for a page without a kernel what they would be."""
        data = dict(super()._repr_mimebundle_(**keywords) or {})
        names = ", ".join(control.description for control in self.controls.values())
        data["text/plain"] = f"Controls for training again, where a kernel runs: {names}."
        return data

    @property
    def values(self) -> dict[str, Any]:
        """What the controls say."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def status(self) -> str:
        """The status line."""
        return str(self._status.value)

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Train all runs in turn, in a thread; while it works a second start does nothing."""
        if self.running:
            return
        self._stop = Event()
        self._show(busy=True, status="Training …")
        self._thread = Thread(target=self._work, args=(self.values, self._stop), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the run to end at its next step."""
        self._stop.set()
        if self.running:
            self._status.value = "Stopping …"

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the thread to end; return whether it has."""
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.running

    def _work(self, values: Mapping[str, Any], stop: Event) -> None:
        """Train each run; whatever goes wrong ends in the status line, not in a lost thread."""
        status = "Done."
        try:
            for name in self._player.traces:
                self._one(name, values, stop)
                if stop.is_set():
                    status = f"Stopped while training {name}."
                    break
        except Exception as error:
            status = f"{type(error).__name__}: {error}"
        finally:
            self._show(busy=False, status=status)

    def _one(self, name: str, values: Mapping[str, Any], stop: Event) -> None:
        """Train one run and put its trace into the player, or leave the player as it was."""
        self._status.value = f"Training {name} …"
        follower = self._player.follow(name, steps=values.get("steps"), stop=stop)
        done = False
        try:
            result = self._train(name, on_step=follower, **values)
            trace = result if isinstance(result, Trace) else getattr(result, "trace", None)
            if not isinstance(trace, Trace):
                raise TypeError(
                    f"train must return a Trace or a History with one; got {type(result).__name__}."
                    " Pass record=Recorder() to fit."
                )
            self._player.finish(name, trace)
            done = True
        finally:
            if not done:
                self._player.cancel(name)

    def _show(self, *, busy: bool, status: str) -> None:
        self._again.disabled, self._end.disabled = busy, not busy
        self._status.value = status


def _parameters(train: Train, controls: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of `train`, once it is sure to take what it will be given."""
    if not callable(train):
        raise TypeError(
            f"train must be callable; got {type(train).__name__}. "
            "Pass a function train(name, *, on_step, **values)."
        )
    found = inspect.signature(train).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in found.values())
    missing = [name for name in ("on_step", *controls) if name not in found and not takes_any]
    if missing:
        raise TypeError(
            f"train must take on_step and every control; got no argument {missing[0]!r}. "
            f"Add it: train(name, *, {', '.join(('on_step', *controls))})."
        )
    return {name: p.default for name, p in found.items() if p.default is not p.empty}


def _control(name: str, choices: Any, default: Any) -> Any:
    """Return the ipywidget for one argument."""
    words = name.replace("_", " ")
    if isinstance(choices, ipywidgets.Widget) and hasattr(choices, "value"):
        control: Any = choices  # the base of all widgets declares neither
        control.description = control.description or words
        return control
    if isinstance(choices, bool):
        return ipywidgets.Checkbox(value=choices, description=words)
    if isinstance(choices, range) and len(choices):
        value = default if default in choices else choices[0]
        return ipywidgets.IntSlider(
            value=value, min=choices[0], max=choices[-1], step=choices.step, description=words
        )
    if isinstance(choices, list | tuple) and choices:
        value = default if default in choices else choices[0]
        return ipywidgets.Dropdown(options=list(choices), value=value, description=words)
    rule = (
        "must offer at least one value"
        if choices in ([], (), range(0))
        else ("must be a list of values, a range, True or False, or an ipywidget")
    )
    kind = ValueError if choices in ([], (), range(0)) else TypeError
    raise kind(f"{name} {rule}; got {choices!r}. Pass a list such as [0.01, 0.1, 1.0].")

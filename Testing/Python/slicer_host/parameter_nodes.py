"""`slicer.parameterNodeWrapper`: typed attributes kept in a vtkMRMLScriptedModuleNode.

The values stand in the node as Slicer writes them: numbers and texts as text, booleans as True and False,
enumerations by name, nodes as node references beside an empty parameter.
"""

from __future__ import annotations

import enum
import pathlib
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer
import slicer.util
import vtk

from . import gui_connectors
from .validators import Choice, Default, Validator

PARAMETER_PROPERTY = "SlicerParameterName"


def _is_node_type(data_type: Any) -> bool:
    return isinstance(data_type, type) and issubclass(data_type, slicer.vtkMRMLNode)


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, its type, what it accepts and what it starts with."""

    name: str
    data_type: Any
    validators: tuple[Validator, ...]
    default: Any

    @property
    def _is_optional(self) -> bool:
        return type(None) in typing.get_args(self.data_type)

    @property
    def bare_type(self) -> Any:
        """The type without `| None`."""
        options = [option for option in typing.get_args(self.data_type) if option is not type(None)]
        return options[0] if len(options) == 1 else self.data_type

    def check(self, value: Any) -> None:
        """Raise TypeError or ValueError for a value that this parameter does not take."""
        is_node = _is_node_type(self.bare_type)
        if not (value is None and (is_node or self._is_optional)):
            accepted = (int, float) if self.bare_type is float else self.bare_type
            if value is None:
                raise ValueError(f"Parameter '{self.name}' must not be None.")
            if not isinstance(value, accepted):
                raise TypeError(f"Parameter '{self.name}' takes {self.bare_type.__name__}, got {value!r}.")
        for validator in self.validators:
            validator.validate(value)

    def write(self, node: Any, value: Any) -> None:
        """Keep the value in the node."""
        self.check(value)
        if _is_node_type(self.bare_type):
            node.SetParameter(self.name, "")
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
        elif isinstance(value, enum.Enum):
            node.SetParameter(self.name, value.name)
        else:
            node.SetParameter(self.name, str(value))

    def read(self, node: Any) -> Any:
        """Return the value that the node holds; a node that has none gets the default first."""
        if not node.HasParameter(self.name):
            self.write(node, self.default)
        if _is_node_type(self.bare_type):
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        if self._is_optional and text == "None":
            return None
        if self.bare_type is bool:
            return text == "True"
        if issubclass(self.bare_type, enum.Enum):
            return self.bare_type[text]
        return self.bare_type(text)


def _first_value(data_type: Any) -> Any:
    if _is_node_type(data_type) or type(None) in typing.get_args(data_type):
        return None
    if issubclass(data_type, enum.Enum):
        return next(iter(data_type))
    if data_type in (bool, int, float, str) or issubclass(data_type, pathlib.PurePath):
        return data_type()
    raise TypeError(f"The host's parameter nodes do not keep {data_type}.")


def _parameters(cls: type) -> dict[str, Parameter]:
    parameters = {}
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        data_type, *annotations = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
        named = next((entry for entry in annotations if isinstance(entry, Default)), None)
        if hasattr(cls, name):
            default = getattr(cls, name)
        else:
            default = named.value if named is not None else _first_value(data_type)
        validators = tuple(entry for entry in annotations if isinstance(entry, Validator))
        parameters[name] = Parameter(name, data_type, validators, default)
        _first_value(data_type)
    return parameters


class _Wrapper:
    """What the decorator adds to a class of parameters."""

    allParameters: dict[str, Parameter]

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        if prefix is not None:
            raise NotImplementedError("The host's parameter nodes have no prefix.")
        self.parameterNode = parameterNode
        self._connections: dict[int, dict[str, gui_connectors.Connector]] = {}
        self._observers: dict[int, int] = {}
        self._next_tag = 0
        self._is_updating = False
        for parameter in self.allParameters.values():
            if not parameterNode.HasParameter(parameter.name):
                parameter.write(parameterNode, parameter.default)

    def _parameter(self, name: str) -> Parameter:
        if name not in self.allParameters:
            raise ValueError(f"There is no parameter '{name}', only {', '.join(self.allParameters)}.")
        return self.allParameters[name]

    def default(self, name: str) -> Default:
        return Default(self._parameter(name).default)

    def getValue(self, name: str) -> Any:
        return self._parameter(name).read(self.parameterNode)

    def setValue(self, name: str, value: Any) -> None:
        with slicer.util.NodeModify(self.parameterNode):
            self._parameter(name).write(self.parameterNode, value)

    def dataType(self, name: str) -> Any:
        return self._parameter(name).data_type

    def isCached(self, name: str) -> bool:
        self._parameter(name)
        return False

    def connectGui(self, gui: Any) -> int:
        widgets = vars(gui).values() if not hasattr(gui, "isWidgetType") else slicer.util.findChildren(gui)
        named = {widget.property(PARAMETER_PROPERTY): widget for widget in widgets if hasattr(widget, "property")}
        return self.connectParametersToGui({name: widget for name, widget in named.items() if name})

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        connectors = {}
        for name, widget in mapping.items():
            parameter = self._parameter(name)
            connectors[name] = gui_connectors.connector_for(widget, parameter.bare_type, parameter.validators)
        tag = self._next_tag
        self._next_tag += 1
        self._connections[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.listen(self._take_over(name, connector))
        self._observers[tag] = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_event: self._update_gui())
        return tag

    def disconnectGui(self, guiTag: int) -> None:
        if guiTag in self._connections:
            self.RemoveObserver(self._observers.pop(guiTag))
            for connector in self._connections.pop(guiTag).values():
                connector.stop_listening()

    def _take_over(self, name: str, connector: gui_connectors.Connector) -> Callable[..., None]:
        def changed(*_arguments: Any) -> None:
            if not self._is_updating:
                self.setValue(name, connector.read())

        return changed

    def _update_gui(self) -> None:
        if self._is_updating:
            return
        self._is_updating = True
        try:
            for connectors in self._connections.values():
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
        finally:
            self._is_updating = False

    def StartModify(self) -> int:
        return int(self.parameterNode.StartModify())

    def EndModify(self, wasModified: int) -> None:
        self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event: Any, callback: Callable[..., None], priority: float = 0.0) -> int:
        return int(self.parameterNode.AddObserver(event, callback, priority))

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def parameterNodeWrapper(classtype: type | None = None) -> Any:
    """Turn a class with annotations into one that keeps them in a parameter node."""
    if classtype is None:
        return parameterNodeWrapper
    for name in vars(_Wrapper):
        if name.startswith("__") and name != "__init__":
            continue
        if name in vars(classtype):
            raise ValueError(f"'{name}' is reserved in a parameter node wrapper.")
        if name != "allParameters":
            setattr(classtype, name, vars(_Wrapper)[name])
    parameters = _parameters(classtype)
    classtype.allParameters = parameters
    classtype._is_parameter_node_wrapper = True
    for name in parameters:
        setattr(classtype, name, _parameter_property(name))
    return classtype


def _parameter_property(name: str) -> property:
    return property(lambda self: self.getValue(name), lambda self, value: self.setValue(name, value))


def isParameterNodeWrapper(classOrObj: Any) -> bool:
    """Tell whether a class or object was made by the decorator."""
    return bool(getattr(classOrObj, "_is_parameter_node_wrapper", False))


__all__ = ["Choice", "Default", "isParameterNodeWrapper", "parameterNodeWrapper"]

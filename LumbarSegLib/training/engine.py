"""One process per device: what Lightning Fabric does for the training loop."""

from __future__ import annotations

import importlib.util
import logging
import multiprocessing
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn
from torch.multiprocessing.spawn import ProcessException, ProcessExitedException

from LumbarSegLib.errors import InputError, missing_package

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Result = TypeVar("Result")

#: Where Fabric's processes meet; set by it and of no use to a later launch.
_MEETING_POINT = ("MASTER_ADDR", "MASTER_PORT")


def check_devices(device: torch.device, devices: int, batch_size: int) -> None:
    """Check that a batch can be trained on so many devices.

    Parameters
    ----------
    device : torch.device
        Their kind; a CUDA device with an index means that one alone.
    devices : int
        Number of devices.
    batch_size : int
        Slices of a batch, over all devices.

    Raises
    ------
    InputError
        If there are not so many, they cannot share the batch equally, or the
        package lightning-fabric, which training needs, is not installed.
    """
    if importlib.util.find_spec("lightning_fabric") is None:
        raise missing_package("lightning-fabric", "Training", extra="train")
    if devices < 1:
        raise InputError(f"devices must be >= 1, got {devices}.", "Give a whole number from 1.")
    if batch_size % devices:
        raise InputError(
            f"{devices} devices cannot share a batch of {batch_size} slices equally.",
            f"Take a number of devices that divides {batch_size}, or another batch_size in a recipe of your own.",
        )
    if devices == 1 or device.type == "cpu":
        return
    if device.type != "cuda" or device.index is not None:
        raise InputError(f"{devices} devices cannot be {device} alone.", "Take device cuda or cpu, or one device.")
    if devices > torch.cuda.device_count():
        raise InputError(
            f"There are not {devices} CUDA devices, but {torch.cuda.device_count()}.", "Take as many as there are."
        )


def make_fabric(device: torch.device, devices: int = 1) -> Fabric:
    """Return the engine of a run, which places it on `devices` devices and averages over them.

    Parameters
    ----------
    device : torch.device
        Where a single process trains; of several, only the kind counts.
    devices : int
        Number of processes, one for each device; see `check_devices`.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment
    from lightning_fabric.strategies import DDPStrategy, SingleDeviceStrategy

    _silence_announcements()
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", 0)
    # Spawned rather than Fabric's usual "ddp", which repeats the command line in every process: that needs a
    # script, so neither tests, notebooks nor the lumbarseg.exe of Windows could train on several devices.
    strategy = SingleDeviceStrategy(device) if devices == 1 else DDPStrategy(start_method="spawn")
    return Fabric(
        accelerator=device.type,
        devices=devices,
        strategy=strategy,
        precision="32-true",  # the loop's own `autocast` decides
        plugins=[LightningEnvironment()],  # also under a cluster's scheduler: the processes are ours
    )


def launch(function: Callable[..., Result], device: torch.device, devices: int, *arguments: Any) -> Result:
    """Call `function(fabric, *arguments)` in one process per device.

    One device is served by the calling process, several by new processes.

    Parameters
    ----------
    function : callable
        Of a module's top level, as its name is all that new processes get.
    device : torch.device
        As for `make_fabric`.
    devices : int
        Number of processes.
    *arguments
        What else it takes; has to be picklable for several devices.

    Returns
    -------
    object
        What the first process returns: little and plain, as tensors die with it and much blocks its way back.

    Raises
    ------
    InputError, OSError
        As `function` raises them, in whichever process.
    RuntimeError
        If a process ends otherwise; the others are ended as well.
    """
    fabric = make_fabric(device, devices)
    if devices == 1:
        return function(fabric, *arguments)
    work = _Work(function, arguments, multiprocessing.get_context("spawn").SimpleQueue())
    before = set(multiprocessing.active_children())
    environment = {key: os.environ.get(key) for key in _MEETING_POINT}
    try:
        result: Result = fabric.launch(work)
    except ProcessException as error:
        raise work.reason(error, devices) from None
    except KeyboardInterrupt:
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
            child.join()
        raise
    finally:
        for key, value in environment.items():
            os.environ.pop(key, None)
            if value is not None:
                os.environ[key] = value
    return result


def gather(fabric: Fabric, value: Result) -> list[Result]:
    """Return what every process holds, by rank.

    As objects, each with a storage of its own: `torch.Generator.set_state`
    crashes on a view into a stack of states.
    """
    if fabric.world_size == 1:
        return [value]
    values: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(values, value)
    return values


def average_buffers(fabric: Fabric, model: nn.Module) -> None:
    """Give every process the mean of all processes' statistics of batch norm.

    Each normalizes by its own part of the batch where there is no synchronized
    batch norm; the statistics for inference then come from the whole batch.
    """
    buffers = [each for each in model.buffers() if each.is_floating_point()]
    if buffers:
        mean = fabric.all_reduce(torch.cat([each.flatten() for each in buffers]))
        for each, part in zip(buffers, mean.split([each.numel() for each in buffers]), strict=True):
            each.copy_(part.view_as(each))


def _silence_announcements() -> None:
    """Keep Fabric from announcing every process; its warnings stay."""
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)


@dataclass(frozen=True)
class _Failure:
    """Why a process ended: an error that the caller shall see as it is, or what is known of another one."""

    rank: int
    error: InputError | OSError | None
    trace: str


class _Work:
    """What every process calls; the failure of the first to fail finds its way back."""

    def __init__(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], failures: SimpleQueue[_Failure]
    ) -> None:
        self.function = function
        self.arguments = arguments
        self.failures = failures

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin a new process: it is handed its work before Fabric sets it up."""
        self.__dict__.update(state)
        _silence_announcements()

    def __call__(self, fabric: Fabric) -> Any:
        try:
            result = self.function(fabric, *self.arguments)
        except Exception as error:
            known = error if isinstance(error, InputError | OSError) else None
            self.failures.put(_Failure(fabric.global_rank, known, traceback.format_exc()))
            raise
        # Fabric leaves this to the end of the interpreter, which spawned processes skip; with threads of the
        # group still running, some then abort.
        fabric.barrier()
        torch.distributed.destroy_process_group()
        return result

    def reason(self, error: ProcessException, devices: int) -> Exception:
        """Return what to raise for the end of a process; those that miss it fail after it."""
        failure = None if self.failures.empty() else self.failures.get()
        # A process that has told why it fails may still end by a signal.
        has_told = failure is not None and failure.rank == error.error_index
        if isinstance(error, ProcessExitedException) and error.signal_name and not has_told:
            return RuntimeError(f"Process {error.error_index + 1} of {devices} was ended by {error.signal_name}.")
        if failure is None:
            return error
        return failure.error or RuntimeError(f"Process {failure.rank + 1} of {devices} failed.\n{failure.trace}")

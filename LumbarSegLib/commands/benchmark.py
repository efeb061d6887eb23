"""`lumbarseg benchmark`: the paper's tables, measured on one's own data."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from LumbarSegLib.benchmark.estimate import estimate_seconds
from LumbarSegLib.benchmark.pages import write_table
from LumbarSegLib.benchmark.plan import DEFAULT_SEEDS, QUICK_SEEDS, TABLES, Plan, quick_recipe
from LumbarSegLib.benchmark.runs import BenchmarkData, RunResult, carry_out, read_result
from LumbarSegLib.benchmark.settings import benchmark_settings, claim_folder
from LumbarSegLib.commands.data import choose_slices
from LumbarSegLib.commands.progress import say
from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.devices import choose_device
from LumbarSegLib.io.labeled_slices import read_slices
from LumbarSegLib.training.recipe_files import find_recipe


def run_benchmark(options: argparse.Namespace) -> None:
    """Train and evaluate what is missing in a table; the table grows run by run.

    Raises
    ------
    InputError
        If the recipe, the data, the device or the output folder cannot be
        used, or a network needs a package that is not installed.
    """
    plan = _make_plan(options)
    data = _read_data(options, plan)
    device = choose_device(options.device).device
    claim_folder(options.output, "benchmark", benchmark_settings(plan, data, device))
    folders = {run.key: options.output / "runs" / run.key for run in plan.runs}
    results = _finished(folders)
    missing = [run for run in plan.runs if run.key not in results]
    say(f"Table {plan.table.number}: {len(results)} of {len(folders)} runs are finished", quiet=options.quiet)
    if missing:
        minutes = estimate_seconds(missing, data, device) / 60
        say(f"Estimate for {len(missing)} runs: {minutes:.0f} minutes, by a timed step", quiet=options.quiet)
    write_table(options.output, plan, results, data, str(device))
    for run in missing:

        def on_epoch(row: dict[str, Any], key: str = run.key) -> None:
            say(f"{key}  epoch {row['epoch']}  loss {row['loss']}  mean_dice {row['mean_dice']}", quiet=options.quiet)

        results[run.key] = carry_out(run, data, folders[run.key], device, on_epoch)
        write_table(options.output, plan, results, data, str(device))
        say(f"{run.key} is finished ({len(results)} of {len(folders)})", quiet=options.quiet)
    say(f"Wrote {options.output / f'table-{plan.table.number}.md'}", quiet=options.quiet)


def _finished(folders: dict[str, Path]) -> dict[str, RunResult]:
    results = {key: read_result(folder) for key, folder in folders.items()}
    return {key: result for key, result in results.items() if result is not None}


def _make_plan(options: argparse.Namespace) -> Plan:
    recipe = find_recipe(options.recipe)
    seeds = DEFAULT_SEEDS
    if options.quick:
        recipe, seeds = quick_recipe(recipe), QUICK_SEEDS
    if options.epochs is not None:
        try:
            recipe = replace(recipe, epochs=options.epochs)
        except ValueError as error:
            raise InputError(f"--{error}", "Give another number.") from error
    if options.seeds is not None:
        seeds = options.seeds
    if seeds < 1:
        raise InputError(f"--seeds must be >= 1, got {seeds}.", "Give a whole number from 1.")
    return Plan(TABLES[options.table], recipe, seeds)


def _read_data(options: argparse.Namespace, plan: Plan) -> BenchmarkData:
    train, validation = choose_slices(options.data, options.fold)
    if not validation:
        raise InputError(
            f"Fold {options.fold} of {options.data} holds back no slices.", "Name a fold that does, such as --fold 0."
        )
    if len(train) < plan.recipe.batch_size:
        raise InputError(
            f"{options.data}: {len(train)} slices to train on are fewer than a batch of {plan.recipe.batch_size}.",
            "Add labeled slices.",
        )
    spacing_mm = plan.recipe.nominal_spacing_mm
    return BenchmarkData(
        options.data.resolve().name,
        options.fold,
        read_slices(options.data, train, spacing_mm),
        read_slices(options.data, validation, spacing_mm),
    )

"""What each command is called and takes.

Apart from the commands themselves, because those load torch and more: asking
for help must not take seconds.
"""

from LumbarSegLib.commands.parsers.cross_validation import add_cross_validate
from LumbarSegLib.commands.parsers.labeled_slices import add_check_data, add_import_slices
from LumbarSegLib.commands.parsers.networks import add_benchmark, add_calibrate, add_evaluate, add_pretrain, add_train
from LumbarSegLib.commands.parsers.shared import Subparsers
from LumbarSegLib.commands.parsers.stress import add_stress
from LumbarSegLib.commands.parsers.studies import add_compare, add_demo, add_measure, add_segment, add_selftest


def add_commands(commands: Subparsers) -> None:
    """Add all commands, in the order in which the help lists them."""
    add_segment(commands)
    add_measure(commands)
    add_demo(commands)
    add_compare(commands)
    add_selftest(commands)
    add_check_data(commands)
    add_import_slices(commands)
    add_pretrain(commands)
    add_train(commands)
    add_evaluate(commands)
    add_stress(commands)
    add_benchmark(commands)
    add_cross_validate(commands)
    add_calibrate(commands)

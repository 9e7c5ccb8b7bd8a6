"""A progress bar on standard error: on a terminal it moves, elsewhere it keeps silent."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(n_steps: int, *, is_quiet: bool) -> Iterator[Callable[[str], None]]:
    """Something to call with what is being done, about n_steps times."""
    if is_quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        # What is being done may name a file: its brackets are no markup.
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=n_steps)

        def step(text: str) -> None:
            bar.update(task, description=text)
            bar.advance(task)

        yield step

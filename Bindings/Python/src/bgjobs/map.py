"""A function over many items, in a pool, as a job that survives: `bgjobs.map(work, items, "t")`."""

from concurrent.futures import Executor
from contextlib import closing
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, TypeVar, Union

from ._names import name_of
from ._processes import Ended
from ._run import DONE_BEFORE, Run
from ._session import Project
from .errors import ItemsFailed
from .job import describe

Item = TypeVar("Item")


def map(
    function: Callable[[Item], Any],
    items: Iterable[Item],
    type: str,
    key: str = "all",
    *,
    workers: Optional[int] = None,
    executor: Union[str, Executor] = "process",
    errors: str = "raise",
    project: Project = ".",
    config: Optional[Mapping[str, Any]] = None,
    total: Optional[int] = None,
    name: Callable[[Item], str] = name_of,
    again: bool = False,
    shared: bool = False,
) -> List[Any]:
    """Calls the function with each item in a pool, as a job that survives kill -9.

    Gives the results in the order of the items, like tqdm's process_map and thread_map: it returns
    when all is done. imap() gives them while they come.

    The job is that of type and key, found or made. Run again after a kill, it goes on with the
    items that were not reported done; the results of those that were are not kept, DONE_BEFORE
    stands for them. What must be kept, the function keeps. It may be called again for what was
    under way: at most `workers` items.

    executor: "process", "thread", or an Executor of concurrent.futures, which is not shut down.
    workers: how many items are under way at once; by default the cores, four more for threads (at
    most 32), or what the executor has.

    errors: what happens when the function raises. The item has failed, with type and text of the
    exception, in any case. "raise": all items are run, then ItemsFailed is raised; the next run
    tries those again that failed. "return": the exception stands in the place of the result, and
    the next run begins anew. "stop": nothing more is begun, what is under way ends, then the
    exception is raised; the job is interrupted, and the next run goes on.

    While the job is paused nothing is begun. A cancelled one ends it with JobFinished. name, total,
    config, project, again and shared are those of track(): DONE_BEFORE also stands for what other
    processes have done.
    """
    job = (type, key)
    run = Run(
        function,
        items,
        job,
        workers,
        executor,
        errors,
        project,
        config,
        total,
        name,
        again,
        shared,
    )
    found: Dict[int, Any] = {}
    with closing(run.outcomes()) as outcomes:
        for index, value, _ in outcomes:
            found[index] = value
    results = [found[index] for index in range(len(found))]
    for index, first in run.same.items():
        results[index] = results[first]
    if run.failures and errors == "raise":
        raise _items_failed(run.failures, len(results), results) from next(
            iter(run.failures.values())
        )
    return results


def imap(
    function: Callable[[Item], Any],
    items: Iterable[Item],
    type: str,
    key: str = "all",
    *,
    ordered: bool = True,
    workers: Optional[int] = None,
    executor: Union[str, Executor] = "process",
    errors: str = "raise",
    project: Project = ".",
    config: Optional[Mapping[str, Any]] = None,
    total: Optional[int] = None,
    name: Callable[[Item], str] = name_of,
    again: bool = False,
    shared: bool = False,
) -> Iterator[Any]:
    """map() as an iterator, which gives results while others are under way.

    ordered: in the order of the items, with DONE_BEFORE for those that were done before (also for
    the second item of a name). Else as they come, and without those.

    It works while it is asked: an item that ends is reported when the loop asks for a result. What
    is left without having been asked to its end is interrupted. With errors="raise", an item that
    failed gives no result, and ItemsFailed comes at the end.
    """
    job = (type, key)
    run = Run(
        function,
        items,
        job,
        workers,
        executor,
        errors,
        project,
        config,
        total,
        name,
        again,
        shared,
    )
    return _results(run, ordered, errors)


def _results(run: Run, ordered: bool, errors: str) -> Iterator[Any]:
    count = 0
    outcomes = run.outcomes()
    for _, value, is_result in _in_order(outcomes) if ordered else outcomes:
        count += 1
        if (is_result or errors == "return") and (ordered or value is not DONE_BEFORE):
            yield value
    if run.failures and errors == "raise":
        raise _items_failed(run.failures, count, []) from next(iter(run.failures.values()))


def _in_order(outcomes: Iterator[Ended]) -> Iterator[Ended]:
    early: Dict[int, Ended] = {}
    at = 0
    for one in outcomes:
        early[one[0]] = one
        while at in early:
            yield early.pop(at)
            at += 1


def _items_failed(
    failures: Dict[str, BaseException], count: int, results: List[Any]
) -> ItemsFailed:
    name, first = next(iter(failures.items()))
    problem = ItemsFailed(
        f"{len(failures)} of {count} items failed; first {name}: {describe(first)}"
    )
    problem.failures = failures
    problem.results = results
    return problem

"""A loop of track() that feeds a pool, which takes items ahead of the work, is refused."""

import asyncio
import itertools
import multiprocessing
import pickle
import queue
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import pytest

import bgjobs
from bgjobs import JobStatus

EVERY = pytest.mark.parametrize("every", [None, 0])


@pytest.fixture
def refused(project):
    """What it does with a loop is refused, and nothing was marked: there is not even a job."""

    def refused(feed, every=None):
        loop = bgjobs.track([str(n) for n in range(50)], "x", project=project, every=every)
        with pytest.raises(bgjobs.TakenAhead, match=r"use bgjobs\.map"):
            feed(loop)
        with bgjobs.JobManager(project) as manager:
            assert manager.list() == []

    return refused


def handing_on(items):
    yield from items


class Wrapped:
    """A bar like some are, a class with __next__."""

    def __init__(self, items):
        self.items = iter(items)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.items)


@EVERY
@pytest.mark.parametrize("wrap", [iter, handing_on, enumerate, Wrapped, lambda loop: zip(loop)])
@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_executor_map(refused, kind, wrap, every):
    with kind(2) as pool:
        refused(lambda loop: list(pool.map(str, wrap(loop))), every)


@EVERY
@pytest.mark.parametrize("kind", [ThreadPool, multiprocessing.Pool])
@pytest.mark.parametrize("way", ["map", "imap", "imap_unordered", "map_async"])
def test_multiprocessing(refused, kind, way, every):
    def feed(loop):
        result = getattr(pool, way)(str, handing_on(loop))
        return result.get() if way == "map_async" else list(result)

    with kind(2) as pool:
        refused(feed, every)


@EVERY
def test_a_thread_that_fetches_ahead(refused, every):
    def feed(loop):
        fetched = queue.Queue()

        def fetch():
            try:
                for item in loop:
                    fetched.put(item)
            except Exception as error:
                fetched.put(error)

        thread = threading.Thread(target=fetch)
        thread.start()
        thread.join()
        raise fetched.get()

    refused(feed, every)


def test_a_thread_that_takes_the_second_item(project):
    """The first is not marked done then: its work may go on."""
    loop = iter(bgjobs.track("abc", "x", project=project))
    assert next(loop) == "a"
    caught = []

    def take():
        try:
            next(loop)
        except bgjobs.TakenAhead as error:
            caught.append(error)

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    assert len(caught) == 1
    with bgjobs.JobManager(project) as manager:
        [info] = manager.list()
        assert (info.reason, info.items_completed) == ("interrupted", 0)


def test_a_pool_that_takes_the_second_item(project):
    loop = iter(bgjobs.track("abc", "x", project=project))
    assert next(loop) == "a"
    with ThreadPoolExecutor(2) as pool, pytest.raises(bgjobs.TakenAhead):
        list(pool.map(str, loop))
    with bgjobs.JobManager(project) as manager:
        assert manager.list()[0].items_completed == 0


def test_asyncio(refused):
    async def work(item):
        return item

    async def feed(loop):
        for one in asyncio.as_completed(map(work, loop)):
            await one

    refused(lambda loop: asyncio.run(feed(loop)))


def test_joblib(refused):
    joblib = pytest.importorskip("joblib")
    parallel = joblib.Parallel(n_jobs=2)
    refused(lambda loop: parallel(joblib.delayed(str)(item) for item in loop))
    parallel = joblib.Parallel(n_jobs=2, backend="threading")
    refused(lambda loop: parallel(joblib.delayed(str)(item) for item in loop))


def test_dask(refused):
    bag = pytest.importorskip("dask.bag")
    refused(lambda loop: bag.from_sequence(loop))


def test_torch(refused):
    data = pytest.importorskip("torch.utils.data")

    class Items(data.IterableDataset):
        def __init__(self, loop):
            self.loop = loop

        def __iter__(self):
            return iter(self.loop)

    refused(lambda loop: list(data.DataLoader(Items(loop), batch_size=4)))


def test_tqdm_before_a_pool(refused):
    tqdm = pytest.importorskip("tqdm").tqdm
    with ThreadPoolExecutor(2) as pool:
        refused(lambda loop: list(pool.map(str, tqdm(loop, disable=False))))


def test_a_loop_cannot_be_sent_to_another_process(project):
    with pytest.raises(TypeError, match="call track"):
        pickle.dumps(bgjobs.track("abc", "x", project=project))


# ---- What goes on working -----------------------------------------------------------------------


def in_a_generator(loop):
    def body():
        for item in loop:
            yield item + "!"

    return [item[0] for item in body()]


def in_a_coroutine(loop):
    async def body():
        given = []
        for item in loop:
            await asyncio.sleep(0)
            given.append(item)
        return given

    return asyncio.run(body())


def in_an_asynchronous_generator(loop):
    async def items():
        for item in loop:
            yield item

    async def body():
        return [item async for item in items()]

    return asyncio.run(body())


def one_by_one_by_hand(loop):
    items = iter(loop)
    return [next(items), *items]


@EVERY
@pytest.mark.parametrize(
    "use",
    [
        list,
        in_a_generator,
        in_a_coroutine,
        in_an_asynchronous_generator,
        one_by_one_by_hand,
        lambda loop: [item for item in loop],
        lambda loop: [item for _, item in enumerate(loop)],
        lambda loop: [item for item, _ in zip(loop, itertools.count())],
        lambda loop: list(map(str, loop)),
        lambda loop: list(Wrapped(handing_on(loop))),
        lambda loop: sorted(item for item in loop),
        lambda loop: list(itertools.islice(loop, 100)),
    ],
)
def test_ordinary_use(project, use, every):
    def run():
        return use(bgjobs.track("abcde", "x", project=project, every=every))

    def check():
        with bgjobs.JobManager(project) as manager:
            assert all(info.status is JobStatus.COMPLETED for info in manager.list())

    assert run() == list("abcde")
    check()
    # A thread that calls track() has its own loop, in a pool as well.
    with ThreadPoolExecutor(1) as pool, multiprocessing.Pool(1) as processes:
        assert pool.submit(run).result() == list("abcde")
        assert processes.apply(_in_a_process, (str(project), every)) == list("abcde")
    check()


def _in_a_process(project, every):
    return [item for item in bgjobs.track("abcde", "y", project=project, every=every)]

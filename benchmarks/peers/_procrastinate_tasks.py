"""Procrastinate on PostgreSQL, with the task for stalled jobs that its documentation advises."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.jobs import Job

from benchmarks.peers import _task

app = App(connector=PsycopgConnector(conninfo=_task.STORE, min_size=8, max_size=8))


class Backoff(BaseRetryStrategy):
    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        causes = (exception, exception.__cause__)
        error = next((cause for cause in causes if isinstance(cause, _task.RETRIED)), None)
        if error is None:
            return None
        seconds = _task.pause(error, job.attempts)
        return RetryDecision(retry_in={"seconds": int(seconds), "milliseconds": int(1000 * (seconds % 1))})


@app.task(name="publish", retry=Backoff())
def publish(post: _task.Task) -> None:
    _task.publish(post)


# The documentation does it every 10 minutes; every 10 seconds lets a run end.
@app.periodic(cron="* * * * * */10")
@app.task(name="retry_stalled", queueing_lock="retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    manager = app.job_manager
    for job in await manager.get_stalled_jobs(task_name="publish"):
        await manager.retry_job(job)


def fill() -> None:
    with app.open():
        app.schema_manager.apply_schema()
        publish.batch_defer(*({"post": post} for post in _task.tasks()))


async def _work() -> None:
    # A sync task runs in the loop's own pool, which has six threads here unless somebody says otherwise.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_task.THREADS))
    async with app.open_async():
        await app.run_worker_async(concurrency=_task.THREADS, fetch_job_polling_interval=0.5)


def work() -> None:
    asyncio.run(_work())

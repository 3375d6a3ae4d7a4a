"""A tour of TaskFlow's REST API in Python, to be read from top to bottom.

It needs `requests` (pip install requests, or Debian's python3-requests). Start a server, then:

    python3 examples/usage_example.py

TASKFLOW_URL says where the server is (http://127.0.0.1:8000), TASKFLOW_API_KEY is sent to one that wants a key.
`--clear-queue` ends the tour by cancelling everything that waits, whoever submitted it.
"""

import os
import sys
import time
from datetime import datetime, timedelta, timezone

import requests


class TaskFlowError(Exception):
    """A refusal by the server. `code` is for programs and never changes, `detail` is for people."""

    def __init__(self, status, code, detail):
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


class TaskFlowClient:
    """Everything that TaskFlow's REST API does for tasks. Tasks are dicts, as the server answers them."""

    def __init__(self, base_url="http://127.0.0.1:8000", api_key=None):
        self.base_url = base_url.rstrip("/")
        self.session = requests.Session()
        if api_key:
            self.session.headers["Authorization"] = f"Bearer {api_key}"

    def health(self):
        return self._get("/health")

    def handlers(self):
        return self._get("/api/v1/handlers")

    def registered_tasks(self):
        return self._get("/api/v1/registered-tasks")["tasks"]

    def submit_task(self, func_name, *args, priority=None, max_retries=None, timeout=None, delay=None, run_at=None,
                    **kwargs):
        """Submits one task. `args` and `kwargs` reach the handler; an option that is None is left to the handler.

        A handler's parameter that is called like an option can be given by position, or in `submit_batch`.
        """
        options = {
            "priority": priority,
            "max_retries": max_retries,
            "timeout": timeout,
            "delay": delay,
            "run_at": run_at.isoformat() if run_at else None,
        }
        given = {name: value for name, value in options.items() if value is not None}
        return self._post("/api/v1/tasks", {"func_name": func_name, "args": args, "kwargs": kwargs, **given})

    def submit_batch(self, tasks):
        """Submits up to 1,000 tasks in one request: all of them are accepted, or none is."""
        return self._post("/api/v1/tasks/batch", {"tasks": tasks})["tasks"]

    def get_task(self, task_id):
        return self._get(f"/api/v1/tasks/{task_id}")

    def get_attempts(self, task_id):
        return self._get(f"/api/v1/tasks/{task_id}/attempts")

    def get_logs(self, task_id):
        return self._get(f"/api/v1/tasks/{task_id}/logs")

    def list_tasks(self, status=None, func_name=None, limit=100):
        """Yields tasks page by page, the newest first; `requests` reads the Link header that leads to the next page."""
        params = {"status": status, "func_name": func_name, "limit": limit}
        response = self._request("GET", "/api/v1/tasks", params=params)
        while True:
            yield response.json()
            if "next" not in response.links:
                return
            query = requests.utils.urlparse(response.links["next"]["url"]).query
            response = self._request("GET", f"/api/v1/tasks?{query}")

    def cancel_task(self, task_id):
        return self._post(f"/api/v1/tasks/{task_id}/cancel")

    def retry_task(self, task_id):
        """Submits a failed or cancelled task again, as a new one."""
        return self._post(f"/api/v1/tasks/{task_id}/retry")

    def save_periodic_task(self, name, func_name, cron_expression, *, timezone="UTC", **kwargs):
        """Creates a periodic task or replaces the one of that name. `kwargs` reach the handler."""
        entry = {"name": name, "func_name": func_name, "cron_expression": cron_expression}
        return self._post("/api/v1/periodic-tasks", {**entry, "timezone": timezone, "kwargs": kwargs})

    def trigger_periodic_task(self, name):
        """Submits its task now."""
        return self._post(f"{self._periodic(name)}/trigger")

    def change_periodic_task(self, name, **changes):
        """Changes what is named: `enabled=False` pauses it."""
        return self._request("PATCH", self._periodic(name), json=changes).json()

    def delete_periodic_task(self, name):
        return self._request("DELETE", self._periodic(name)).json()

    def metrics(self):
        return self._get("/api/v1/metrics")

    def clear_queue(self):
        return self._post("/api/v1/system/clear-queue")

    def wait_for(self, task, *statuses, seconds=60):
        """Asks for the task until it is in one of `statuses`, final ones unless others are named."""
        statuses = statuses or ("completed", "failed", "cancelled")
        deadline = time.monotonic() + seconds
        pause = 0.02
        while time.monotonic() < deadline:
            task = self.get_task(task["task_id"])
            if task["status"] in statuses:
                return task
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        state = f"is still {task['status']} after {seconds} s"
        raise TimeoutError(f"Task {task['task_id']} {state}. Are there free workers?")

    def _periodic(self, name):
        return f"/api/v1/periodic-tasks/{requests.utils.quote(name, safe='')}"

    def _get(self, path):
        return self._request("GET", path).json()

    def _post(self, path, body=None):
        return self._request("POST", path, json=body).json()

    def _request(self, method, path, **options):
        response = self.session.request(method, self.base_url + path, timeout=30, **options)
        if response.ok:
            return response
        # Every error is problem+json (RFC 9457); anything else was not TaskFlow.
        if response.headers.get("Content-Type") != "application/problem+json":
            response.raise_for_status()
        problem = response.json()
        raise TaskFlowError(problem["status"], problem["code"], problem["detail"])


def tour(client, clears_queue):
    look_around(client)
    submit_and_wait(client)
    submit_for_later(client)
    submit_many(client)
    list_tasks(client)
    cancel(client)
    fail_and_retry(client)
    repeat(client)
    read_errors(client)
    measure(client)
    if clears_queue:
        client.submit_task("hello_world", delay=3600)
        tell("Clear the queue", client.clear_queue()["message"])
    else:
        tell("Clear the queue", "left out: --clear-queue cancels everything that waits")
    print("\nThat was all of it.")


def look_around(client):
    health = client.health()
    tell("Health", f"{client.base_url} is {health['status']}, with {health['workers']['num_workers']} workers")
    for handler in client.handlers():
        error = handler["error"] or {}
        tell("Handlers", handler["name"], handler["description"] or error.get("message", ""))
    missing = {"add_numbers", "hello_world", "random_failure", "slow_task"} - set(client.registered_tasks())
    if missing:
        raise LookupError(f"The tour needs these handlers, which ship with TaskFlow: {', '.join(sorted(missing))}")


def submit_and_wait(client):
    by_name = client.submit_task("add_numbers", a=5, b=3)
    by_position = client.submit_task("add_numbers", 20, 22)
    tell("Submit", "kwargs bind by name", f"5 + 3 = {client.wait_for(by_name)['result']}")
    tell("Submit", "args bind by position", f"20 + 22 = {client.wait_for(by_position)['result']}")

    urgent = client.submit_task("slow_task", duration=0.3, priority="critical", timeout=10, max_retries=1)
    done = client.wait_for(urgent)
    options = f"priority {done['priority']}, timeout {done['timeout']}s, {done['max_retries']} retry"
    tell("Submit", "with options", f"{done['result']} ({options})")

    greeting = client.wait_for(client.submit_task("hello_world", name="TaskFlow"))
    for line in client.get_logs(greeting["task_id"]):
        tell("Logs", line["level"], line["message"])


def submit_for_later(client):
    soon = datetime.now(timezone.utc) + timedelta(seconds=0.3)
    delayed = client.submit_task("hello_world", "delay", delay=0.3)
    timed = client.submit_task("hello_world", "run_at", run_at=soon)
    for task in (delayed, timed):
        done = client.wait_for(task)
        tell("Later", f"{done['result']}: {task['status']} at first", f"due {done['run_at']}, then {done['status']}")


def submit_many(client):
    batch = [{"func_name": "add_numbers", "args": [n, n], "priority": "low"} for n in range(1, 6)]
    tasks = client.submit_batch(batch)
    results = [str(client.wait_for(task)["result"]) for task in tasks]
    tell("Batch", f"{len(tasks)} tasks in one request, all or none", ", ".join(results))


def list_tasks(client):
    newest = next(client.list_tasks(limit=1))[0]
    tell("List", "the newest task", f"{newest['func_name']}, {newest['status']}")
    # Three pages are enough here: zip() asks for no more.
    pages = client.list_tasks(status="completed", func_name="add_numbers", limit=3)
    for number, page in zip(range(1, 4), pages):
        results = ", ".join(str(task["result"]) for task in page)
        tell("List", f"page {number} of completed add_numbers", results)


def cancel(client):
    waiting = client.submit_task("hello_world", "again", delay=3600)
    cancelled = client.cancel_task(waiting["task_id"])
    tell("Cancel", f"a task that is {waiting['status']}", f"{cancelled['status']} at once")

    # A running handler is told to stop; one that does not heed it is killed after a grace.
    running = client.wait_for(client.submit_task("slow_task", duration=60), "running")
    answer = client.cancel_task(running["task_id"])
    end = client.wait_for(running)
    tell("Cancel", f"a task that is {running['status']}", f"{answer['status']}, then {end['status']}")

    again = client.wait_for(client.retry_task(waiting["task_id"]))
    tell("Retry", "a new task with the input of a cancelled one", again["result"])


def fail_and_retry(client):
    failed = client.wait_for(client.submit_task("random_failure", failure_rate=1, max_retries=1))
    tell("Failure", f"{failed['status']} after {failed['retry_count']} retry", failed["error"])
    for attempt in client.get_attempts(failed["task_id"]):
        tell("Attempts", f"{attempt['number']}: {attempt['outcome']}", attempt["error"])

    timed_out = client.wait_for(client.submit_task("slow_task", duration=60, timeout=0.3, max_retries=0))
    tell("Timeout", f"{timed_out['status']}, error_kind {timed_out['error_kind']}", timed_out["error"])


def repeat(client):
    entry = client.save_periodic_task("tour", "hello_world", "0 9 * * MON", timezone="Europe/Berlin")
    tell("Periodic tasks", "each Monday at 9 in Berlin", f"next at {', '.join(entry['upcoming'])}")
    triggered = client.wait_for(client.trigger_periodic_task("tour"))
    tell("Periodic tasks", "triggered now", triggered["result"])
    paused = client.change_periodic_task("tour", enabled=False)
    tell("Periodic tasks", "paused", f"next at {paused['next_run']}")
    tell("Periodic tasks", client.delete_periodic_task("tour")["message"])


def read_errors(client):
    completed = client.wait_for(client.submit_task("hello_world"))
    mistakes = {
        "a handler that is not there": lambda: client.submit_task("add_numbesr"),
        "input that does not fit": lambda: client.submit_task("add_numbers", a="five"),
        "a retry of what is completed": lambda: client.retry_task(completed["task_id"]),
    }
    for mistake, make in mistakes.items():
        try:
            make()
        except TaskFlowError as error:
            tell("Errors", mistake, str(error))


def measure(client):
    metrics = client.metrics()
    queue = metrics["queue"]
    ended = (f"{queue['completed_count']} completed, {queue['failed_count']} failed, "
             f"{queue['cancelled_count']} cancelled")
    tell("Metrics", f"{queue['pending_count']} waiting to run", ended)
    p95 = metrics["handlers"]["add_numbers"]["run"]["p95"]
    tell("Metrics", "add_numbers runs for", f"{p95 * 1000:.0f} ms at most, 95 times of 100")


chapter = None


def tell(title, what, outcome=""):
    global chapter
    if title != chapter:
        print(f"\n{title}")
    chapter = title
    line = f"  {what:<45} {outcome}".rstrip()
    print(line if len(line) <= 140 else line[:139] + "…")


def main():
    url = os.environ.get("TASKFLOW_URL") or "http://127.0.0.1:8000"
    try:
        client = TaskFlowClient(url, os.environ.get("TASKFLOW_API_KEY"))
        tour(client, clears_queue="--clear-queue" in sys.argv)
    except requests.ConnectionError:
        sys.exit(f"\nThere is no TaskFlow at {url}. Start one, or set TASKFLOW_URL to where it is.")
    except TaskFlowError as error:
        hint = " Set TASKFLOW_API_KEY." if error.code == "unauthorized" else ""
        sys.exit(f"\n{url} refused: {error}{hint}")
    except (requests.RequestException, LookupError, TimeoutError) as error:
        sys.exit(f"\n{error}")


if __name__ == "__main__":
    main()

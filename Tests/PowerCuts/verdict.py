"""Compares what was acknowledged before a power cut with what is found after it.

What is promised (README, Promises, 1): changes of status, plans and what was synced are there. Of
progress nothing is lost but that of the second after the last sync, and what is left of a process
are the first reports that it made.
"""

import story

# A second, and the tick of the clock that the library looks at.
SECOND = 1_020_000_000


class Line:
    """One acknowledged call of a worker; see worker.c."""

    def __init__(self, text):
        begin, end, self.word, *self.rest = text.split(" ")
        self.begin, self.end = int(begin), int(end)
        #: It returned while the power went. Shutting down, a kernel may say OK to a sync that did
        #: not happen; without power it says nothing. So this may have happened or not.
        self.late = False

    @property
    def number(self):
        return int(self.rest[0])

    @property
    def step(self):
        return int(self.rest[1])


class Verdict:
    """What is known of a store from cut to cut."""

    def __init__(self):
        self.faults = []
        self.phase = "at work"
        self.lost = self.kept = 0
        #: Where each role goes on: the number of its job, and the step.
        self.places = {}
        #: Jobs that no process changes any more, by id: what they showed.
        self.ended = {}
        self.removed = set()
        self.is_cleaning = False
        self.control = None

    def fault(self, text):
        self.faults.append(f"{self.phase}: {text}")

    def place(self, role):
        return self.places.get(role, (0, 0))

    def judge(self, told, found, first):
        """told: the lines of each role. first: of this cut; the lines are counted once."""
        told = {role: [line for line in lines if line.word != "!"] for role, lines in told.items()}
        self.phase = "as found" if first else "mended"
        self.told = told
        self.jobs = {job["id"]: job for job in found["jobs"]}
        self.keys = {}
        for job in found["jobs"]:
            if job["key"] in self.keys and job["key"] is not None:
                self.fault(f"two jobs have the key {job['key']}")
            self.keys[job["key"]] = job
        for finding in [*found["damage"], *found["set_aside"]]:
            self.fault(f"damaged or set aside: {finding}")
        self.read_removals()
        next_places = {}
        for role in story.REPORTS:
            next_places[role] = self.judge_reports(role, first)
        next_places["helper"] = self.judge_helper(first)
        next_places["control"] = self.judge_control()
        next_places["configs"] = self.judge_configs()
        next_places["lives"] = self.judge_lives()
        self.judge_ended()
        for key, job in self.keys.items():
            if key is not None and key.rpartition("-")[0] not in next_places:
                self.fault(f"nobody made the job {job['id']} with the key {key}")
        if not first:
            self.places = next_places
            self.control = (self.keys.get("slow-0") or {}).get("reason")

    # ---- Removals ----

    def read_removals(self):
        self.is_cleaning = False
        for line in self.told.get("lives", []):
            if line.word == "cleaning":
                self.is_cleaning = True
            elif line.word == "cleaned" and not line.late:
                self.is_cleaning = False
            elif line.word == "removed" and not self.is_cleaning:
                self.removed.add(line.rest[0])
        for id in self.removed & set(self.jobs):
            self.fault(f"job {id} was removed, and is back")

    def may_be_gone(self, id):
        return id in self.removed or self.is_cleaning

    def judge_ended(self):
        for id, before in list(self.ended.items()):
            job = self.jobs.get(id)
            if job is None:
                if not self.may_be_gone(id):
                    self.fault(f"job {id} has gone, which was {before['status']}")
                self.removed.add(id)
                del self.ended[id]
            elif essence(job) != essence(before):
                self.fault(f"job {id} changed after its end: {before} -> {job}")

    # ---- Reports ----

    def durable(self, role, number, base, word="step"):
        """(steps that no power cut undoes, steps that were acknowledged) of a role's job."""
        lines = self.told.get(role, [])
        sure, said, previous, old = base, [], None, 0
        for index, line in enumerate(lines):
            mine = line.rest and line.number == number
            if line.word == word and mine:
                # A sync that fails is told by the next report.
                later = lines[index + 1] if index + 1 < len(lines) else None
                if later and not later.late and later.word in (word, "completed", "synced"):
                    if previous is not None and line.begin - previous >= SECOND:
                        sure = line.step + 1
                    while old < len(said) and line.begin - said[old][0] >= SECOND:
                        sure = max(sure, said[old][1] + 1)
                        old += 1
                said.append((line.end, line.step))
            elif line.late or not said:
                pass
            elif line.word == "synced" or (line.word == "completed" and mine):
                sure = said[-1][1] + 1
            previous = line.end
        if role in ("slow", "helper"):
            # A change of status of a job makes what was reported on it before durable.
            for pause in self.told.get("control", []):
                if pause.word == "paused" and not pause.late:
                    steps = [step + 1 for end, step in said if end <= pause.begin]
                    sure = max([sure, *steps])
        return sure, said[-1][1] + 1 if said else base

    def count(self, first, base, found, acknowledged):
        if first:
            self.lost += max(0, acknowledged - found)
            self.kept += found - base

    def judge_reports(self, role, first):
        """The role's jobs, from the one at hand on. Gives where it goes on."""
        lines = self.told.get(role, [])
        number, base = self.place(role)
        letters, steps = story.REPORTS[role], story.STEPS.get(role)
        place = (number, base)
        while True:
            key = f"{role}-{number}"
            mine = [line for line in lines if line.rest and line.number == number]
            words = {line.word for line in mine if not line.late}
            ids = [line.rest[1] for line in mine if line.word == "ensured"]
            job = self.keys.get(key)
            sure, said = self.durable(role, number, base)
            if job is None:
                if "ensured" not in words and not base:
                    return place
                if not (ids and said == steps and self.may_be_gone(ids[0])):
                    self.fault(f"{key} ({ids}) was acknowledged, {said} steps, and is not there")
                    return place
                number, base = number + 1, 0
                place = (number, 0)
                continue
            found = self.compare(job, key, letters, sure, said)
            self.count(first, base, found, said)
            if self.check_status(job, key, role, words, found, steps):
                self.ended[job["id"]] = job
                number, base = number + 1, 0
                place = (number, 0)
                continue
            place = (number, found)
            if any(line.rest and line.number > number and not line.late for line in lines):
                self.fault(f"{key} is not complete, and a later one was begun")
            return place

    def compare(self, job, key, letters, sure, said):
        """The steps that are left of a job: the first ones, and enough of them."""
        own = {
            kind: {item for item in job[kind] if not item.startswith("help-")}
            for kind in ("done", "failed", "skipped", "begun")
        }
        seen = {**own, "advances": job["advances"], "cursor": job["cursor"]}
        found = story.steps_in(letters, seen)
        expected = story.reported(letters, found)
        for kind, value in expected.items():
            if seen[kind] != value:
                self.fault(
                    f"{key}: no prefix of {found} steps: {kind}: {differ(value, seen[kind])}"
                )
        if not sure <= found <= said + 1:
            self.fault(f"{key}: {found} steps are left; {said} acknowledged, {sure} durable")
        if set(job["whys"]) - {"it would not", "it was there"}:
            self.fault(f"{key}: reasons: {job['whys']}")
        return found

    def check_status(self, job, key, role, words, found, steps):
        """True if the job is complete."""
        status = (job["status"], job["reason"])
        if steps and status[0] == "completed":
            if found != steps:
                self.fault(f"{key} is completed with {found} of {steps} steps")
            return True
        started = "started" in words or "step" in words or found > 0
        if role == "slow":
            return False  # see judge_control
        if "completed" in words:
            self.fault(f"{key} was completed, and is {status}")
        working = story.INTERRUPTED if role != "commands" else ("running", None)
        if status != working and (started or status != ("pending", None)):
            self.fault(f"{key} is {status}; started: {started}")
        return False

    def judge_helper(self, first):
        number, base = self.place("helper")
        sure, said = self.durable("helper", number, base)
        job = self.keys.get(f"slow-{number}")
        items = {item for item in job["done"] if item.startswith("help-")} if job else set()
        found = len(items)
        if items != {f"help-{step}" for step in range(found)}:
            self.fault(f"helper: no prefix: {sorted(items)}")
        if not sure <= found <= said + 1:
            self.fault(f"helper: {found} items are left; {said} acknowledged, {sure} durable")
        self.count(first, base, found, said)
        return number, found

    # ---- Changes of status ----

    def judge_control(self):
        number, base = self.place("control")
        job = self.keys.get(f"slow-{number}")
        lines = self.told.get("control", [])
        steps = [line for line in lines if line.word != "ensured"]
        ensured = any(
            line.word == "ensured" and line.number == number and not line.late
            for role in ("control", "slow", "helper")
            for line in self.told.get(role, [])
        )
        if job is None:
            if ensured or base:
                self.fault("slow-0 was acknowledged, and is not there")
            return number, base
        status = (job["status"], job["reason"])
        free = {story.INTERRUPTED, ("pending", None)}
        allowed = {("paused", self.control)} if is_pause(self.control) else free
        for line in steps:
            held = {("paused", f"pause-{line.step}")}
            after = {"resuming": free, "resumed": free, "pausing": held, "paused": held}[line.word]
            allowed = (
                after if line.word in ("resumed", "paused") and not line.late else allowed | after
            )
        said = f"{steps[-1].word} {steps[-1].step}" if steps else "nothing"
        if status not in allowed:
            self.fault(f"slow-0 is {status}; {said} was said last; {allowed}")
        return number, steps[-1].step + 1 if steps else base

    def judge_configs(self):
        number, base = self.place("configs")
        job = self.keys.get(f"configs-{number}")
        lines = self.told.get("configs", [])
        rounds = [line.step for line in lines if line.word == "config"]
        sure = [line.step for line in lines if line.word == "config" and not line.late]
        last, most = max(sure, default=base - 1), max(rounds, default=base - 1) + 1
        if job is None:
            if base or any(line.word == "ensured" and not line.late for line in lines):
                self.fault("configs-0 was acknowledged, and is not there")
            return number, base
        config = job["config"]
        found = -1 if config["round"] is None else config["round"]
        if config["end"] != config["round"] or not last <= found <= most:
            self.fault(f"configs-0 has {config}; {last} was acknowledged")
        if job["status"] != "pending":
            self.fault(f"configs-0 is {job['status']}")
        return number, found + 1

    def judge_lives(self):
        """Each life at its last acknowledged step or the next, or before reports after a change."""
        first, _ = self.place("lives")
        said, sure, ids = {}, {}, {}
        for line in self.told.get("lives", []):
            if line.word == "life":
                said[line.number], ids[line.number] = line.step, line.rest[2]
                if not line.late:
                    sure[line.number] = line.step
        jobs = {job["config"]["number"]: job for job in self.jobs.values() if job["key"] is None}
        if None in jobs:
            self.fault(f"nobody made the job {jobs.pop(None)['id']}")
        last = max(said, default=first - 1)
        for number in sorted(set(said) | {number for number in jobs if number >= first}):
            job, steps = jobs.get(number), said.get(number)
            if job is None and number not in sure:
                continue
            if job is None:
                is_whole = steps == len(story.LIVES[number % 4])
                if not (is_whole and self.may_be_gone(ids[number])):
                    self.fault(f"life {number} ({ids[number]}) was at step {steps}, and has gone")
                continue
            if steps is None and number != last + 1:
                self.fault(f"life {number} is there; {last} was the last")
                continue
            if job["config"]["number"] != job["config"]["end"]:
                self.fault(f"life {number}: its config is not whole: {job['config']}")
            least = story.settled(number, sure.get(number, 0))
            most = 0 if steps is None else steps + 1
            seen = {
                "status": (job["status"], job["reason"]),
                "waits": job["waits"],
                "attempts": job["attempts"],
                "items": job["items"],
                "done": frozenset(job["done"]),
                "failed": frozenset(job["failed"]),
                "result": job["result"],
            }
            if not any(seen == story.lived(number, step) for step in range(least, most + 1)):
                self.fault(
                    f"life {number}, steps {least} to {most} of {story.LIVES[number % 4]}: {seen}"
                )
            # Whatever it is: from now on nobody changes it.
            self.ended[job["id"]] = job
        return max([last, *jobs]) + 1, 0


def is_pause(reason):
    return reason is not None and reason.startswith("pause-")


def essence(job):
    return {name: value for name, value in job.items() if name != "whys"}


def differ(expected, seen):
    if not isinstance(expected, set):
        return f"{seen}, not {expected}"
    return f"missing {sorted(expected - seen)[:5]}, too many {sorted(seen - expected)[:5]}"


def compare_published(found):
    """What the state file says otherwise than the library, after a publication."""
    faults = []
    file = found["published"]
    for job in found["jobs"] if file is not None else []:
        theirs = file.get(job["id"])
        if theirs is None:
            faults.append(f"the state file has no job {job['id']}")
            continue
        progress = theirs["progress"]
        if theirs["status"] != job["status"] or progress["itemsCompleted"] != job["done"]:
            faults.append(
                f"the state file says of job {job['id']}: {theirs['status']}, "
                f"{len(progress['itemsCompleted'])} done; {job['status']}, "
                f"{len(job['done'])} done"
            )
    if file is None and found["jobs"]:
        faults.append("there is no state file")
    return faults

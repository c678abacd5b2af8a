/**
 * Fault: twenty `sluice` processes at once look at, add to and back up the file on which two workers and a producer are
 * at work.
 *
 * Invariants: each ends with 0 and nobody is shown "busy" or "locked"; every job that was added is completed once; a
 * backup taken under load holds every job acknowledged before it began, is sound, and a queue that goes on from it
 * finishes them.
 *
 * Reduced: one round of twenty instead of six.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { existsSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { Job, type JobId, TaskQueue } from "../../src/services/Queue/index.ts"
import { faultFolder, type FaultFolder } from "../support/faults/FaultFolder.ts"
import { withQueue } from "../support/faults/FaultQueue.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"
import { Nap } from "../support/faults/FaultTasks.ts"
import { Fleet } from "../support/faults/Fleet.ts"
import { readLedger } from "../support/faults/Ledger.ts"
import { type Ended, sluice } from "../support/faults/Sluice.ts"
import { produce, settled } from "../support/faults/Storm.ts"
import { judge, records } from "../support/faults/Verdict.ts"
import { SeededRandom } from "../support/SeededRandom.ts"

const rounds = isReduced ? 1 : 6
const tasks = fileURLToPath(new URL("../support/faults/FaultTasks.ts", import.meta.url))

const idOf = (text: string): JobId => {
  const id = Job.parseJobId(text.trim())
  assert(id !== undefined, `no job id: ${JSON.stringify(text)}`)
  return id
}

it.live("twenty command lines on a working file disturb nobody, and a backup of it goes on from where it was", () =>
  Effect.gen(function* () {
    const folder = yield* faultFolder
    const at = (args: ReadonlyArray<string>) => [...args, "--store", folder.store]
    const add = (n: number) =>
      at(["enqueue", "nap", "--tasks", tasks, "--payload", JSON.stringify({ ms: 5, version: n }), "-q"])
    const copies: Array<{ readonly file: string; readonly before: ReadonlyArray<JobId> }> = []
    yield* Effect.gen(function* () {
      const queue = yield* TaskQueue
      const fleet = new Fleet(folder, { thread: true })
      yield* Effect.all([fleet.addReady, fleet.addReady], { concurrency: 2 })
      // A backlog, so that the copies hold what is still to be done.
      const backlog = yield* queue.enqueueMany(
        Nap,
        Array.from({ length: 3000 }, (_, version) => ({ ms: 50, version }))
      )
      const ids: Array<JobId> = backlog.map(({ id }) => id)
      const producing = yield* Effect.forkScoped(
        produce({ jobs: 600 * rounds, seconds: 12 * rounds, random: new SeededRandom(3) })
      )
      const ended: Array<Ended> = []
      for (let round = 0; round < rounds; round++) {
        const file = path.join(folder.path, `copy-${round}.db`)
        const before = [...ids]
        const look = at(["job", "get", Job.formatJobId(ids[0]!), "--json"])
        const commands = [
          at(["db", "backup", file]),
          at(["queue", "status"]),
          at(["queue", "stats"]),
          at(["worker", "ls"]),
          at(["db", "status"]),
          look,
          ...Array.from({ length: 5 }, () => at(["job", "ls", "--json"])),
          ...Array.from({ length: 9 }, (_, n) => add(round * 100 + n))
        ]
        assert.strictEqual(commands.length, 20)
        const these = yield* Effect.forEach(commands, sluice, { concurrency: 20 })
        ended.push(...these)
        copies.push({ file, before })
        ids.push(
          ...these.filter(({ args, code }) => args[0] === "enqueue" && code === 0).map(({ stdout }) => idOf(stdout))
        )
      }
      const produced = yield* Fiber.join(producing)
      assert.deepStrictEqual(produced.refused, [])
      const wrong = ended.filter(({ code, stderr, stdout }) => code !== 0 || /busy|locked/i.test(stdout + stderr))
      assert.deepStrictEqual(
        wrong.map(({ args, code, stderr }) => `${args.join(" ")}: ${code} ${stderr}`),
        []
      )
      yield* settled(120_000)
      const all = [...ids, ...produced.ids]
      const verdict = yield* judge(all, readLedger(folder.ledger), fleet)
      console.log(
        `working file: ${ended.length} commands, slowest ${Math.round(Math.max(...ended.map(({ tookMs }) => tookMs)))} ms, ${JSON.stringify({ ...verdict, slowest: "" })}`
      )
      assert.deepStrictEqual(
        { lost: verdict.lost, stuck: verdict.stuck, twice: verdict.acceptedTwice, repeated: verdict.repeated },
        { lost: [], stuck: [], twice: [], repeated: 0 }
      )
      yield* Effect.forEach(fleet.alive, (worker) => worker.stopGently, { concurrency: "unbounded" })
    }).pipe(withQueue(folder))

    const { before, file } = copies.at(-1)!
    assert(existsSync(file))
    const restored: FaultFolder = {
      ...folder,
      store: path.join(folder.path, "restored.db"),
      ledger: path.join(folder.path, "ledger-restored")
    }
    const restore = yield* sluice(["db", "restore", file, "--store", restored.store])
    assert.strictEqual(restore.code, 0, restore.stderr)
    const doctor = yield* sluice(["db", "doctor", "--store", restored.store])
    assert.strictEqual(doctor.code, 0, doctor.stdout + doctor.stderr)
    yield* Effect.gen(function* () {
      const queue = yield* TaskQueue
      const found = yield* records(before)
      assert.deepStrictEqual(
        before.filter((id) => !found.has(id)),
        []
      )
      const waiting = yield* queue.count({ states: ["scheduled", "pending", "running"] })
      const fleet = new Fleet(restored, { thread: true })
      yield* fleet.addReady
      yield* settled(120_000)
      const after = yield* records(before)
      assert.deepStrictEqual(
        before.filter((id) => after.get(id)?.state !== "completed"),
        []
      )
      console.log(
        `working file: the copy held ${found.size} of ${before.length} jobs acknowledged before it, ${waiting.count} still to do, and all were done from it`
      )
      yield* Effect.forEach(fleet.alive, (worker) => worker.stopGently)
    }).pipe(withQueue(restored))
  }).pipe(Effect.scoped)
)

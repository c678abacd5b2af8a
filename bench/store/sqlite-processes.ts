// What processes on one SQLite file cost each other: idle CPU of three that listen, and the time from a commit in one
// to the wake-up in another.
//
//   node bench/store/sqlite-processes.ts [--json]

import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Effect } from "effect"
import { JobStore } from "../../src/services/Store/JobStore.ts"
import * as JobStoreSqlite from "../../src/services/Store/sqlite/JobStoreSqlite.ts"

const file =
  process.argv[2] === "listen"
    ? process.argv[3]!
    : path.join(mkdtempSync(path.join(tmpdir(), "sluice-bench-")), "queue.db")
/** One clock for all processes of the machine, in milliseconds. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6

const listen = Effect.gen(function* () {
  const store = yield* JobStore
  yield* store.onWake((wake) => {
    if (wake === "ready") process.send?.(now())
  })
  process.send?.("listening")
  return yield* Effect.never
})

/** Seconds of processor time so far, with all threads. */
const processorSeconds = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const next = (child: ChildProcess): Promise<unknown> => new Promise((resolve) => child.once("message", resolve))

/** When the first wake-up after `from` came: earlier ones may still be on their way. */
const wokenAfter = async (child: ChildProcess, from: number): Promise<number> => {
  for (;;) {
    const at = await next(child)
    if (typeof at === "number" && at >= from) return at
  }
}

const measure = Effect.gen(function* () {
  const store = yield* JobStore
  const children = [1, 2, 3].map(() =>
    spawn(process.execPath, [import.meta.filename, "listen", file], { stdio: ["ignore", "inherit", "inherit", "ipc"] })
  )
  yield* Effect.promise(() => Promise.all(children.map(next)))
  yield* Effect.promise(() => sleep(2_000))

  const seconds = 10
  const before = children.map(({ pid }) => processorSeconds(pid!))
  yield* Effect.promise(() => sleep(seconds * 1000))
  const idle = children.reduce((sum, { pid }, i) => sum + processorSeconds(pid!) - before[i]!, 0) / seconds

  const delays: Array<number> = []
  for (let i = 0; i < 200; i++) {
    const woken = wokenAfter(children[0]!, now())
    yield* store.turn({
      now: Date.now(),
      session: 0,
      settle: [],
      batches: undefined,
      claim: [],
      progress: [],
      logs: [],
      enqueue: [
        {
          task: "task",
          group: "group",
          priority: 5,
          due: 0,
          rank: 0,
          maxAttempts: 1,
          payload: "1",
          partitionKey: undefined,
          expiresAt: undefined,
          unique: undefined,
          after: undefined,
          extra: undefined
        }
      ]
    })
    const committed = now()
    delays.push((yield* Effect.promise(() => woken)) - committed)
    yield* Effect.promise(() => sleep(20))
  }
  for (const child of children) child.kill()
  delays.sort((a, b) => a - b)
  const at = (fraction: number) => Math.round(delays[Math.floor(delays.length * fraction)]! * 100) / 100
  const figures = { idlePercentOfACore: idle * 100, wakeMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99) } }
  console.log(process.argv.includes("--json") ? JSON.stringify(figures) : figures)
})

const isListener = process.argv[2] === "listen"
await Effect.runPromise(
  Effect.scoped(isListener ? listen : measure).pipe(
    Effect.provide(JobStoreSqlite.layer({ path: file, thread: isListener }))
  )
)
if (!isListener) rmSync(path.dirname(file), { recursive: true, force: true })

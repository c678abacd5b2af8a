import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, type Scope } from "effect"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { Sluice } from "../../src/services/Queue/index.ts"
import * as CliProcess from "./CliProcess.ts"
import { temporaryFolder } from "./CommandLine.ts"
import { store as wholeStore, type StoreServices } from "../../src/services/Store/Store.ts"

const limit = { timeout: 120_000 }

/** Waits for what other processes do; fails by the test's time limit. */
const until = <E, R>(isSo: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(isSo, (so) => (so ? Effect.void : Effect.andThen(Effect.sleep("20 millis"), until(isSo))))

/** Processes whose parent is this one; a zombie is none. */
const childrenOf = (parent: number): ReadonlyArray<number> =>
  readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8")
      const [state, ppid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      return Number(ppid) === parent && state !== "Z" ? [Number(name)] : []
    } catch {
      return []
    }
  })

const runs = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z"
  } catch {
    return false
  }
}

/** The worker that leads in this test: it serves nothing, and lives as long as any test. */
const leader = { name: "leader", host: "elsewhere", pid: 1, version: "1", slots: {}, tasks: [] }
const longMs = 3_600_000

const workersIn = Effect.gen(function* () {
  const store = yield* wholeStore
  const now = yield* Clock.currentTimeMillis
  return (yield* store.workers.all).filter(({ leaseUntil, name }) => leaseUntil > now && name !== leader.name)
})

/** Takes the lead before any worker can, and keeps it: what is wanted is then what this test says. */
const leading = Effect.gen(function* () {
  const store = yield* wholeStore
  const now = yield* Clock.currentTimeMillis
  const session = yield* store.workers.join(leader, { now, leaseMs: longMs })
  assert.isTrue(yield* store.workers.lead("scaler", session, { now, ttlMs: longMs }))
})

/** What a leader would write. */
const want = (slots: number) =>
  Effect.gen(function* () {
    const store = yield* wholeStore
    const now = yield* Clock.currentTimeMillis
    const text = JSON.stringify({ group: "computation", slots, tasks: ["shell"], at: now, reason: "forecast" })
    yield* store.documents.put("scale-target", "computation", text, { now })
  })

const scenario = <E>(name: string, body: (folder: string) => Effect.Effect<void, E, StoreServices | Scope.Scope>) =>
  it.live(
    name,
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const file = path.join(folder, "queue.db")
        yield* body(folder).pipe(Effect.provide(Sluice.layerSqlite({ path: file, thread: false })))
      }).pipe(Effect.scoped),
    limit
  )

const auto = ["worker", "--store", "queue.db", "--processes", "auto", "-g", "computation=1", "-g", "*=0"]

/** A job that runs until the file `go` is there. */
const add = (folder: string, name: string) =>
  CliProcess.run(folder, [
    "add",
    "-q",
    "--store",
    "queue.db",
    "--",
    "sh",
    "-c",
    `echo ${name} >> began; while [ ! -e go ]; do sleep 0.05; done; echo ${name} >> ended`
  ])

/** Those that are whole. */
const linesOf = (folder: string, name: string): ReadonlyArray<string> => {
  const file = path.join(folder, name)
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : []
}

describe("sluice worker --processes auto", () => {
  scenario("starts processes as the target asks and drains them without ending a job", (folder) =>
    Effect.gen(function* () {
      yield* leading
      const limited = yield* CliProcess.run(folder, ["queue", "limit", "computation", "3", "--store", "queue.db"])
      assert.strictEqual(limited.code, 0, limited.stderr)
      yield* want(1)
      const supervisor = yield* CliProcess.start(folder, [...auto, "--max", "3"])
      yield* until(Effect.map(workersIn, (workers) => workers.length >= 1))
      yield* want(3)
      yield* until(Effect.map(workersIn, (workers) => workers.filter(({ draining }) => !draining).length === 3))
      for (const name of ["a", "b", "c"]) yield* add(folder, name)
      yield* until(Effect.sync(() => linesOf(folder, "began").length === 3))

      yield* want(1)
      yield* until(Effect.map(workersIn, (workers) => workers.filter(({ draining }) => draining).length === 2))
      // All three still run: nothing was taken from a process that drains.
      assert.deepStrictEqual(linesOf(folder, "ended"), [])
      assert.strictEqual(childrenOf(supervisor.pid).length, 3)

      writeFileSync(path.join(folder, "go"), "")
      yield* until(Effect.sync(() => childrenOf(supervisor.pid).length === 1))
      assert.deepStrictEqual([...linesOf(folder, "ended")].sort(), ["a", "b", "c"])
      assert.deepStrictEqual([...linesOf(folder, "began")].sort(), ["a", "b", "c"])

      // One that is killed is replaced, and the target still holds.
      const [last] = childrenOf(supervisor.pid)
      process.kill(last!, "SIGKILL")
      yield* supervisor.shows(/worker process \d was ended by SIGKILL; it starts again now/)
      yield* until(Effect.sync(() => childrenOf(supervisor.pid).length === 1))
      assert.notDeepEqual(childrenOf(supervisor.pid), [last])

      yield* supervisor.kill("SIGTERM")
      assert.strictEqual((yield* supervisor.ended).code, 0)
    })
  )

  scenario("follows what the leading worker decides, and the command of the settings is called with it", (folder) =>
    Effect.gen(function* () {
      const store = ["--store", "queue.db"]
      const limited = yield* CliProcess.run(folder, ["queue", "limit", "computation", "2", ...store])
      assert.strictEqual(limited.code, 0, limited.stderr)
      yield* CliProcess.run(folder, ["scale", "set", "computation", "--mode", "on", "--min", "2", ...store])
      const supervisor = yield* CliProcess.start(folder, [...auto, "--min", "1", "--max", "2"], {
        env: { SLUICE_SCALE_COMMAND: "sh -c 'cat >> orders'" }
      })
      yield* add(folder, "a")
      yield* until(Effect.map(workersIn, (workers) => workers.length === 2))
      yield* until(Effect.sync(() => linesOf(folder, "orders").length > 0))
      assert.deepInclude(JSON.parse(linesOf(folder, "orders")[0]!), { group: "computation", desired: 2 })
      writeFileSync(path.join(folder, "go"), "")
      yield* supervisor.kill("SIGTERM")
      assert.strictEqual((yield* supervisor.ended).code, 0)
    })
  )

  scenario("killed with -9 leaves no worker behind: each stops by itself and hands its job back unspent", (folder) =>
    Effect.gen(function* () {
      yield* leading
      yield* want(2)
      const supervisor = yield* CliProcess.start(folder, [...auto, "--max", "2"], { env: { SLUICE_GRACE: "200ms" } })
      yield* until(Effect.map(workersIn, (workers) => workers.length === 2))
      const children = childrenOf(supervisor.pid)
      assert.strictEqual(children.length, 2)
      for (const name of ["a", "b"]) yield* add(folder, name)
      yield* until(Effect.sync(() => linesOf(folder, "began").length === 2))
      yield* supervisor.kill("SIGKILL")
      yield* until(Effect.sync(() => !children.some(runs)))
      const store = yield* wholeStore
      const counters = yield* store.jobs.counters
      assert.deepStrictEqual(
        counters.filter(({ count }) => count > 0).map(({ count, state }) => [state, count]),
        [["pending", 2]]
      )
      const jobs = (yield* CliProcess.run(folder, ["job", "ls", "--json", "--store", "queue.db"])).stdout
      for (const line of jobs.trimEnd().split("\n")) assert.deepInclude(JSON.parse(line), { attempt: 0 })
    })
  )

  scenario("killed with -9 while its processes begin leaves none behind either", (folder) =>
    Effect.gen(function* () {
      const supervisor = yield* CliProcess.start(folder, [...auto, "--max", "2", "--min", "2"])
      yield* until(Effect.sync(() => childrenOf(supervisor.pid).length > 0))
      const children = childrenOf(supervisor.pid)
      yield* supervisor.kill("SIGKILL")
      yield* until(Effect.sync(() => !children.some(runs)))
    })
  )
})

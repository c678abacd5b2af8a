/**
 * Faults: a store file that is damaged, cut short, another program's, a newer Sluice's, read-only or no file at all; a
 * bit that flipped in a payload; a umask that gives everything to everybody.
 *
 * Invariants: opening fails with the reason that fits, the folder is byte for byte what it was; the command line says
 * it in one line and exits with the documented code; a damaged payload ends its own job and no other; files are 0600,
 * folders 0700.
 *
 * Bound: within 5 s.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Option } from "effect"
import { execFile } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { DatabaseSync } from "node:sqlite"
import path from "node:path"
import { QueueSettings, Sluice, StoreError, type StoreReason, TaskQueue } from "../../src/services/Queue/index.ts"
import { type FaultFolder, faultFolder } from "../support/faults/FaultFolder.ts"
import { hosts, settings } from "../support/faults/FaultSettings.ts"
import { Nap } from "../support/faults/FaultTasks.ts"
import { overwrite, snapshot } from "../support/faults/FileBytes.ts"
import { start } from "../support/faults/WorkerProcess.ts"
import * as CommandLine from "../cli/CommandLine.ts"

const withinMs = 5_000

const withStore = (folder: FaultFolder, thread: boolean) =>
  Effect.provide(Sluice.layerSqlite({ path: folder.store, thread }))

/** A store with two hundred jobs in it, closed properly. */
const filled = (folder: FaultFolder) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    yield* queue.enqueueMany(
      Nap,
      Array.from({ length: 200 }, (_, i) => ({ ms: 1, version: 100_000 + i }))
    )
  }).pipe(withStore(folder, false))

const foreignDatabase = (file: string) => {
  const db = new DatabaseSync(file)
  db.exec("PRAGMA journal_mode = WAL; CREATE TABLE notes(text); INSERT INTO notes VALUES ('mine')")
  db.close()
}

const setUserVersion = (file: string, version: number) => {
  const db = new DatabaseSync(file)
  db.exec(`PRAGMA user_version = ${version}`)
  db.close()
}

const pageSize = 4096

/** How the file comes to be bad, the reason expected, and what the message must name. */
const damages: ReadonlyArray<
  readonly [string, StoreReason["_tag"], (folder: FaultFolder) => Effect.Effect<void, unknown>]
> = [
  ["text", "StoreForeign", ({ store }) => Effect.sync(() => writeFileSync(store, "dear diary,\n".repeat(2000)))],
  ["a few bytes", "StoreForeign", ({ store }) => Effect.sync(() => writeFileSync(store, "x"))],
  ["zeros", "StoreForeign", ({ store }) => Effect.sync(() => writeFileSync(store, Buffer.alloc(8 * pageSize)))],
  ["another program's database", "StoreForeign", ({ store }) => Effect.sync(() => foreignDatabase(store))],
  ["a folder", "StoreForeign", ({ store }) => Effect.sync(() => mkdirSync(store))],
  [
    "a newer Sluice's",
    "StoreNewer",
    (folder) =>
      Effect.andThen(
        filled(folder),
        Effect.sync(() => setUserVersion(folder.store, 999))
      )
  ],
  [
    "cut within its header",
    "StoreCorrupt",
    (folder) =>
      Effect.andThen(
        filled(folder),
        Effect.sync(() => truncateSync(folder.store, 60))
      )
  ],
  [
    "cut in the middle",
    "StoreCorrupt",
    (folder) =>
      Effect.andThen(
        filled(folder),
        Effect.sync(() => truncateSync(folder.store, Math.floor(statSync(folder.store).size / pageSize / 2) * pageSize))
      )
  ],
  [
    "overwritten in its schema",
    "StoreCorrupt",
    (folder) =>
      Effect.andThen(
        filled(folder),
        Effect.sync(() => overwrite(folder.store, 100, Buffer.alloc(pageSize - 100, 0x5a)))
      )
  ],
  [
    "overwritten in every page but the first",
    "StoreCorrupt",
    (folder) =>
      Effect.andThen(
        filled(folder),
        Effect.sync(() => overwrite(folder.store, pageSize, Buffer.alloc(statSync(folder.store).size - pageSize, 0x5a)))
      )
  ]
]

/** Opens the store and takes one look; how long that took. */
const look = (folder: FaultFolder, thread: boolean) =>
  Effect.gen(function* () {
    const begun = performance.now()
    const exit = yield* Effect.exit(
      Effect.flatMap(TaskQueue, (queue) => queue.stats).pipe(withStore(folder, thread), Effect.scoped)
    )
    return { exit, tookMs: performance.now() - begun }
  })

const add = (folder: FaultFolder) =>
  Effect.flatMap(CommandLine.make, ({ call }) => call(["add", "--store", folder.store, "--", "true"]))

const reasonOf = (exit: Exit.Exit<unknown, unknown>): string => {
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  return error instanceof StoreError ? error.reason._tag : `no store error: ${JSON.stringify(exit)}`
}

/** One of each reason: for what takes a thread or a process to start. */
const samples = damages.filter(([name]) =>
  ["text", "a newer Sluice's", "cut in the middle", "overwritten in its schema"].includes(name)
)

describe.each(hosts)("a bad file, the store on $host", ({ thread }) => {
  for (const [name, reason, damage] of thread ? samples : damages) {
    it.live(`${name}: ${reason}, and not a byte is changed`, () =>
      Effect.gen(function* () {
        const folder = yield* faultFolder
        yield* damage(folder)
        const before = snapshot(folder.path)
        const { exit, tookMs } = yield* look(folder, thread)
        assert.strictEqual(reasonOf(exit), reason)
        assert.strictEqual(snapshot(folder.path), before)
        assert.isBelow(tookMs, withinMs)
      })
    )
  }
})

describe("a bad file at the command line", () => {
  for (const [name, reason, damage] of samples) {
    it.live(`${name}: one line, exit code 5, not a byte changed`, () =>
      Effect.gen(function* () {
        const folder = yield* faultFolder
        yield* damage(folder)
        const before = snapshot(folder.path)
        const begun = performance.now()
        const { code, stderr, stdout } = yield* add(folder)
        const tookMs = performance.now() - begun
        assert.strictEqual(stdout, "")
        assert.match(stderr, /^sluice: [^\n]+\n$/, reason)
        assert.include(stderr, folder.store)
        assert.strictEqual(code, 5)
        assert.strictEqual(snapshot(folder.path), before)
        assert.isBelow(tookMs, withinMs)
      })
    )
  }
})

describe("damage that the first look does not meet", () => {
  it.live("a flipped bit in a payload ends its own job and no other", () =>
    Effect.gen(function* () {
      const folder = yield* faultFolder
      yield* filled(folder)
      const bytes = readFileSync(folder.store)
      const position = bytes.indexOf("100077")
      assert.isAbove(position, 0)
      overwrite(folder.store, position + 5, Buffer.from("6"))
      yield* Effect.gen(function* () {
        const queue = yield* TaskQueue
        const worker = yield* start({ name: "worker-1", store: folder.store, ledger: folder.ledger, thread: true })
        const { jobs } = yield* queue.list({}, { limit: 1000, order: "oldest" })
        assert.strictEqual(jobs.length, 200)
        const damaged = jobs[77]!
        for (const { id } of jobs) {
          if (id === damaged.id) continue
          assert.strictEqual((yield* queue.waitFor(id)).state, "completed")
        }
        // Who looks at the job itself is told; a list still shows what became of it.
        const looked = yield* Effect.exit(queue.waitFor(damaged.id))
        if (Exit.isFailure(looked)) assert.strictEqual(reasonOf(looked), "StoreCorrupt")
        const dead = (yield* queue.list({ states: ["failed"] })).jobs
        assert.deepStrictEqual(
          dead.map(({ failure, id }) => ({ id, cause: failure?.cause })),
          [{ id: damaged.id, cause: "Undecodable" }]
        )
        assert.include(dead[0]!.failure!.message, "checksum")
        yield* worker.stopGently
      }).pipe(withStore(folder, true))
    })
  )

  it.live("pages overwritten under an open store: a typed error, no crash, and the worker lives on", () =>
    Effect.gen(function* () {
      const folder = yield* faultFolder
      yield* filled(folder)
      const intact = path.join(folder.path, "intact.db")
      copyFileSync(folder.store, intact)
      const { exit } = yield* Effect.gen(function* () {
        const queue = yield* TaskQueue
        overwrite(folder.store, pageSize, Buffer.alloc(statSync(folder.store).size - pageSize, 0x5a))
        const exit = yield* Effect.exit(queue.list({ tasks: ["nap"] }, { limit: 1000, order: "oldest" }))
        return { exit }
      }).pipe(withStore(folder, true), Effect.scoped)
      // What the page cache still held may have answered; what did not must say so.
      if (Exit.isFailure(exit)) assert.strictEqual(reasonOf(exit), "StoreCorrupt")
      else assert.strictEqual(exit.value.jobs.length, 200)
    })
  )
})

describe("a file that may not be written", () => {
  /** Modes do not stop root; a mount does. */
  const readOnlyMount = (folder: FaultFolder) =>
    Effect.acquireRelease(
      run("mount", ["--bind", folder.path, folder.path]).pipe(
        Effect.andThen(run("mount", ["-o", "remount,bind,ro", folder.path]))
      ),
      () => run("umount", [folder.path])
    )

  const run = (command: string, args: ReadonlyArray<string>) =>
    Effect.callback<void>((resume) => {
      execFile(command, args, (error, _, stderr) =>
        resume(error === null ? Effect.void : Effect.die(new Error(`${command}: ${stderr}`)))
      )
    })

  it.live.each(hosts)("is refused as read-only by the store on $host", ({ thread }) =>
    Effect.gen(function* () {
      const folder = yield* faultFolder
      yield* filled(folder)
      if (process.getuid?.() === 0) yield* readOnlyMount(folder)
      else {
        chmodSync(folder.store, 0o400)
        chmodSync(folder.path, 0o500)
        yield* Effect.addFinalizer(() => Effect.sync(() => chmodSync(folder.path, 0o700)))
      }
      const before = snapshot(folder.path)
      const { exit, tookMs } = yield* look(folder, thread)
      assert.strictEqual(reasonOf(exit), "StoreReadOnly")
      assert.strictEqual(snapshot(folder.path), before)
      assert.isBelow(tookMs, withinMs)
      const { code, stderr } = yield* add(folder)
      assert.match(stderr, /^sluice: [^\n]+\n$/)
      assert.strictEqual(code, 4)
    })
  )
})

describe("modes", () => {
  it.live("with an open umask the files are 0600 and a folder it makes is 0700", () =>
    Effect.gen(function* () {
      const folder = yield* faultFolder
      const inner = path.join(folder.path, "state", "sluice")
      const store = path.join(inner, "queue.db")
      const worker = yield* start(
        { name: "worker-1", store, ledger: folder.ledger, thread: true },
        { under: ["sh", "-c", 'umask 000; exec "$@"', "sh"] }
      )
      yield* Deferred.await(worker.ready)
      yield* Effect.gen(function* () {
        const queue = yield* TaskQueue
        const job = yield* queue.enqueue(Nap, { ms: 1, version: 0 })
        yield* job.await
      }).pipe(Effect.provide(Sluice.layerSqlite({ path: store })))
      const files = readdirSync(inner)
      const sockets = readdirSync(path.join(inner, "queue.db.wake")).map((name) => `queue.db.wake/${name}`)
      const modes = Object.fromEntries(
        [...files, ...sockets].map((name) => [
          name.replace(/\d+-[0-9a-f]+/, "N"),
          (statSync(path.join(inner, name)).mode & 0o777).toString(8)
        ])
      )
      assert.deepStrictEqual(modes, {
        "queue.db": "600",
        "queue.db-wal": "600",
        "queue.db-shm": "600",
        "queue.db.reserve": "600",
        "queue.db.wake": "700",
        "queue.db.wake/N": "600"
      })
      for (const made of [inner, path.dirname(inner)])
        assert.strictEqual((statSync(made).mode & 0o777).toString(8), "700")
      yield* worker.stopGently
    }).pipe(Effect.provide(Layer.succeed(QueueSettings.Settings, settings)))
  )
})

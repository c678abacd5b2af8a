/** `sluice doctor`: this machine, the store and its workers, a line each. */
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { accessSync, constants, existsSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import * as OwnFolder from "../../files/OwnFolder.ts"
import { NotOwn } from "../../files/Ownership.ts"
import {
  isWorkerAlive,
  Job,
  Documents,
  Placements,
  type QueueStats,
  setAsideKind,
  StoreLayers,
  TaskQueue,
  type WorkerRecord
} from "../../services/Queue/index.ts"
import { type Check, ok, problem, tell, warning } from "../Checks.ts"
import { describeCause } from "../Failure.ts"
import { Invocation } from "../Invocation.ts"
import * as JobFlags from "../JobFlags.ts"
import { open, type StoreLocation } from "../OpenStore.ts"
import { checkPlacements } from "../PlacementChecks.ts"
import * as Settings from "../Settings.ts"
import * as StoreSpace from "../StoreSpace.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import * as Background from "../worker/Background.ts"

const oldestNode: readonly [number, number, number] = [24, 14, 1]
/** Clocks of processes on one store must agree to within a second. */
const clockTolerance = 1000
const longPending = 10 * 60_000
const slowLoopMs = 200

const isAtLeast = (version: string, least: readonly [number, number, number]): boolean => {
  const parts = version.split(".").map(Number)
  const different = least.findIndex((part, i) => parts[i] !== part)
  return different < 0 || parts[different]! > least[different]!
}

const checkNode = (): Check =>
  isAtLeast(process.versions.node, oldestNode)
    ? ok("node", process.versions.node)
    : problem(
        "node",
        process.versions.node,
        `Sluice needs ${oldestNode.join(".")} or later; install it from nodejs.org`
      )

const checkSqlite = (): Check => {
  const version = process.versions.sqlite ?? "unknown"
  return StoreLayers.isSqliteSafeToShare(version)
    ? ok("sqlite", version)
    : warning(
        "sqlite",
        version,
        `several processes on one file need 3.51.3 or later; use Node ${oldestNode.join(".")} or later`
      )
}

const mode = (file: string): number => statSync(file).mode & 0o777

const checkPermissions = (file: string): Check => {
  const folder = path.dirname(file)
  const open = [file, `${file}-wal`, `${file}-shm`].filter((name) => existsSync(name) && (mode(name) & 0o077) !== 0)
  if (open.length > 0)
    return warning(
      "permissions",
      `${open[0]} can be read by others (${mode(open[0]!).toString(8)})`,
      `chmod 600 ${open.join(" ")}`
    )
  return ok("permissions", `${mode(file).toString(8)}, folder ${mode(folder).toString(8)}`)
}

const checkState = (folder: string): Check => {
  try {
    if (!OwnFolder.look(folder)) return ok("state folder", `${folder} is made when it is needed`)
    accessSync(folder, constants.W_OK)
    return (mode(folder) & 0o077) === 0
      ? ok("state folder", folder)
      : warning("state folder", `${folder} can be read by others`, `chmod 700 ${folder}`)
  } catch (error) {
    const found = error instanceof NotOwn ? error.message : `${folder} cannot be written`
    return problem("state folder", found, "check its owner and mode, or set XDG_STATE_HOME")
  }
}

/** Temporary files: sockets between processes, outputs of commands. */
const checkTemporary = (folder: string): Check => {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return ok("TMPDIR", folder)
  } catch {
    return problem("TMPDIR", `${folder} cannot be written`, "make it, or set TMPDIR to a folder of yours")
  }
}

const checkBackground = (folder: string): Check => {
  let stale: ReadonlyArray<string>
  try {
    stale = Background.stale(folder)
  } catch (error) {
    return problem("background", error instanceof Error ? error.message : String(error), "mend its owner and mode")
  }
  if (stale.length > 0)
    return warning(
      "background",
      `${stale.length === 1 ? "a worker" : `${stale.length} workers`} ended without being stopped (${stale[0]})`,
      "look into the log beside it, then start one again: sluice worker -d"
    )
  return ok("background", "no worker was lost")
}

const checkWorkers = (stats: QueueStats, alive: ReadonlyArray<WorkerRecord>): Check => {
  const pending = stats.counters.filter(({ state }) => state === "pending").reduce((sum, { count }) => sum + count, 0)
  const blocked = alive.find((worker) => worker.blocked !== undefined)
  if (blocked !== undefined) {
    return problem(
      "workers",
      `${blocked.name} does not answer: its event loop is blocked by ${blocked.blocked!.jobs.map(Job.formatJobId).join(", ")}`,
      "run CPU-bound work in a thread (toThreadLayer)"
    )
  }
  if (alive.length === 0) {
    return pending === 0
      ? ok("workers", "none alive, nothing pending")
      : problem("workers", `none alive, ${HumanNumber.count(pending)} jobs pending`, "sluice worker -d")
  }
  const unknown = stats.counters.find(
    ({ count, state, task }) => state === "pending" && count > 0 && !alive.some(({ tasks }) => tasks.includes(task))
  )
  if (unknown !== undefined)
    return warning(
      "workers",
      `${alive.length} alive, none knows task ${unknown.task}, of which ${HumanNumber.count(unknown.count)} are pending`,
      "start one that does: sluice worker --tasks ./tasks.ts"
    )
  const slow = alive.find(({ load }) => load !== undefined && load.loopDelayMs > slowLoopMs)
  if (slow !== undefined)
    return warning(
      "workers",
      `the event loop of ${slow.name} is late by ${HumanNumber.duration(slow.load!.loopDelayMs)}`,
      "run CPU-bound work in threads, or start more workers"
    )
  return ok("workers", `${alive.length} alive`)
}

const checkClock = (workers: ReadonlyArray<WorkerRecord>, now: number): Check => {
  const ahead = Math.max(0, ...workers.map(({ lastBeat }) => lastBeat - now))
  return ahead > clockTolerance
    ? problem(
        "clock",
        `a worker's clock is ${HumanNumber.duration(ahead)} ahead of this one`,
        "synchronise the clocks (timedatectl set-ntp true)"
      )
    : ok("clock", new Date(now).toISOString())
}

const checkQueue = (stats: QueueStats, now: number): Check => {
  const paused = stats.groups.filter((group) => group.paused).map(({ name }) => name)
  if (stats.paused) return warning("queue", "it is paused", "sluice queue resume")
  if (paused.length > 0) return warning("queue", `paused: ${paused.join(", ")}`, `sluice queue resume ${paused[0]}`)
  const oldest = Math.min(Number.POSITIVE_INFINITY, ...stats.oldestPending.values())
  if (now - oldest > longPending)
    return warning(
      "queue",
      `a job has been pending for ${HumanNumber.duration(now - oldest)}`,
      "sluice job ls --state pending --oldest, then sluice job explain ID"
    )
  const dead = stats.counters.filter(({ state }) => state === "failed").reduce((sum, { count }) => sum + count, 0)
  return dead > 0
    ? warning("queue", `${HumanNumber.count(dead)} jobs gave up`, "sluice dlq ls")
    : ok("queue", "nothing waits too long, nothing gave up")
}

/** Rows that nothing could read. */
const checkAsides = (names: ReadonlyArray<string>): Check =>
  names.length === 0
    ? ok("rows", "all could be read")
    : warning(
        "rows",
        `${names.length === 1 ? "one" : HumanNumber.count(names.length)} could not be read and ${names.length === 1 ? "was" : "were"} set aside (${names[0]})`,
        "sluice db aside tells what is wrong, shows them with --json and removes them with --rm"
      )

const checkStore = (location: StoreLocation, stats: QueueStats, now: number): ReadonlyArray<Check> => {
  const alive = stats.workers.filter((worker) => isWorkerAlive(worker, now))
  return [
    ...(location._tag === "File"
      ? [
          ok("store", location.path),
          checkPermissions(location.path),
          StoreSpace.checkDisk(location.path),
          StoreSpace.checkWal(location.path),
          StoreSpace.checkReserve(location.path)
        ]
      : [ok("store", "memory:")]),
    checkWorkers(stats, alive),
    checkClock(alive, now),
    checkQueue(stats, now)
  ]
}

export const command = Command.make(
  "doctor",
  { json: JobFlags.json },
  Effect.fnUntraced(function* ({ json }) {
    const { env } = yield* Invocation
    const now = yield* Clock.currentTimeMillis
    const settings = yield* Effect.exit(open({ create: false, thread: false }))
    const state = OwnFolder.placed(Settings.stateFolder(env))
    const checks: Array<Check> = [
      checkNode(),
      checkSqlite(),
      checkState(state),
      checkBackground(path.join(state, "workers")),
      checkTemporary(env.TMPDIR ?? tmpdir())
    ]
    if (Exit.isFailure(settings))
      checks.push(problem("store", describeCause(settings.cause).line, "see sluice config print --sources"))
    else {
      const { layer, location } = settings.value
      const stats = yield* TaskQueue.use((queue) => queue.stats).pipe(Effect.provide(layer), Effect.exit)
      if (Exit.isFailure(stats))
        checks.push(problem("store", describeCause(stats.cause).line, "sluice db doctor looks closer"))
      else checks.push(...checkStore(location, stats.value, now))
      const asides = yield* Documents.use((documents) => documents.all(setAsideKind)).pipe(
        Effect.provide(layer),
        Effect.exit
      )
      if (Exit.isSuccess(asides)) checks.push(checkAsides(asides.value.map(({ key }) => key)))
      const placements = yield* Placements.use(({ all }) => all).pipe(Effect.provide(layer), Effect.exit)
      if (Exit.isSuccess(placements)) checks.push(...checkPlacements(placements.value))
    }
    yield* tell(checks, json)
  })
).pipe(
  Command.withDescription("Checks this machine, the store and the workers: a line each, with what to do."),
  Command.withExamples([{ command: "sluice doctor" }])
)

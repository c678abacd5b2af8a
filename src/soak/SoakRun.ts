/** One part of a soak: starts its processes, harms them as planned, writes down what they tell, ends them in order. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { statSync } from "node:fs"
import os from "node:os"
import { extname } from "node:path"
import { fileURLToPath } from "node:url"
import type { Alerts } from "../services/Alerts/index.ts"
import type { PredictiveScaler, TaskQueue } from "../services/Queue/index.ts"
import { type Child, spawnNode } from "../bench/FreshProcess.ts"
import { machine } from "../bench/Machine.ts"
import { now } from "../bench/Measuring.ts"
import { Unverified } from "../bench/Variant.ts"
import { handOver, journalsFrom } from "./Decisions.ts"
import { processFigures } from "./ProcessFigures.ts"
import { files, type SoakPlan } from "./SoakPlan.ts"
import { Probes, probing } from "./SoakProbe.ts"
import type { Told } from "./SoakProcess.ts"
import { append, type LineOf, type SoakLine } from "./SoakSamples.ts"
import { countersOf } from "./SoakCounters.ts"

export interface PartOptions {
  readonly folder: string
  readonly plan: SoakPlan
  readonly part: number
  /** Milliseconds of the parts before. */
  readonly elapsed: number
  readonly from: number
  /** Of the parts before. */
  readonly lines: ReadonlyArray<SoakLine>
  /** Completes when the part is to end early, in order. */
  readonly stop: Effect.Effect<unknown>
  /** Called after each look at the store, with the number of jobs sent as far as it is known. */
  readonly onStore: (line: LineOf<"store">, sent: number) => Effect.Effect<void>
}

const entry = new URL(`./SoakProcess${extname(import.meta.url)}`, import.meta.url)

/**
 * V8 drops the code of functions that were not called for some collections, Node's own TypeScript stripper with 4 MB of
 * source among them: one step down in mid-run that would hide a leak. Kept, the heap is that of the queue.
 */
const nodeFlags = ["--expose-gc", "--no-flush-bytecode"]

const spawnPart = (words: ReadonlyArray<string>, onTold: (told: Told) => void) =>
  spawnNode([...nodeFlags, fileURLToPath(entry), ...words], (message) => onTold(message as Told))

const bytesOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

/**
 * Longest time for what was enqueued to be settled at a part's end: a lease, its sweep, and the jobs themselves, in
 * milliseconds.
 */
const settleMs = 180_000

interface Running {
  readonly child: Child
  readonly scope: Scope.Closeable
  /** Set when its end is planned. */
  ending: boolean
}

const unverified = Effect.mapError(({ message }: { readonly message: string }) => new Unverified({ message }))

/** Runs until the plan's jobs are settled or `stop` completes. Needs the queue over the soak's store. */
export const runPart = (options: PartOptions): Effect.Effect<void, Unverified, TaskQueue | PredictiveScaler | Alerts> =>
  Effect.gen(function* () {
    const { folder, from, part, plan } = options
    const at = files(folder)
    const begun = now()
    const mark = () => ({ elapsed: options.elapsed + (now() - begun), part })
    const write = (line: SoakLine) => append(at.samples, line)
    const words = [folder, JSON.stringify(plan)]
    const failed = yield* Deferred.make<never, Unverified>()
    const done = yield* Deferred.make<void>()
    let sent = from
    const journals = journalsFrom(options.lines)
    const probes = new Probes()
    if (plan.unattended === true) yield* handOver.pipe(unverified)

    const { commit } = yield* machine(folder)
    write({
      type: "part",
      ...mark(),
      ...(commit !== undefined && { commit }),
      startedAt: new Date(yield* Clock.currentTimeMillis).toISOString(),
      from,
      load: os.loadavg()[0]!
    })

    // The queue's file is made by the layer this effect runs in: no two processes make it at once.
    const workers: Array<Running> = []
    const addWorker: Effect.Effect<void> = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const child: Child = yield* Scope.provide(
        spawnPart(["worker", ...words], (told) => {
          if ("decided" in told) return write({ type: "decision", ...mark(), ...told.decided })
          write({ type: "process", ...mark(), role: "worker", pid: child.pid, ...told.figures, ...told.seen })
        }),
        scope
      )
      const worker: Running = { child, scope, ending: false }
      workers.push(worker)
      yield* Effect.forkDetach(
        Effect.flatMap(Effect.flip(child.ended), (unverified) => {
          if (worker.ending) return Effect.void
          write({ type: "fault", ...mark(), what: "died", pid: child.pid })
          return Deferred.fail(failed, unverified)
        })
      )
    })
    const replace = (what: "killed" | "stopped") =>
      Effect.gen(function* () {
        const oldest = workers.shift()!
        oldest.ending = true
        if (what === "killed") process.kill(oldest.child.pid, "SIGKILL")
        yield* Scope.close(oldest.scope, Exit.void)
        write({ type: "fault", ...mark(), what, pid: oldest.child.pid })
        yield* addWorker
      })
    const harming = (what: "killed" | "stopped", every: number | undefined) =>
      every === undefined ? Effect.never : Effect.forever(Effect.delay(Effect.uninterruptible(replace(what)), every))

    const look = Effect.gen(function* () {
      write({ type: "process", ...mark(), role: "soak", pid: process.pid, ...processFigures() })
      const counters = yield* countersOf
      const line: LineOf<"store"> = {
        type: "store",
        ...mark(),
        fileBytes: bytesOf(at.store),
        walBytes: bytesOf(`${at.store}-wal`),
        ...counters
      }
      write(line)
      if (plan.unattended === true) {
        write({ type: "probes", ...mark(), ...probes.take() })
        for (const decided of yield* journals) write({ type: "decision", ...mark(), ...decided })
      }
      yield* options.onStore(line, sent)
      return line
    }).pipe(unverified)

    const endWorkers = Effect.suspend(() =>
      Effect.forEach(
        workers.splice(0),
        (worker) => {
          worker.ending = true
          return Scope.close(worker.scope, Exit.void)
        },
        { concurrency: "unbounded", discard: true }
      )
    )

    yield* Effect.gen(function* () {
      yield* Effect.addFinalizer(() => endWorkers)
      yield* Effect.gen(function* () {
        for (let i = 0; i < plan.workers; i++) yield* addWorker
        const producer: Child = yield* spawnPart(["producer", ...words, JSON.stringify({ part, from })], (told) => {
          if ("decided" in told) return
          const { figures, produced: report } = told
          const when = mark()
          write({ type: "process", ...when, role: "producer", pid: producer.pid, ...figures })
          if (report === undefined) return
          sent = report.sent
          write({ type: "produced", ...when, ...report })
          if (report.done) Deferred.doneUnsafe(done, Exit.void)
        })
        yield* Effect.raceAllFirst([
          Deferred.await(done),
          Effect.asVoid(options.stop),
          Deferred.await(failed),
          Effect.tapError(producer.ended, () =>
            Effect.sync(() => write({ type: "fault", ...mark(), what: "died", pid: producer.pid }))
          ),
          Effect.forever(Effect.delay(look, plan.sampleMs)),
          ...(plan.unattended === true ? [probing(probes)] : []),
          harming("killed", plan.killMs),
          harming("stopped", plan.stopMs)
        ])
      }).pipe(Effect.scoped)
      yield* Effect.raceFirst(settled(look), Deferred.await(failed))
    }).pipe(Effect.scoped)
    // Workers add to the roll-ups now and then, and a last time when they stop.
    yield* look
    write({ type: "end", ...mark(), load: os.loadavg()[0]! })
  })

/** Waits until no job is live. */
const settled = <R>(look: Effect.Effect<LineOf<"store">, Unverified, R>) => {
  let live = 0
  return Effect.gen(function* () {
    for (;;) {
      live = (yield* look).live
      if (live === 0) return
      yield* Effect.sleep("1 second")
    }
  }).pipe(
    Effect.timeoutOrElse({
      duration: settleMs,
      orElse: () =>
        Effect.fail(new Unverified({ message: `${live} jobs not settled ${settleMs / 1000} s after the last` }))
    })
  )
}

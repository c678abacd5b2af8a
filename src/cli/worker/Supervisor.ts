/**
 * `worker --processes N|auto`: a parent that keeps worker processes alive. `N`: that many. `auto`: one per core, as far
 * as memory goes, until groups are scaled (`sluice scale set GROUP --mode on`); from then on as many as their targets
 * need, between `--min` and `--max`.
 *
 * The parent holds no jobs. Killed with -9 it leaves none behind that nobody looks after: its workers see their channel
 * end and stop as at SIGTERM, so what runs may finish within the grace period and is handed back after it.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import { spawn } from "node:child_process"
import { availableParallelism, hostname } from "node:os"
import { LocalProcesses, ProcessPool, CurrentTargets } from "../../services/Queue/index.ts"
import { ExitCode } from "../ExitCode.ts"
import { stopsWithItsJobs } from "../JobControl.ts"
import type { Signal } from "../Signals.ts"

/** Endings that would only repeat themselves. */
const hopeless: ReadonlySet<number> = new Set([ExitCode.usage, ExitCode.notFound, ExitCode.notAllowed])

/**
 * Between two looks at the targets, in milliseconds: short against the second a process takes to start; costs four
 * small reads.
 */
const followEveryMs = 2000

/** What `auto` begins with, and the most it runs unless said otherwise: a process per core. */
export const autoProcesses = (): number => availableParallelism()

export interface Supervised {
  readonly args: ReadonlyArray<string>
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly signals: Queue.Dequeue<Signal>
  readonly note: (line: string) => Effect.Effect<void>
}

const pool = (options: Supervised) =>
  Effect.andThen(
    stopsWithItsJobs(Effect.void),
    ProcessPool.make({
      spawn: () =>
        spawn(process.execPath, [process.argv[1]!, ...options.args], {
          cwd: options.cwd,
          env: options.env,
          detached: true,
          stdio: ["ignore", "inherit", "inherit", "ipc"]
        }),
      hopeless,
      note: options.note
    })
  )

const untilEnded = (running: ProcessPool.ProcessPool, signals: Queue.Dequeue<Signal>) =>
  Effect.andThen(
    Effect.forkScoped(
      Effect.forever(
        Effect.flatMap(Queue.take(signals), (signal) => running.stop(signal === "SIGHUP" ? "SIGTERM" : signal))
      )
    ),
    running.ended
  )

/** Keeps `processes` alive. Answers the exit code of the whole. */
export const supervise = (options: Supervised & { readonly processes: number }) =>
  Effect.gen(function* () {
    const running = yield* pool(options)
    yield* running.start(options.processes)
    return yield* untilEnded(running, options.signals)
  })

/**
 * Keeps as many alive as the targets in the store need; `processes` to begin with. Answers the exit code of the whole.
 */
export const superviseTargets = (
  options: Supervised & {
    readonly processes: number
    readonly min: number
    readonly max: number
    readonly slots: Readonly<Record<string, number>>
  }
) =>
  Effect.gen(function* () {
    const running = yield* pool(options)
    const local = yield* LocalProcesses.make({
      pool: running,
      bounds: { min: options.min, max: options.max },
      slots: options.slots,
      host: hostname(),
      availableBytes: () => process.availableMemory(),
      note: options.note
    })
    yield* local.begin(options.processes)
    const follow = Effect.gen(function* () {
      const { othersBusy, targets } = yield* CurrentTargets.read
      yield* local.follow(targets, othersBusy)
    }).pipe(Effect.catch((error) => Effect.logDebug(`The number of processes stays: ${error.message}`)))
    yield* Effect.forkScoped(Effect.repeat(follow, Schedule.spaced(followEveryMs)))
    return yield* untilEnded(running, options.signals)
  })

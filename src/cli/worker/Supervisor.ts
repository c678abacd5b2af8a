/**
 * `worker --processes N`: a parent that keeps N worker processes alive. One that crashes is started again, at once the first time and
 * then after 1, 2, 4 … 30 s; after a minute of life it starts from the beginning. One that ends well (drained, `--once`) is not replaced,
 * one that could not even begin (a wrong flag, a wrong module) ends all.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { type ChildProcess, spawn } from "node:child_process"
import { availableParallelism } from "node:os"
import { ExitCode } from "../ExitCode.ts"
import type { Signal } from "../Signals.ts"

const firstDelayMs = 1000
const lastDelayMs = 30_000
const healthyMs = 60_000

/** Endings that would only repeat themselves. */
const hopeless: ReadonlySet<number> = new Set([ExitCode.usage, ExitCode.notFound, ExitCode.notAllowed])

/** Before crash number `crashes` (from 1) is answered by a new start, in milliseconds. */
export const restartDelay = (crashes: number): number =>
  crashes <= 1 ? 0 : Math.min(lastDelayMs, firstDelayMs * 2 ** (crashes - 2))

/** What `auto` means: a process per core. */
export const autoProcesses = (): number => availableParallelism()

type Happening =
  | { readonly _tag: "Exit"; readonly index: number; readonly code: number | null; readonly signal: string | null }
  | { readonly _tag: "Start"; readonly index: number }
  | { readonly _tag: "Signal"; readonly signal: Signal }

interface Place {
  child: ChildProcess | undefined
  startedAt: number
  crashes: number
  done: boolean
}

/** Answers the exit code of the whole. `now`: milliseconds of a clock that does not jump. */
export const supervise = (options: {
  readonly processes: number
  readonly args: ReadonlyArray<string>
  readonly cwd: string
  readonly signals: Queue.Dequeue<Signal>
  readonly note: (line: string) => Effect.Effect<void>
  readonly now: () => number
}) =>
  Effect.gen(function* () {
    const happenings = yield* Queue.unbounded<Happening>()
    const places: Array<Place> = Array.from({ length: options.processes }, () => ({
      child: undefined,
      startedAt: 0,
      crashes: 0,
      done: false
    }))
    let stopping = false
    let worst: number = ExitCode.ok

    const start = (index: number) => {
      const place = places[index]!
      place.startedAt = options.now()
      // In a group of its own, so that Ctrl-C reaches it once, through us; the channel tells it when we are gone.
      const child = spawn(process.execPath, [process.argv[1]!, ...options.args], {
        cwd: options.cwd,
        detached: true,
        stdio: ["ignore", "inherit", "inherit", "ipc"]
      })
      place.child = child
      child.once("error", () =>
        Queue.offerUnsafe(happenings, { _tag: "Exit", index, code: ExitCode.failure, signal: null })
      )
      child.once("exit", (code, signal) => Queue.offerUnsafe(happenings, { _tag: "Exit", index, code, signal }))
    }
    const signalAll = (signal: Signal) => {
      for (const { child } of places) child?.kill(signal)
    }
    const stopAll = (signal: Signal) => {
      stopping = true
      for (const place of places) if (place.child === undefined) place.done = true
      signalAll(signal)
    }

    yield* Effect.addFinalizer(() => Effect.sync(() => signalAll("SIGTERM")))
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.flatMap(Queue.take(options.signals), (signal) => Queue.offer(happenings, { _tag: "Signal", signal }))
      )
    )
    for (let index = 0; index < options.processes; index++) start(index)

    while (places.some(({ done }) => !done)) {
      const happening = yield* Queue.take(happenings)
      if (happening._tag === "Signal") {
        stopAll(happening.signal)
      } else if (happening._tag === "Start") {
        if (!stopping) start(happening.index)
      } else {
        const { code, index, signal } = happening
        const place = places[index]!
        place.child = undefined
        if (stopping || code === ExitCode.ok) {
          place.done = true
          worst = Math.max(worst, code ?? ExitCode.failure)
        } else if (code !== null && hopeless.has(code)) {
          place.done = true
          worst = code
          stopAll("SIGTERM")
        } else {
          place.crashes = options.now() - place.startedAt > healthyMs ? 1 : place.crashes + 1
          const delay = restartDelay(place.crashes)
          const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`
          yield* options.note(
            `sluice: worker process ${index + 1} ${how}; it starts again ${delay === 0 ? "now" : `in ${delay / 1000} s`}`
          )
          yield* Effect.forkScoped(
            Effect.andThen(Effect.sleep(delay), Queue.offer(happenings, { _tag: "Start", index }))
          )
        }
      }
    }
    return worst
  })

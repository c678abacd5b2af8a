/**
 * Worker processes of this host, kept alive.
 *
 * One that crashes is started again, at once the first time and then after 1, 2, 4 … 30 s; after a minute of life it
 * starts from the beginning. One that ends well (drained, nothing left to do) or was retired is not replaced. One that
 * could not even begin ends all.
 *
 * Each has a process group of its own, so that Ctrl-C reaches it once, through the pool's owner, and a channel whose
 * end tells it that the owner is gone, `kill -9` included: it then stops by itself, gracefully. No process is ever
 * killed by the pool.
 */
import { Clock, Deferred, Effect, Queue, type Scope } from "effect"
import type { ChildProcess } from "node:child_process"
import * as JobControl from "../../Queue/run/JobControl.ts"

const firstDelayMs = 1000
const lastDelayMs = 30_000
const healthyMs = 60_000

/** Before crash number `crashes` (from 1) is answered by a new start, in milliseconds. */
export const restartDelay = (crashes: number): number =>
  crashes <= 1 ? 0 : Math.min(lastDelayMs, firstDelayMs * 2 ** (crashes - 2))

export interface PoolOptions {
  /** Starts one, detached and with an `ipc` channel. */
  readonly spawn: () => ChildProcess
  /** Exit codes that would only repeat themselves: the first ends all. */
  readonly hopeless: ReadonlySet<number>
  /** A line for people. */
  readonly note: (line: string) => Effect.Effect<void>
}

export interface PoolProcess {
  /** From 1; the number of one that is gone is given to the next. */
  readonly number: number
  /** Undefined while it waits to be started again. */
  readonly pid: number | undefined
  /** When it was started last, milliseconds since 1970. */
  readonly startedAt: number
  /** Asked to go; not started again. */
  readonly retired: boolean
}

export interface ProcessPool {
  readonly processes: Effect.Effect<ReadonlyArray<PoolProcess>>
  /** So many more. None once the pool stops. */
  readonly start: (count: number) => Effect.Effect<void>
  /** It is not started again when it ends. `signal` asks it to end, which workers do gracefully. */
  readonly retire: (number: number, signal: "SIGTERM" | undefined) => Effect.Effect<void>
  /** Passes the signal on to all and starts none any more. A second one is passed on too. */
  readonly stop: (signal: "SIGINT" | "SIGTERM") => Effect.Effect<void>
  /** While held, an empty pool is not at its end. */
  readonly hold: (held: boolean) => Effect.Effect<void>
  /** Completes when none is left, with the greatest exit code of those that were not retired. */
  readonly ended: Effect.Effect<number>
}

interface Place {
  readonly number: number
  child: ChildProcess | undefined
  startedAt: number
  /** By a clock that does not jump, in milliseconds. */
  bornMs: number
  crashes: number
  retired: boolean
}

interface Exit {
  readonly place: Place
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export const make = (options: PoolOptions): Effect.Effect<ProcessPool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const monotonicMs = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const places = new Map<number, Place>()
    const exits = yield* Queue.unbounded<Exit>()
    const ended = yield* Deferred.make<number>()
    let stopping = false
    /** What `stop` has passed on. */
    const passedOn = new Set<string>()
    let held = false
    let worst = 0

    const endIfEmpty = () => {
      if (places.size === 0 && (stopping || !held)) Deferred.doneUnsafe(ended, Effect.succeed(worst))
    }
    const spawnInto = (place: Place) => {
      place.startedAt = clock.currentTimeMillisUnsafe()
      place.bornMs = monotonicMs()
      const child = options.spawn()
      place.child = child
      if (child.pid !== undefined) JobControl.began(child.pid, "SIGTSTP")
      let gone = false
      const exit = (code: number | null, signal: NodeJS.Signals | null) => {
        if (gone) return
        gone = true
        if (child.pid !== undefined) JobControl.ended(child.pid)
        Queue.offerUnsafe(exits, { place, code, signal })
      }
      child.once("error", () => {
        // Also told when a signal or a message could not be sent to one that lives.
        if (child.pid === undefined) exit(1, null)
      })
      child.once("exit", exit)
    }
    const startOne = () => {
      let number = 1
      while (places.has(number)) number++
      const place: Place = { number, child: undefined, startedAt: 0, bornMs: 0, crashes: 0, retired: false }
      places.set(number, place)
      spawnInto(place)
    }
    const stop = (signal: "SIGINT" | "SIGTERM") => {
      stopping = true
      passedOn.add(signal)
      for (const place of places.values()) {
        if (place.child === undefined) places.delete(place.number)
        else place.child.kill(signal)
      }
      endIfEmpty()
    }

    const answerExit = Effect.fnUntraced(function* ({ code, place, signal }: Exit) {
      place.child = undefined
      const isHopeless = code !== null && options.hopeless.has(code)
      if (stopping || place.retired || code === 0 || isHopeless) {
        places.delete(place.number)
        // One that had not come so far as to hear the signal ends of it: as asked.
        if (!place.retired) worst = Math.max(worst, code ?? (signal !== null && passedOn.has(signal) ? 0 : 1))
        if (isHopeless && !stopping && !place.retired) {
          worst = code
          stop("SIGTERM")
        }
        return endIfEmpty()
      }
      place.crashes = monotonicMs() - place.bornMs > healthyMs ? 1 : place.crashes + 1
      const delay = restartDelay(place.crashes)
      const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`
      yield* options.note(
        `sluice: worker process ${place.number} ${how}; it starts again ${delay === 0 ? "now" : `in ${delay / 1000} s`}`
      )
      const again = Effect.sync(() => {
        if (!stopping && places.get(place.number) === place) spawnInto(place)
      })
      yield* delay === 0 ? again : Effect.forkScoped(Effect.delay(again, delay))
    })

    yield* Effect.addFinalizer(() => Effect.sync(() => stop("SIGTERM")))
    yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(exits), answerExit)))

    return {
      processes: Effect.sync(() =>
        [...places.values()].map(({ child, number, retired, startedAt }) => ({
          number,
          pid: child?.pid,
          startedAt,
          retired
        }))
      ),
      start: (count) =>
        Effect.sync(() => {
          for (let left = stopping ? 0 : count; left > 0; left--) startOne()
        }),
      retire: (number, signal) =>
        Effect.sync(() => {
          const place = places.get(number)
          if (place === undefined) return
          place.retired = true
          if (place.child === undefined) {
            places.delete(number)
            endIfEmpty()
          } else if (signal !== undefined) place.child.kill(signal)
        }),
      stop: (signal) => Effect.sync(() => stop(signal)),
      hold: (now) =>
        Effect.sync(() => {
          held = now
          endIfEmpty()
        }),
      ended: Deferred.await(ended)
    }
  })

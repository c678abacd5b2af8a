/** The processes that start commands for this one: how many there are, and since when and how long. */
import { availableParallelism } from "node:os"
import { Effect, type Scope } from "effect"
import { Spawner, type StartListener } from "./Spawner.ts"
import type { StartRequest } from "./SpawnerMessage.ts"

/** A start takes a spawner about a millisecond: with cores to spare a second one halves the wait of a burst. */
const mostWith = (cores: number): number => (cores >= 4 ? 2 : 1)
/** Starts one spawner has before it when another one is worth its 40 MB. */
const busyFrom = 2

const idleMillis = 60_000
/**
 * How long commands are started without one, after so many in a row could not be started: one alone may have been
 * killed.
 */
const unavailableMillis = 60_000
const failuresMost = 2

export interface Spawners {
  /**
   * Whether the next command is theirs to start: a process that starts one command in a minute does without. `now` in
   * milliseconds, monotonic.
   */
  readonly areWorthIt: (now: number) => boolean
  /**
   * Never throws; see `StartListener`. Answers how to say that the start is over and its group of no concern any more.
   */
  readonly start: (request: Omit<StartRequest, "type" | "id">, folder: string, listener: StartListener) => () => void
}

export const make = (options: {
  readonly graceMillis: number
  readonly most?: number | undefined
}): Effect.Effect<Spawners, never, Scope.Scope> =>
  Effect.gen(function* () {
    const most = options.most ?? mostWith(availableParallelism())
    const spawners = new Set<Spawner>()
    let lastId = 0
    let lastStart = -Infinity
    let unavailableUntil = -Infinity
    let idle: NodeJS.Timeout | undefined

    const quit = () => {
      for (const spawner of [...spawners]) spawner.quit()
    }
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        clearTimeout(idle)
        quit()
      })
    )

    let failures = 0
    const notAvailable = () => {
      if (++failures >= failuresMost) unavailableUntil = performance.now() + unavailableMillis
    }

    const begin = (folder: string): Spawner | undefined => {
      try {
        const spawner: Spawner = new Spawner({
          folder,
          graceMillis: options.graceMillis,
          onGone: (wasReady) => {
            spawners.delete(spawner)
            if (wasReady) failures = 0
            else notAvailable()
          }
        })
        spawners.add(spawner)
        return spawner
      } catch {
        // No memory, no process table entry, no descriptor: the command itself will say which, or there is room for
        // that at least.
        notAvailable()
        return undefined
      }
    }

    const choose = (folder: string): Spawner | undefined => {
      const [first, ...others] = spawners
      if (first === undefined) return begin(folder)
      const freest = others.reduce((best, other) => (other.unanswered < best.unanswered ? other : best), first)
      return freest.unanswered >= busyFrom && spawners.size < most ? (begin(folder) ?? freest) : freest
    }

    return {
      areWorthIt: (now) => {
        const isBusy = spawners.size > 0 || now - lastStart < idleMillis
        lastStart = now
        return isBusy
      },
      start: (request, folder, listener) => {
        clearTimeout(idle)
        const id = ++lastId
        const spawner = performance.now() < unavailableUntil ? undefined : choose(folder)
        if (spawner === undefined) {
          listener.unavailable()
          return () => {}
        }
        spawner.start({ type: "start", id, ...request }, listener)
        return () => {
          spawner.forget(id)
          if ([...spawners].some(({ size }) => size > 0)) return
          clearTimeout(idle)
          idle = setTimeout(quit, idleMillis)
          idle.unref()
        }
      }
    }
  })

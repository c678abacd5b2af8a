/**
 * When the next command of a map may start: `--delay` after the last one, at the pace of `--rate`, under `--load`, with
 * `--memfree` left.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Rate } from "../../services/Limits/index.ts"
import { Rates } from "../../services/Limits/index.ts"

export interface StartConditions {
  readonly delay: Duration.Duration | undefined
  readonly rate: Rate | undefined
  /** The load average of a minute at most. */
  readonly load: number | undefined
  /** Bytes the system has for new programs, at least. */
  readonly freeBytes: number | undefined
}

/** What the machine says of itself. */
export interface MachineState {
  readonly load: () => number
  readonly freeBytes: () => number
}

/** The load average changes every five seconds. */
const lookAgain = "1 second"

/** Completes when a command may start, each time it is run, one after the other; undefined: at once. */
export const make = (
  { delay, freeBytes, load, rate }: StartConditions,
  machine: MachineState
): Effect.Effect<void> | undefined => {
  if (delay === undefined && rate === undefined && load === undefined && freeBytes === undefined) return undefined
  const isBusy = () =>
    (load !== undefined && machine.load() > load) || (freeBytes !== undefined && machine.freeBytes() < freeBytes)
  let nextAt = 0
  let tat = 0
  const waitUntil = (at: number) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => (at > now ? Effect.sleep(at - now) : Effect.void))
  return Effect.gen(function* () {
    yield* waitUntil(nextAt)
    if (rate !== undefined) yield* waitUntil(Rates.allowedAt(rate, tat, yield* Clock.currentTimeMillis, 1))
    while (isBusy()) yield* Effect.sleep(lookAgain)
    const now = yield* Clock.currentTimeMillis
    if (delay !== undefined) nextAt = now + Duration.toMillis(delay)
    if (rate !== undefined) tat = Rates.charged(rate, tat, now, 1)
  })
}

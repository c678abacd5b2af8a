/**
 * When the next command of a map may start: `--delay` after the last one, at its place in `--spread`, at the pace of
 * `--rate`, under `--load`, with `--memfree` left.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Rate } from "../../services/Limits/index.ts"
import { Rates } from "../../services/Limits/index.ts"
import { Spreading } from "../../services/Queue/index.ts"

export interface StartConditions {
  readonly delay: Duration.Duration | undefined
  /** The commands start evenly over this time, the first at once. */
  readonly spread: { readonly over: Duration.Duration; readonly commands: number } | undefined
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
  { delay, freeBytes, load, rate, spread }: StartConditions,
  machine: MachineState
): Effect.Effect<void> | undefined => {
  if ([delay, spread, rate, load, freeBytes].every((condition) => condition === undefined)) return undefined
  const isBusy = () =>
    (load !== undefined && machine.load() > load) || (freeBytes !== undefined && machine.freeBytes() < freeBytes)
  /** When the command after so many others may start, of those that are spread. */
  const placeOf = (index: number): number =>
    spread === undefined
      ? 0
      : Spreading.spreadOffset(Math.min(index, spread.commands), spread.commands, Duration.toMillis(spread.over))
  let begun: number | undefined
  let started = 0
  let nextAt = 0
  let tat = 0
  const waitUntil = (at: number) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => (at > now ? Effect.sleep(at - now) : Effect.void))
  return Effect.gen(function* () {
    begun ??= yield* Clock.currentTimeMillis
    yield* waitUntil(Math.max(nextAt, begun + placeOf(started++)))
    if (rate !== undefined) yield* waitUntil(Rates.allowedAt(rate, tat, yield* Clock.currentTimeMillis, 1))
    while (isBusy()) yield* Effect.sleep(lookAgain)
    const now = yield* Clock.currentTimeMillis
    if (delay !== undefined) nextAt = now + Duration.toMillis(delay)
    if (rate !== undefined) tat = Rates.charged(rate, tat, now, 1)
  })
}

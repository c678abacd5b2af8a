/**
 * When the next command of a map may start: `--delay` after the last one, at its place in `--spread`, under `--load`,
 * with `--memfree` left.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Spreading } from "../../services/Queue/index.ts"

export interface StartConditions {
  readonly delay: Duration.Duration | undefined
  /** The commands start evenly over this time, the first at once. */
  readonly spread: { readonly over: Duration.Duration; readonly commands: number } | undefined
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

/** Completes when a command may start, each time it is run; undefined: at once. */
export const make = (
  { delay, freeBytes, load, spread }: StartConditions,
  machine: MachineState
): Effect.Effect<void> | undefined => {
  if (delay === undefined && spread === undefined && load === undefined && freeBytes === undefined) return undefined
  const isBusy = () =>
    (load !== undefined && machine.load() > load) || (freeBytes !== undefined && machine.freeBytes() < freeBytes)
  const delayMs = delay === undefined ? 0 : Duration.toMillis(delay)
  /** When the command after so many others may start, of those that are spread. */
  const placeOf = (index: number): number =>
    spread === undefined
      ? 0
      : Spreading.spreadOffset(Math.min(index, spread.commands), spread.commands, Duration.toMillis(spread.over))
  let begun: number | undefined
  let started = 0
  let nextAt = 0
  return Effect.gen(function* () {
    begun ??= yield* Clock.currentTimeMillis
    const at = Math.max(nextAt, begun + placeOf(started++))
    yield* Effect.sleep(Math.max(0, at - (yield* Clock.currentTimeMillis)))
    while (isBusy()) yield* Effect.sleep(lookAgain)
    nextAt = (yield* Clock.currentTimeMillis) + delayMs
  })
}

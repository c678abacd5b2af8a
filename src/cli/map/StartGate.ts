/** When the next command of a map may start: `--delay` after the last one, under `--load`, with `--memfree` left. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export interface StartConditions {
  readonly delay: Duration.Duration | undefined
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
  { delay, freeBytes, load }: StartConditions,
  machine: MachineState
): Effect.Effect<void> | undefined => {
  if (delay === undefined && load === undefined && freeBytes === undefined) return undefined
  const isBusy = () =>
    (load !== undefined && machine.load() > load) || (freeBytes !== undefined && machine.freeBytes() < freeBytes)
  let nextAt = 0
  return Effect.gen(function* () {
    yield* Effect.sleep(Math.max(0, nextAt - (yield* Clock.currentTimeMillis)))
    while (isBusy()) yield* Effect.sleep(lookAgain)
    nextAt = (yield* Clock.currentTimeMillis) + (delay === undefined ? 0 : Duration.toMillis(delay))
  })
}

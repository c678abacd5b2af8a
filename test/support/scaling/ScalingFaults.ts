/** What goes wrong with a fleet in the middle of its day. */
import { Effect } from "effect"
import { setOffset } from "./HostClock.ts"
import { clockOf, lockStore, type ScalingFault } from "./ScalingRun.ts"

const hourMs = 3_600_000
const forwardMs = hourMs
const backMs = 600_000

const lockedMs = 2000
/** Shorter than a lease: the leader is not taken for dead. */
const stoppedMs = 4000

const clock = (name: string, part: number, ms: number): ScalingFault => ({
  name,
  part,
  strike: ({ folder }) => Effect.sync(() => setOffset(clockOf(folder), ms))
})

export const scalingFaults: ReadonlyArray<ScalingFault> = [
  clock("the host's clock is set forward by an hour", 0.2, forwardMs),
  {
    name: "the leader is killed with -9",
    part: 0.4,
    strike: ({ kill, leader }) => Effect.sync(() => kill(leader))
  },
  { name: "another process holds the store locked", part: 0.6, strike: ({ folder }) => lockStore(folder, lockedMs) },
  {
    name: "the leader stands still",
    part: 0.7,
    strike: ({ leader }) =>
      Effect.sync(() => process.kill(leader, "SIGSTOP")).pipe(
        Effect.andThen(Effect.sleep(stoppedMs)),
        Effect.ensuring(Effect.sync(() => process.kill(leader, "SIGCONT")))
      )
  },
  clock("the host's clock is set back by ten minutes", 0.8, forwardMs - backMs)
]

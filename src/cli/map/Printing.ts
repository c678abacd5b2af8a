/**
 * Prints the blocks of a map one after the other, each in its turn (`PrintTurns`), beside the lines that run and print
 * themselves.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { PrintTurns } from "./PrintTurns.ts"

export interface Printing {
  /** The line has ended: `block` prints what is left of it. */
  readonly end: (line: number, block: Effect.Effect<void>) => void
  /** The line will not be printed in this run. */
  readonly giveUp: (line: number) => void
  /** Settles when the line owns the output. */
  readonly own: (line: number) => Promise<void>
  /** Calls back when the line owns the output, if ever. */
  readonly whenOwned: (line: number, owned: () => void) => void
  /** Settles when no other line owns the output. */
  readonly free: (line: number) => Promise<void>
  /** Lines that have ended and are not printed. */
  readonly waiting: () => number
  /** Prints, for as long as it runs; `printed` is told of each block. */
  readonly run: (printed: Effect.Effect<void>) => Effect.Effect<never>
  /** Completes when all is printed whose turn has come. */
  readonly settled: Effect.Effect<void>
}

export const make = (ordered: boolean): Printing => {
  const turns = new PrintTurns<Effect.Effect<void>>(ordered)
  const work = Latch.makeUnsafe(false)
  const idle = Latch.makeUnsafe(true)
  const waitingForFree: Array<() => void> = []
  const wake = () => {
    idle.closeUnsafe()
    work.openUnsafe()
  }
  const whenOwned = (line: number, owned: () => void) => {
    turns.want(line, owned)
    wake()
  }
  const step = (printed: Effect.Effect<void>) =>
    Effect.suspend(() => {
      work.closeUnsafe()
      const block = turns.next()
      for (const resolve of waitingForFree.splice(0)) resolve()
      if (block !== undefined) {
        work.openUnsafe()
        return Effect.andThen(block, printed)
      }
      idle.openUnsafe()
      return work.await
    })
  return {
    end: (line, block) => {
      turns.end(line, block)
      wake()
    },
    giveUp: (line) => {
      turns.giveUp(line)
      wake()
    },
    own: (line) => new Promise((resolve) => whenOwned(line, resolve)),
    whenOwned,
    free: async (line) => {
      while (turns.isTaken && !turns.owns(line)) await new Promise<void>((resolve) => waitingForFree.push(resolve))
    },
    waiting: () => turns.waiting,
    run: (printed) => Effect.forever(step(printed)),
    settled: idle.await
  }
}

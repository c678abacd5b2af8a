/**
 * Ctrl-C, SIGTERM, and the hang-up of a terminal. A command that does nothing about them is interrupted by the first
 * one. A command that runs jobs takes them over: it decides what the first and the second mean. A third always ends the
 * process at once.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { ExitName } from "./ExitCode.ts"
import { type CommandFailure, fail } from "./Failure.ts"

export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP"

export class Signals extends Context.Service<
  Signals,
  {
    /** Until the scope closes signals go to the queue and interrupt nothing. */
    readonly takeOver: Effect.Effect<Queue.Dequeue<Signal>, never, Scope.Scope>
  }
>()("sluice/cli/Signals") {}

const endings = { SIGINT: "interrupted", SIGTERM: "terminated", SIGHUP: "hungUp" } as const satisfies Record<
  Signal,
  ExitName
>

export const endingOf = (signal: Signal): ExitName => endings[signal]

/** How a command ends that a signal ended: 130, 143 or 129, nothing said. */
export const endedBy = (signal: Signal): CommandFailure => fail(endingOf(signal))

/** The process boundary's half: hears signals and hands them to whoever has taken them over. */
export interface Receiver {
  readonly signals: Signals["Service"]
  /** True when a command has taken it over; false: interrupt the command. */
  readonly receive: (signal: Signal) => boolean
}

export const makeReceiver = (): Receiver => {
  const takers: Array<Queue.Queue<Signal>> = []
  return {
    receive: (signal) => {
      const taker = takers.at(-1)
      return taker !== undefined && Queue.offerUnsafe(taker, signal)
    },
    signals: {
      takeOver: Effect.acquireRelease(
        Effect.map(Queue.unbounded<Signal>(), (queue) => {
          takers.push(queue)
          return queue
        }),
        (queue) =>
          Effect.sync(() => {
            takers.splice(takers.indexOf(queue), 1)
          })
      )
    }
  }
}

/**
 * Until the scope closes a signal ends the process at once, as it does a program that knows nothing of signals: for
 * work that blocks the event loop, on which handlers would wait. The caller's shell sees 130 or 143.
 */
export const endBySignal: Effect.Effect<void, never, Scope.Scope> = Effect.asVoid(
  Effect.acquireRelease(
    Effect.sync(() =>
      (["SIGINT", "SIGTERM"] as const).flatMap((signal) => {
        const handlers = process.listeners(signal)
        process.removeAllListeners(signal)
        return handlers.map((handler) => ({ signal, handler }))
      })
    ),
    (handlers) =>
      Effect.sync(() => {
        for (const { handler, signal } of handlers) process.on(signal, handler)
      })
  )
)

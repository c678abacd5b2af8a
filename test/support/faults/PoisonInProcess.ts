/** Handlers that harm the worker process they run in; none may harm the queue. */
import { Effect, Schema } from "effect"

class NeverDeclared extends Schema.TaggedError<NeverDeclared>()("NeverDeclared", { message: Schema.String }) {}

const poisons: Record<string, () => Effect.Effect<{ readonly n: number }>> = {
  kill: () => Effect.sync(() => process.kill(process.pid, "SIGKILL")).pipe(Effect.andThen(Effect.never)),
  abort: () => Effect.sync(() => process.abort()),
  exit: () => Effect.sync(() => process.exit(0)),
  heap: () =>
    Effect.sync(() => {
      const held: Array<unknown> = []
      for (;;) held.push(new Array(10_000).fill(held.length))
    }),
  hugeError: () => Effect.die(new Error("x".repeat(50 * 1024 * 1024))),
  never: () => Effect.promise(() => new Promise(() => undefined)),
  deaf: () => Effect.uninterruptible(Effect.never),
  lateRejection: () =>
    Effect.sync(() => void setTimeout(() => void Promise.reject(new Error("too late")), 20)).pipe(
      Effect.andThen(Effect.never)
    ),
  throwsUndefined: () =>
    Effect.sync(() => {
      throw undefined
    }),
  throwsNumber: () =>
    Effect.sync(() => {
      throw 42
    }),
  rejectsNull: () => Effect.promise(() => Promise.reject(null)),
  throwsCircular: () =>
    Effect.sync(() => {
      const circular: Record<string, unknown> = {}
      circular.self = circular
      throw circular
    }),
  throwsHostile: () =>
    Effect.sync(() => {
      throw new Proxy(new Error("hostile"), {
        get: () => {
          throw new Error("hands off")
        }
      })
    }),
  undeclared: () => Effect.die(new NeverDeclared({ message: "not in the task's schema" })),
  badResult: () => Effect.succeed({ n: "no number" as unknown as number }),
  unencodable: () => Effect.succeed({ n: 10n as unknown as number }),
  interruptsItself: () => Effect.interrupt
}

export const poisonInProcess = (kind: string): Effect.Effect<{ readonly n: number }> => poisons[kind]!()

export const processPoisons: ReadonlyArray<string> = Object.keys(poisons)

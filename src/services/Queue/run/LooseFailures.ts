/**
 * What a handler leaves behind: promises it does not wait for, timers. A rejection there that nobody handles would end
 * the process and with it the attempts of everybody else; here it is put down to the attempt that left it, and the
 * process goes on. Effect keeps the asynchronous context of every fiber, so whose it is is known for certain.
 *
 * An exception that nobody catches (a throw in a timer's callback) is another matter: Node says that a process must not
 * go on after it. It ends as it always did; who left it is said before.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { type Context, Effect, type Fiber, type Scope } from "effect"
import { line } from "../../Text/policy/SafeText.ts"
import * as PlainError from "./PlainError.ts"

/** Whose work it is: an attempt, or the call of a batch. */
export interface Owner {
  readonly over: boolean
  /** For people. */
  readonly label: string
  /** It ends with this error, unless it has ended. */
  readonly fail: (error: Error) => void
}

/** Also long after it has ended. */
const origin = new AsyncLocalStorage<Owner>()

const fork = (effect: Effect.Effect<unknown, unknown>, context: Context.Context<never>) =>
  Effect.runForkWith(context)(effect)

/**
 * What is set going from here on belongs to the owner, until the next one or `leave`: half the cost of a scope for
 * each, on the way of every job.
 */
export const enter = (owner: Owner): void => origin.enterWith(owner)

/** What is set going from here on belongs to nobody. */
export const leave = (): void => origin.enterWith(undefined as unknown as Owner)

/** Forks the effect, as far as it goes without waiting; all that it sets going belongs to the owner. */
export const forkAs = (
  owner: Owner,
  effect: Effect.Effect<unknown, unknown>,
  context: Context.Context<never>
): Fiber.Fiber<unknown, unknown> => origin.run(owner, fork, effect, context)

/** A worker of this process. */
interface Listening {
  readonly running: () => ReadonlyArray<Owner>
  readonly warn: (message: string) => void
}
const listening = new Set<Listening>()

const summary = (error: unknown): string => {
  try {
    return line(PlainError.summary(error))
  } catch {
    return "an error that cannot be read"
  }
}

const onRejection = (reason: unknown) => {
  const owner = origin.getStore()
  if (owner === undefined) {
    // Of the program, not of a job: as it is without a worker.
    if (process.listenerCount("unhandledRejection") === 1) throw reason
    return
  }
  const message = `a promise was rejected and nobody handled it: ${summary(reason)}`
  if (owner.over)
    for (const { warn } of [...listening].slice(0, 1)) warn(`${owner.label} has ended; of what it left ${message}`)
  else owner.fail(new Error(message, { cause: reason }))
}

const onException = (error: unknown, kind: NodeJS.UncaughtExceptionOrigin) => {
  if (kind !== "uncaughtException" || process.listenerCount("uncaughtException") > 0) return
  const owner = origin.getStore()
  const running = [...listening].flatMap((each) => each.running())
  const who = owner === undefined ? running.slice(0, 5).map(({ label }) => label) : [owner.label]
  if (who.length === 0) return
  const whose = `${owner === undefined ? "running" : "left by"} ${line(who.join(", "))}`
  process.stderr.write(`sluice: an exception that nobody caught ends this process: ${summary(error)}; ${whose}\n`)
}

/** Listens until the scope closes. `running`: what this worker runs on the event loop. `warn`: for people. */
export const listen = (
  running: () => ReadonlyArray<Owner>,
  warn: (message: string) => void
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => {
        const own: Listening = { running, warn }
        if (listening.size === 0) {
          process.on("unhandledRejection", onRejection)
          process.on("uncaughtExceptionMonitor", onException)
        }
        listening.add(own)
        return own
      }),
      (own) =>
        Effect.sync(() => {
          listening.delete(own)
          if (listening.size > 0) return
          process.off("unhandledRejection", onRejection)
          process.off("uncaughtExceptionMonitor", onException)
        })
    )
  )

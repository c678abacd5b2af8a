/**
 * Each measurement runs in a process of its own: no compiled code, heap or cache of an earlier one helps or burdens it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { extname } from "node:path"
import { fileURLToPath } from "node:url"
import { SecretVariables } from "../services/Queue/index.ts"
import { type Figures, type Scale, Unverified, type Variant } from "./Variant.ts"

/** The child's end. */
export interface Channel {
  readonly send: (message: unknown) => void
  /** Completes when the parent lets go. */
  readonly closed: Effect.Effect<void>
}

export type Answer = { readonly figures: Figures } | { readonly failed: string }

const entry = new URL(`./BenchProcess${extname(import.meta.url)}`, import.meta.url)

/** Set by `--profile`: a folder for CPU profiles of every process and thread. */
const profileFolder = "SLUICE_BENCH_PROFILE"
const profileArguments = (): ReadonlyArray<string> => {
  const folder = process.env[profileFolder]
  return folder === undefined ? [] : ["--cpu-prof", "--cpu-prof-interval=200", `--cpu-prof-dir=${folder}`]
}
export const profileInto = (folder: string): void => {
  process.env[profileFolder] = folder
}

const stopMs = 10_000

export interface Child {
  readonly pid: number
  /** Fails when the process ends. */
  readonly ended: Effect.Effect<never, Unverified>
}

/**
 * Starts a Node process; with `onMessage` it has a channel. The scope's close lets go of it, by the channel or with
 * SIGTERM, and kills it when it does not end by itself.
 */
export const spawnNode = (
  words: ReadonlyArray<string>,
  onMessage?: (message: unknown) => void
): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.gen(function* () {
    const ended = yield* Deferred.make<never, Unverified>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(process.execPath, words, {
          env: SecretVariables.withoutOwnSecrets(process.env),
          stdio: onMessage === undefined ? ["ignore", "ignore", "pipe"] : ["ignore", "ignore", "pipe", "ipc"]
        })
        let complaints = ""
        child.stderr!.setEncoding("utf8").on("data", (text: string) => {
          complaints = (complaints + text).slice(-2000)
        })
        if (onMessage !== undefined) child.on("message", onMessage)
        child.on("close", (code, signal) => {
          const message = `${words.join(" ")} ended with ${signal ?? code}: ${complaints.trim()}`
          Deferred.doneUnsafe(ended, Effect.fail(new Unverified({ message })))
        })
        return child
      }),
      stop
    )
    return { pid: child.pid!, ended: Deferred.await(ended) }
  })

/** Starts a program of the benchmark: see `BenchProcess.ts`. */
export const spawnProgram = (program: ReadonlyArray<string>, onMessage: (message: unknown) => void) =>
  Effect.suspend(() =>
    spawnNode(
      ["--expose-gc", "--max-old-space-size=6000", ...profileArguments(), fileURLToPath(entry), ...program],
      onMessage
    )
  )

/** Completes when the process has ended. Plain timers: a finalizer cannot be interrupted, and so cannot lose a race. */
const stop = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    const giveUp = setTimeout(() => child.kill("SIGKILL"), stopMs)
    child.once("exit", () => {
      clearTimeout(giveUp)
      resume(Effect.void)
    })
    if (child.connected) child.disconnect()
    else child.kill()
  })

const defaultTimeoutMs = 120_000

/** Measures a variant once. */
export const measureFresh = (variant: Variant, scale: Scale): Effect.Effect<Figures, Unverified> =>
  Effect.gen(function* () {
    const answered = yield* Deferred.make<Figures, Unverified>()
    const { ended } = yield* spawnProgram(["measure", variant.name, JSON.stringify(scale)], (message) => {
      const answer = message as Answer
      Deferred.doneUnsafe(
        answered,
        "figures" in answer ? Effect.succeed(answer.figures) : Effect.fail(new Unverified({ message: answer.failed }))
      )
    })
    const timeoutMs = variant.timeoutMs ?? defaultTimeoutMs
    return yield* Effect.raceFirst(Deferred.await(answered), ended).pipe(
      Effect.timeoutOrElse({
        duration: timeoutMs,
        orElse: () => Effect.fail(new Unverified({ message: `not done within ${timeoutMs / 1000} s` }))
      })
    )
  }).pipe(Effect.scoped)

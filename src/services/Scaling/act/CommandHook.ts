/**
 * A command of the user's as actuator: called whenever a group should have another number of slots.
 *
 * The order comes twice, in the environment (`SLUICE_SCALE_GROUP`, `_DESIRED`, `_CURRENT`, `_REASON`, `_DECIDED_AT`)
 * and as one JSON object on standard input. It is an absolute number, so a call that repeats one changes nothing. Exit
 * code 0 means ordered. Anything else, or no end in time, is tried again with the latest order after about 1, 2, 4 … 60
 * s. For each group at most one call runs at a time.
 *
 * No shell unless asked for; names and reasons are data, never part of a command line. A call that runs out of time
 * gets SIGTERM and, 5 s later, SIGKILL, with all it has started. What capacity a command brings it does not say:
 * workers that join the store are seen there.
 */
import { Duration, Effect, Layer, type Scope } from "effect"
import * as Bounds from "../../Queue/policy/Bounds.ts"
import * as Durations from "../../Queue/policy/Durations.ts"
import { ProcessRunner } from "../../Queue/run/ProcessRunner.ts"
import type { ShellCommand, ShellResult } from "../../Queue/run/ShellCommand.ts"
import {
  type Actuator,
  ActuatorDenied,
  ActuatorError,
  ActuatorFailed,
  Actuators,
  type ActuatorReason,
  ActuatorTargetMissing,
  ActuatorTimedOut,
  ActuatorUnreachable,
  type GroupTarget
} from "./Actuator.ts"
import * as ScaleRequests from "./ScaleRequests.ts"

export const name = "command"

export interface CommandHookOptions {
  /** Program and arguments; or a script for `/bin/sh -c`. */
  readonly run: readonly [program: string, ...args: ReadonlyArray<string>] | { readonly shell: string }
  /** Groups it is called for. Default: all. */
  readonly groups?: ReadonlyArray<string>
  /** Absolute. */
  readonly cwd: string
  /** Its whole environment besides `SLUICE_SCALE_*`; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  /**
   * How long a call may take, 1 ms to an hour. Default 30 s: room for a cloud's API, short against the time machines
   * take to start.
   */
  readonly timeout?: Duration.Input
  /** Bytes kept of what it writes, for the message of a failure, at most 1 MiB. Default 4 KiB of each stream. */
  readonly outputLimitBytes?: number
}

const defaultTimeout = Duration.seconds(30)
const defaultOutputBytes = 4096
/** Of what a failing command wrote, in a message; in characters. */
const mostSaid = 300

const optionNames: ReadonlySet<string> = new Set<keyof CommandHookOptions>([
  "run",
  "groups",
  "cwd",
  "env",
  "timeout",
  "outputLimitBytes"
])
const longestTimeoutMs = 3_600_000
const largestOutput = 1024 * 1024

/** The options within their bounds. Throws `OutOfBounds`, a `RangeError`. */
const checked = (options: CommandHookOptions) => {
  Bounds.fields("command options", options, optionNames)
  const { groups, outputLimitBytes = defaultOutputBytes, run, timeout = defaultTimeout } = options
  if (Array.isArray(run)) Bounds.words("run", run, Number.MAX_SAFE_INTEGER)
  else {
    Bounds.fields("run", run, new Set(["shell"]))
    Bounds.words("run.shell", [(run as { readonly shell: string }).shell], 1)
  }
  Bounds.words("cwd", [options.cwd], 1)
  Bounds.words(
    "env",
    Bounds.entries("env", options.env).map(([, value]) => value),
    Number.MAX_SAFE_INTEGER
  )
  if (groups !== undefined) Bounds.names("groups", groups, Number.MAX_SAFE_INTEGER)
  return {
    ...options,
    timeout: Duration.millis(Durations.duration("timeout", timeout, 1, longestTimeoutMs)),
    outputLimitBytes: Bounds.whole("outputLimitBytes", outputLimitBytes, 0, largestOutput)
  }
}

/** A NUL would end the value for the operating system. */
const plain = (text: string): string => text.replaceAll("\0", "\uFFFD").toWellFormed()

/** What a call is given. */
export const orderOf = (target: GroupTarget) => {
  const order = {
    group: target.group,
    desired: target.desired,
    current: target.current,
    reason: target.reason,
    decidedAt: new Date(target.decidedAt).toISOString()
  }
  return {
    stdin: `${JSON.stringify(order)}\n`,
    env: {
      SLUICE_SCALE_GROUP: plain(order.group),
      SLUICE_SCALE_DESIRED: String(order.desired),
      SLUICE_SCALE_CURRENT: String(order.current),
      SLUICE_SCALE_REASON: plain(order.reason),
      SLUICE_SCALE_DECIDED_AT: order.decidedAt
    }
  }
}

const decoder = new TextDecoder()

/** The end of what it wrote, errors first, on one line. */
const lastWords = ({ stderr, stdout }: ShellResult): string => {
  const said = decoder.decode(stderr.length > 0 ? stderr : stdout).trim()
  return said === "" ? "" : `: ${said.slice(-mostSaid).replaceAll(/\s+/g, " ")}`
}

/** Throws a `RangeError` for options that are none. */
export const make = (given: CommandHookOptions): Effect.Effect<Actuator, never, ProcessRunner | Scope.Scope> => {
  const options = checked(given)
  const { outputLimitBytes, timeout } = options
  return Effect.gen(function* () {
    const runner = yield* ProcessRunner
    const failed = (reason: ActuatorReason) => Effect.fail(new ActuatorError({ actuator: name, reason }))
    const command = (target: GroupTarget): ShellCommand => {
      const { env, stdin } = orderOf(target)
      return {
        command: "shell" in options.run ? ["/bin/sh", "-c", options.run.shell] : options.run,
        cwd: options.cwd,
        env: { ...options.env, ...env },
        umask: 0o077,
        stdin: new TextEncoder().encode(stdin)
      }
    }

    const carryOut = (target: GroupTarget) =>
      runner.run(command(target), { outputLimitBytes }).pipe(
        Effect.catchTag("ProcessError", ({ message, reason }) => {
          switch (reason._tag) {
            case "SpawnFailed":
            case "CommandLost":
              return failed(new ActuatorUnreachable({ message }))
            case "CommandNotExecutable":
              return failed(new ActuatorDenied({ message }))
            default:
              return failed(new ActuatorTargetMissing({ message }))
          }
        }),
        Effect.flatMap((result) => {
          if (result.exitCode === 0) return Effect.void
          const how =
            result.signal === null ? `ended with exit code ${result.exitCode}` : `was ended by ${result.signal}`
          return failed(new ActuatorFailed({ message: `the command ${how}${lastWords(result)}` }))
        }),
        Effect.timeoutOrElse({
          duration: timeout,
          orElse: () =>
            failed(
              new ActuatorTimedOut({
                message: `the command had not ended after ${Duration.format(timeout)} and was stopped`,
                afterMs: Duration.toMillis(timeout)
              })
            )
        })
      )

    const { place } = yield* ScaleRequests.make({ actuator: name, carryOut })
    const serves = (group: string) => options.groups === undefined || options.groups.includes(group)
    return {
      name,
      serves,
      apply: (targets) => place(targets.filter(({ group }) => serves(group))),
      capacity: Effect.succeed([]),
      startUp: Effect.succeed(undefined)
    }
  })
}

/** The actuator, besides those there are. Throws a `RangeError` for options that are none. */
export const layer = (options: CommandHookOptions): Layer.Layer<never, never, ProcessRunner> => {
  const made = make(options)
  return Layer.effect(
    Actuators,
    Effect.gen(function* () {
      const others = yield* Actuators
      return [...others, yield* made]
    })
  )
}

/** The process boundary of the command line: arguments, signals, broken pipes and the exit code. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { readFileSync } from "node:fs"
import { getSystemErrorMessage } from "node:util"
import * as Cli from "./Cli.ts"
import { ExitCode } from "./ExitCode.ts"
import { callersFolder, Invocation, splitArguments } from "./Invocation.ts"
import { makeReceiver, type Signal, Signals } from "./Signals.ts"
import * as Screen from "./terminal/Screen.ts"

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string
}

const argv = process.argv.slice(2)
const startedByNpm = process.env.npm_lifecycle_event === "start" && process.env.npm_package_name === "sluice"

const receiver = makeReceiver()
const fiber = Effect.runFork(
  Cli.run(version).pipe(
    Effect.provideService(Signals, receiver.signals),
    Effect.provideService(Invocation, {
      arguments: splitArguments(argv.length === 0 && startedByNpm ? ["demo"] : argv),
      env: process.env,
      cwd: callersFolder(process.env, process.cwd()),
      stdin: process.stdin,
      stdout: Screen.fromStream(process.stdout),
      stderr: Screen.fromStream(process.stderr)
    })
  )
)

const reasonOf = ({ errno, message }: NodeJS.ErrnoException) =>
  errno === undefined ? message : getSystemErrorMessage(errno)

/** npm passes Ctrl-C on to us, whom the terminal has told already: within this time two are one. */
const echoMillis = 300

let received = 0
let receivedAt = Number.NEGATIVE_INFINITY
/** What ended the command from outside; stronger than what the command answers. */
let ending: number | undefined
for (const signal of ["SIGINT", "SIGTERM"] as const satisfies ReadonlyArray<Signal>) {
  process.on(signal, () => {
    const isEcho = startedByNpm && performance.now() - receivedAt < echoMillis
    if (isEcho) return
    receivedAt = performance.now()
    received++
    const exitCode = signal === "SIGINT" ? ExitCode.interrupted : ExitCode.terminated
    if (received > 2) process.exit(exitCode)
    if (receiver.receive(signal)) return
    ending ??= exitCode
    fiber.interruptUnsafe()
  })
}

/**
 * A reader that has gone (`sluice job ls | head`) is nothing wrong, and nobody is left to tell. What else keeps output from being written (a
 * full disk, a closed terminal) ends the command as a signal does: jobs are handed back.
 */
for (const [name, stream] of [
  ["stdout", process.stdout],
  ["stderr", process.stderr]
] as const) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (ending === undefined && error.code !== "EPIPE") {
      process.stderr.write(`sluice: ${name} could not be written: ${reasonOf(error)}\n`)
    }
    ending ??= error.code === "EPIPE" ? ExitCode.ok : ExitCode.outputLost
    fiber.interruptUnsafe()
  })
}

const exit = await Effect.runPromise(Fiber.await(fiber))
process.exit(ending ?? (exit._tag === "Success" ? exit.value : ExitCode.failure))

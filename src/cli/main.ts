/** The process boundary of the command line: arguments, signals, broken pipes and the exit code. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { getSystemErrorMessage } from "node:util"
import { version } from "../files/Package.ts"
import * as Cli from "./Cli.ts"
import { ExitCode } from "./ExitCode.ts"
import { describe } from "./Failure.ts"
import { callersFolder, Invocation, splitArguments } from "./Invocation.ts"
import { endingOf, makeReceiver, type Signal, Signals } from "./Signals.ts"
import * as Sanitize from "./terminal/Sanitize.ts"
import * as Screen from "./terminal/Screen.ts"

const argv = process.argv.slice(2)
const startedByNpm = process.env.npm_lifecycle_event === "start" && process.env.npm_package_name === "sluice"

const stdout = Screen.fromStream(process.stdout)
const stderr = Screen.fromStream(process.stderr)

/**
 * What nobody foresaw ends the process with one line; the stack behind it, with text of others in it, is for
 * `--verbose`. No listener: a worker that sees one says nothing of whose exception it was.
 */
process.setUncaughtExceptionCaptureCallback((error) => {
  const stack = argv.includes("--verbose") && error instanceof Error ? `\n${error.stack}` : ""
  // Said last: who has taken the whole screen gives it back at the exit.
  process.on("exit", () => Effect.runFork(stderr.write(`sluice: ${Sanitize.line(describe(error).line)}${stack}\n`)))
  process.exit(ExitCode.failure)
})

/** The folder of this process may have been removed under it. */
const currentFolder = (): string => {
  try {
    return process.cwd()
  } catch {
    process.stderr.write("sluice: the folder you are in was removed; go to another one\n")
    process.exit(ExitCode.notFound)
  }
}

const receiver = makeReceiver()
const fiber = Effect.runFork(
  Cli.run(version).pipe(
    Effect.provideService(Signals, receiver.signals),
    Effect.provideService(Invocation, {
      arguments: splitArguments(argv.length === 0 && startedByNpm ? ["demo"] : argv),
      env: process.env,
      cwd: callersFolder(process.env, currentFolder()),
      stdin: process.stdin,
      stdout,
      stderr
    })
  )
)

const reasonOf = ({ errno, message }: NodeJS.ErrnoException) =>
  errno === undefined ? message : getSystemErrorMessage(errno)

/** npm passes Ctrl-C on to us, whom the terminal has told already: within this time two are one. */
const echoMillis = 300

let received = 0
/** How a command ends that the first signal ended. */
let signalled: ExitCode | undefined
let receivedAt = Number.NEGATIVE_INFINITY
/** What ended the command from outside; stronger than what the command answers. */
let ending: number | undefined
/**
 * Whether a terminal can hang up on us. Without one a SIGHUP is ignored: so it was meant by `nohup`, whose choice Node
 * undoes before any of our code runs, and which leaves no standard stream at the terminal.
 */
const hasTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY === true)

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const satisfies ReadonlyArray<Signal>) {
  process.on(signal, () => {
    if (signal === "SIGHUP" && !hasTerminal) return
    const isEcho = startedByNpm && performance.now() - receivedAt < echoMillis
    if (isEcho) return
    receivedAt = performance.now()
    received++
    const exitCode = ExitCode[endingOf(signal)]
    signalled ??= exitCode
    if (received > 2) process.exit(exitCode)
    if (receiver.receive(signal)) return
    ending ??= exitCode
    fiber.interruptUnsafe()
  })
}

/**
 * A reader that has gone (`sluice job ls | head`) is nothing wrong, and nobody is left to tell. A terminal that was
 * closed (EIO) says so by SIGHUP; a reader that Ctrl-C took away with us leaves the ending to the signal. What else
 * keeps output from being written, a full disk above all, ends the command as a signal does: jobs are handed back.
 */
for (const [name, stream] of [
  ["stdout", process.stdout],
  ["stderr", process.stderr]
] as const) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EIO" && stream.isTTY) return
    if (ending === undefined && error.code !== "EPIPE") {
      process.stderr.write(`sluice: ${name} could not be written: ${reasonOf(error)}\n`)
    }
    ending ??= error.code === "EPIPE" ? (signalled ?? ExitCode.ok) : ExitCode.outputLost
    fiber.interruptUnsafe()
  })
}

/** Who started this waits for it: so a command that nothing keeps awake any more is told as a fault of ours. */
export const ended: Promise<never> = Effect.runPromise(Fiber.await(fiber)).then((exit) =>
  process.exit(ending ?? (exit._tag === "Success" ? exit.value : ExitCode.failure))
)

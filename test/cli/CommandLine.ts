/** The command line called in-process: what it says on which stream, and how it ends. */
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { Readable } from "node:stream"
import * as Cli from "../../src/cli/Cli.ts"
import type { CommandGroup } from "../../src/cli/CommandTable.ts"
import { Invocation, splitArguments } from "../../src/cli/Invocation.ts"
import { makeReceiver, Signals } from "../../src/cli/Signals.ts"
import * as Screen from "../../src/cli/terminal/Screen.ts"

export interface Called {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Whole lines of stdout. */
  readonly lines: ReadonlyArray<string>
}

export interface CallOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: string | Buffer
  /** Whether stdout and stderr are a terminal with colours and motion. Default: no. */
  readonly terminal?: boolean
  /** Of the terminal; default 80. */
  readonly columns?: number
  /** Default: all there are. */
  readonly commands?: ReadonlyArray<CommandGroup>
}

export interface CommandLine {
  /** A folder of this test's own, gone afterwards; the state and config homes lie in it. */
  readonly folder: string
  readonly call: (args: ReadonlyArray<string>, options?: CallOptions) => Effect.Effect<Called>
  /** The lines of stdout as JSON; fails when the call does. */
  readonly json: (args: ReadonlyArray<string>, options?: CallOptions) => Effect.Effect<ReadonlyArray<any>>
}

/** Characters that no terminal may be sent as they are, newlines apart. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
export const control = /[\x00-\x09\x0b-\x1f\x7f\u202e]/

/** A folder that is removed with the scope. */
export const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "sluice-cli-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

export const make = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const surroundings = {
    PATH: process.env.PATH ?? "",
    HOME: folder,
    XDG_STATE_HOME: path.join(folder, "state"),
    XDG_CONFIG_HOME: path.join(folder, "config")
  }
  const call = (args: ReadonlyArray<string>, options: CallOptions = {}) =>
    Effect.gen(function* () {
      const chunks: Record<"stdout" | "stderr", Array<Buffer>> = { stdout: [], stderr: [] }
      const screen = (stream: "stdout" | "stderr") =>
        Screen.make({
          isTerminal: options.terminal ?? false,
          columns: () => options.columns ?? 80,
          rows: () => 24,
          send: (output) => Effect.sync(() => chunks[stream].push(Buffer.from(output as string)) > 0)
        })
      const code = yield* Cli.run("1.2.3", options.commands).pipe(
        Effect.provideService(Signals, makeReceiver().signals),
        Effect.provideService(Invocation, {
          arguments: splitArguments(args),
          env: { ...surroundings, ...options.env },
          cwd: options.cwd ?? folder,
          stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
          stdout: screen("stdout"),
          stderr: screen("stderr")
        })
      )
      const stdout = Buffer.concat(chunks.stdout).toString("utf8")
      return {
        code,
        stdout,
        stderr: Buffer.concat(chunks.stderr).toString("utf8"),
        lines: stdout.split("\n").slice(0, -1)
      }
    })
  const self: CommandLine = {
    folder,
    call,
    json: (args, options) =>
      Effect.map(call(args, options), ({ code, lines, stderr }) => {
        if (code !== 0) throw new Error(`sluice ${args.join(" ")} ended with ${code}: ${stderr}`)
        return lines.map((line) => JSON.parse(line))
      })
  }
  return self
})

/** `sluice top` called in-process, with a screen that is emulated and keys that a test presses. */
import { Effect, Fiber } from "effect"
import { PassThrough } from "node:stream"
import * as Cli from "../../../src/cli/Cli.ts"
import { Invocation } from "../../../src/cli/Invocation.ts"
import { makeReceiver, Signals } from "../../../src/cli/Signals.ts"
import { makeEmulatedScreen } from "../terminal/EmulatedScreen.ts"
import type { CommandLine } from "../CommandLine.ts"

export const startTop = (
  cli: CommandLine,
  options: {
    readonly store: string
    /** Default: 100ms. */
    readonly interval?: string
    readonly env?: Readonly<Record<string, string>>
    readonly columns?: number
    readonly rows?: number
  }
) =>
  Effect.gen(function* () {
    const terminal = makeEmulatedScreen({ columns: options.columns ?? 80, rows: options.rows ?? 24 })
    const raw: Array<boolean> = []
    const keyboard = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) })
    let said = ""
    const stderr = {
      ...terminal.screen,
      write: (text: string) =>
        Effect.sync(() => {
          said += text
        })
    }
    const fiber = yield* Effect.forkScoped(
      Cli.run("1.2.3").pipe(
        Effect.provideService(Signals, makeReceiver().signals),
        Effect.provideService(Invocation, {
          arguments: { words: ["top", "--interval", options.interval ?? "100ms"], inputs: undefined },
          env: { PATH: process.env.PATH, HOME: cli.folder, SLUICE_STORE: options.store, TERM: "xterm", ...options.env },
          cwd: cli.folder,
          stdin: keyboard,
          stdout: terminal.screen,
          stderr
        })
      )
    )
    return {
      terminal,
      /** Every setting of the keyboard's raw mode, in order. */
      raw,
      press: (keys: string) => Effect.sync(() => void keyboard.write(keys)),
      close: Effect.sync(() => void keyboard.end()),
      /** The exit code. */
      ended: Fiber.join(fiber),
      interrupt: Fiber.interrupt(fiber),
      said: () => said,
      /** Waits until a line of the screen is like that; fails by the test's time limit. */
      shows: (text: RegExp): Effect.Effect<void> =>
        Effect.suspend(function look(): Effect.Effect<void> {
          return terminal.shown().some((line) => text.test(line))
            ? Effect.void
            : Effect.andThen(Effect.sleep("10 millis"), Effect.suspend(look))
        })
    }
  })

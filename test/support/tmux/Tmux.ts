/** A real terminal for a test: a tmux server of its own with one pane, in which a shell runs. */
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import path from "node:path"
import { temporaryFolder } from "../../cli/CommandLine.ts"

export const hasTmux = spawnSync("tmux", ["-V"], { env: { PATH: process.env.PATH } }).status === 0

/** `env` is what the shell in the pane has. */
export const startTmux = (size: { columns: number; rows: number }, env: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const socket = path.join(folder, "tmux")
    const log = path.join(folder, "written")
    const tmux = (...args: ReadonlyArray<string>): string => {
      const { stderr, stdout } = spawnSync("tmux", ["-u", "-S", socket, "-f", "/dev/null", ...args], {
        // A shell that is ended would write its history into the folder while that is removed.
        env: { PATH: process.env.PATH, HOME: folder, HISTFILE: "", TERM: "xterm-256color", LANG: "C.UTF-8", ...env },
        encoding: "utf8"
      })
      if (stderr !== "") throw new Error(`tmux ${args.join(" ")}: ${stderr}`)
      return stdout
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        tmux("new-session", "-d", "-x", String(size.columns), "-y", String(size.rows), "bash --norc --noprofile")
        // Bytes that the program writes, before tmux makes a screen of them.
        tmux("pipe-pane", "-o", `exec cat > ${log}`)
      }),
      () =>
        Effect.sync(() => void spawnSync("tmux", ["-S", socket, "kill-server"], { env: { PATH: process.env.PATH } }))
    )
    const shown = () =>
      tmux("capture-pane", "-p")
        .split("\n")
        .map((line) => line.trimEnd())
    return {
      /** Text as it is typed. */
      type: (text: string) => Effect.sync(() => void tmux("send-keys", "-l", text)),
      /** Keys by tmux's names: `Enter`, `C-z`, `Up`. */
      press: (...keys: ReadonlyArray<string>) => Effect.sync(() => void tmux("send-keys", ...keys)),
      shown,
      /** With its colours, as control sequences. */
      painted: () => tmux("capture-pane", "-p", "-e"),
      /** Waits until a line of the screen is like that; fails by the test's time limit. */
      shows: (text: RegExp): Effect.Effect<void> =>
        Effect.suspend(function look(): Effect.Effect<void> {
          return shown().some((line) => text.test(line))
            ? Effect.void
            : Effect.andThen(Effect.sleep("50 millis"), Effect.suspend(look))
        }),
      is: (format: string) => tmux("display-message", "-p", format).trim(),
      resize: (columns: number, rows: number) =>
        Effect.sync(() => void tmux("resize-window", "-x", String(columns), "-y", String(rows))),
      /** Everything that was written to the terminal so far. */
      written: (): string => readFileSync(log, "utf8"),
      /** The terminal is closed under whatever runs in it. */
      close: Effect.sync(() => void tmux("kill-session"))
    }
  })

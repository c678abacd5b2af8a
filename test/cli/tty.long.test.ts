/** `--tty`: a command that has the terminal, under a real one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { hasTmux, startTmux } from "../support/tmux/Tmux.ts"
import * as CliProcess from "./CliProcess.ts"
import { temporaryFolder } from "./CommandLine.ts"
import { launcher } from "../support/cli/Launcher.ts"

const limit = { timeout: 120_000 }

const atTerminal = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const terminal = yield* startTmux(
    { columns: 120, rows: 30 },
    { XDG_STATE_HOME: path.join(folder, "state"), PS1: "$ " }
  )
  const enter = (text: string) => Effect.andThen(terminal.type(text), terminal.press("Enter"))
  yield* enter(`cd ${folder}; sluice() { ${process.execPath} ${launcher} "$@"; }; clear`)
  return { folder, ...terminal, enter, there: (name: string) => existsSync(path.join(folder, name)) }
})

describe.skipIf(!hasTmux)("--tty", () => {
  it.live(
    "gives the command of run the terminal, in the foreground, and takes it back as it was",
    () =>
      Effect.gen(function* () {
        const { enter, shows, shown } = yield* atTerminal
        const script =
          "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo three; set -- $(ps -o pgid= -o tpgid= $$); [ $1 = $2 ] && echo front; stty -echo; read n; echo got $n; exit 5"
        yield* enter(`stty -a > before; sluice run --tty -- sh -c '${script}'; echo ended $?; stty -a > after`)
        yield* shows(/^front$/)
        yield* enter("secret")
        yield* shows(/^ended 5$/)
        assert.deepStrictEqual(
          shown().filter((line) => /^(three|front|got secret|secret)$/.test(line)),
          ["three", "front", "got secret"]
        )
        yield* enter("cmp before after && echo same")
        yield* shows(/^same$/)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "leaves Ctrl-C to the command: one that goes on is waited for, one that ends by it ends run with 130",
    () =>
      Effect.gen(function* () {
        const { enter, folder, press, shows, shown } = yield* atTerminal
        const script = 'trap "echo caught" INT; echo begun; while [ ! -e go ]; do sleep 0.05; done'
        yield* enter(`sluice run --tty -- sh -c '${script}'; echo ended $?`)
        yield* shows(/^begun$/)
        yield* press("C-c")
        yield* shows(/caught$/)
        writeFileSync(path.join(folder, "go"), "")
        yield* shows(/^ended 0$/)
        yield* enter("clear; sluice run --tty -- sh -c 'echo begun; sleep 60'; echo ended $?")
        yield* shows(/^begun$/)
        yield* press("C-c")
        yield* shows(/ended 130$/)
        assert.isFalse(shown().some((line) => /told/.test(line)))
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "stops with the command at Ctrl-Z, and at fg the command has the terminal again",
    () =>
      Effect.gen(function* () {
        const { enter, press, shows } = yield* atTerminal
        yield* enter(`sluice run --tty -- sh -c 'echo begun; read n; echo got $n'; echo ended $?`)
        yield* shows(/^begun$/)
        yield* press("C-z")
        yield* shows(/Stopped/)
        yield* enter("echo at my $((6 * 7))")
        yield* shows(/^at my 42$/)
        yield* enter("fg")
        yield* enter("typed")
        yield* shows(/^got typed$/)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "gives map's commands the terminal one after the other, until Ctrl-C",
    () =>
      Effect.gen(function* () {
        const { enter, folder, press, shows } = yield* atTerminal
        const script = "echo at $0; read n; echo $0 $n >> answers"
        yield* enter(`sluice map --tty -- sh -c '${script}' {} ::: a b c; echo ended $?`)
        yield* shows(/^at a$/)
        yield* enter("1")
        yield* shows(/^at b$/)
        yield* enter("2")
        yield* shows(/^at c$/)
        yield* press("C-c")
        yield* shows(/ended 130$/)
        assert.strictEqual(readFileSync(path.join(folder, "answers"), "utf8"), "a 1\nb 2\n")
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "ends the command when Sluice is killed",
    () =>
      Effect.gen(function* () {
        const { enter, folder, shows, there } = yield* atTerminal
        yield* enter(
          "sluice run --tty -- sh -c 'trap \"touch ended; exit\" TERM HUP; echo $PPID; touch begun; while :; do sleep 0.05; done'"
        )
        yield* CliProcess.until(() => there("begun"))
        yield* shows(/^\d+$/)
        const [job] = JSON.parse(
          `[${(yield* CliProcess.run(folder, ["job", "ls", "--json", "--state", "running"], { env: { XDG_STATE_HOME: path.join(folder, "state") } })).stdout.trim().split("\n").join(",")}]`
        )
        assert.isDefined(job)
        const workers = yield* CliProcess.run(folder, ["worker", "ls", "--json"])
        const [worker] = workers.stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line))
        process.kill(worker.pid, "SIGKILL")
        yield* CliProcess.until(() => there("ended"))
      }).pipe(Effect.scoped),
    limit
  )
})

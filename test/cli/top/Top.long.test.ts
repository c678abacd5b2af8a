/**
 * `sluice top` on a real terminal (tmux), over a store with ten thousand jobs and a thousand events a second: what it
 * writes, what its keys do, and how it leaves the terminal, however it ends.
 *
 * Reduced: 5 s of counting instead of 20 s. Without tmux it is named as not run, and fails with `CI=true`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { hasTmux, startTmux } from "../../support/tmux/Tmux.ts"
import * as CommandLine from "../CommandLine.ts"
import { launcher } from "../../support/cli/Launcher.ts"

const countingMs = process.env.SLUICE_LONG === "reduced" ? 5000 : 20_000
const mostBytesPerSecond = 20_000

const load = fileURLToPath(new URL("TopLoad.ts", import.meta.url))

/** A store under load, and the shell of a terminal that may look at it. */
const busyStore = (size: { readonly columns: number; readonly rows: number }, finished = 0) =>
  Effect.gen(function* () {
    assert(hasTmux, "not run: needs tmux")
    const cli = yield* CommandLine.make
    const store = path.join(cli.folder, "queue.db")
    const worker = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [load, store, String(finished)], {
          env: { PATH: process.env.PATH, HOME: cli.folder, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE },
          stdio: ["ignore", "pipe", "inherit"]
        })
      ),
      (child) =>
        Effect.promise(async () => {
          const ended = once(child, "exit")
          child.kill("SIGKILL")
          await ended
        })
    )
    const failed = yield* Effect.callback<string>((resume) => {
      let said = ""
      // It logs, so it is read to its end.
      worker.stdout.on("data", (chunk) => {
        if (said.length < 10_000) said += chunk
        const ready = /^ready (\S+)$/m.exec(said)
        if (ready !== null) resume(Effect.succeed(ready[1]!))
      })
      worker.once("exit", () => resume(Effect.die(new Error(`the load ended: ${said}`))))
    })
    const tmux = yield* startTmux(size, { PS1: "$ ", SLUICE_STORE: store, XDG_STATE_HOME: cli.folder })
    const env = { SLUICE_STORE: store }
    const run = `${process.execPath} ${launcher} top --interval 100ms`
    return {
      tmux,
      failed,
      /** Starts it from the shell, or `command`, and waits until it shows the store. */
      start: (command = run) =>
        tmux
          .type(`${command}; echo ended $?`)
          .pipe(Effect.andThen(tmux.press("Enter")), Effect.andThen(tmux.shows(/\d running .* waiting/))),
      run,
      pid: Effect.sync(() => {
        // The newest process of the pane: the shell's child.
        const shell = tmux.is("#{pane_pid}")
        const children = readFileSync(`/proc/${shell}/task/${shell}/children`, "utf8").trim().split(" ")
        return Number(children.at(-1))
      }),
      jobs: (...filter: ReadonlyArray<string>) => cli.json(["job", "ls", "--json", ...filter], { env }),
      state: (id: string) =>
        Effect.map(cli.json(["job", "get", id, "--json"], { env }), ([job]) => job.state as string),
      paused: Effect.map(cli.json(["queue", "status", "--json"], { env }), ([status]) =>
        (status.groups as ReadonlyArray<{ name: string; paused: boolean }>)
          .filter((group) => group.paused)
          .map(({ name }) => name)
      )
    }
  })

const isTaken = (tmux: { readonly is: (format: string) => string }) => tmux.is("#{alternate_on}") === "1"

const paintsIn = (written: string): number => written.split("\x1b[2J").length - 1

describe.skipIf(!hasTmux && process.env.CI !== "true")(
  "sluice top on a terminal (not run: needs tmux, where skipped)",
  () => {
    for (const size of [
      { columns: 80, rows: 24 },
      { columns: 40, rows: 10 }
    ]) {
      it.live(
        `of ${size.columns} × ${size.rows} writes little, paints whole only for a new size, and its keys act`,
        () =>
          Effect.gen(function* () {
            const { failed, jobs, paused, start, state, tmux } = yield* busyStore(size)
            yield* start()
            yield* tmux.shows(/\d+ % pass|\d+ %…|running .* \d+ /)
            assert.isTrue(isTaken(tmux))
            const before = tmux.written()
            yield* Effect.sleep(countingMs)
            const after = tmux.written()
            const perSecond = Math.round((Buffer.byteLength(after) - Buffer.byteLength(before)) / (countingMs / 1000))
            console.log(`${size.columns} × ${size.rows}: ${perSecond} bytes/s, ${paintsIn(after)} whole paints`)
            assert.isAbove(perSecond, 0)
            assert.isAtMost(perSecond, mostBytesPerSecond)
            assert.strictEqual(paintsIn(after), 1)
            for (const line of tmux.shown()) assert.isBelow(line.length, size.columns)

            // Cancel a waiting job, found by its file: asked, said no, said yes.
            const [waiting] = (yield* jobs(
              "--state",
              "pending",
              "--oldest",
              "--limit",
              "30",
              "--task",
              "encode"
            )).slice(-1)
            yield* tmux.type(`/${waiting.id}`)
            yield* tmux.press("Enter")
            yield* tmux.shows(/^▸ .*pending/)
            yield* tmux.type("cn")
            yield* tmux.shows(/not cancelled/)
            assert.strictEqual(yield* state(waiting.id), "pending")
            yield* tmux.type("cy")
            yield* tmux.shows(/^cancelled/)
            assert.strictEqual(yield* state(waiting.id), "cancelled")
            // The filter goes, the list is back.
            yield* tmux.press("Escape")
            yield* tmux.shows(/^▸ .*running/)

            // Retry the failed one: it fails once more, with a further attempt.
            yield* tmux.type("/nothing of the kind")
            yield* tmux.shows(/no job holds this text|more that were not read/)
            yield* tmux.press("Escape")
            yield* tmux.shows(/^▸ .*running/)
            yield* tmux.type(`/${failed}`)
            yield* tmux.press("Enter")
            yield* tmux.shows(/^▸ .*failed/)
            const [{ finishedAt }] = yield* jobs("--state", "failed")
            yield* tmux.type("r")
            yield* tmux.shows(/^queued again/)
            for (;;) {
              const [again] = yield* jobs("--state", "failed")
              if (again !== undefined && again.finishedAt !== finishedAt) break
              yield* Effect.sleep("50 millis")
            }
            yield* tmux.press("Escape")
            yield* tmux.shows(/^▸ .*running/)

            // Pause and resume: the group of the chosen job, then one of the groups' pane.
            yield* tmux.type("p")
            yield* tmux.shows(/^paused computation/)
            assert.deepStrictEqual(yield* paused, ["computation"])
            yield* tmux.type("p")
            yield* tmux.shows(/^resumed computation/)
            assert.deepStrictEqual(yield* paused, [])
            yield* tmux.press("BTab")
            yield* tmux.shows(/^▸ \w+ +[\d,]+ +\d+\//)
            yield* tmux.type("p")
            yield* tmux.shows(/^paused \w/)
            assert.strictEqual((yield* paused).length, 1)
            yield* tmux.type("p")
            yield* tmux.shows(/^resumed \w/)
            assert.deepStrictEqual(yield* paused, [])

            // Follow: the log as it is written; q goes back.
            yield* tmux.press("Tab", "Home", "Enter")
            yield* tmux.shows(/^frame \d+ of/)
            const frame = () =>
              Number(
                /^frame (\d+) of/m.exec(
                  tmux
                    .shown()
                    .filter((line) => line.startsWith("frame"))
                    .at(-1) ?? ""
                )?.[1]
              )
            const first = frame()
            while (!(frame() > first + 10)) yield* Effect.sleep("50 millis")
            yield* tmux.type("q")
            yield* tmux.shows(/^▸ /)

            // Sort, help, arrows in pieces.
            yield* tmux.type("s")
            yield* tmux.shows(/^jobs by longest/)
            yield* tmux.type("?")
            yield* tmux.shows(/^Ctrl-Z|^c +cancel/)
            yield* tmux.type("?")
            yield* tmux.shows(/^▸ /)

            // Another size is painted whole, once.
            const paints = paintsIn(tmux.written())
            yield* tmux.resize(size.columns + 20, size.rows + 5)
            yield* tmux.shows(new RegExp(`running.{${size.columns - 10},}worker$`))
            assert.strictEqual(paints, 1)
            assert.strictEqual(paintsIn(tmux.written()), 2)

            yield* tmux.type("q")
            yield* tmux.shows(/^ended 0$/)
            assert.isFalse(isTaken(tmux))
          }).pipe(Effect.scoped)
      )
    }

    it.live("leaves the terminal as it was: after q, signals, a crash, and while Ctrl-Z has stopped it", () =>
      Effect.gen(function* () {
        const { pid, run, start, tmux } = yield* busyStore({ columns: 80, rows: 24 })
        let asked = 0
        const settings = Effect.gen(function* () {
          asked++
          yield* tmux.type(`clear; stty -a; echo told ${asked}`)
          yield* tmux.press("Enter")
          yield* tmux.shows(new RegExp(`^told ${asked}$`))
          return tmux.shown().filter((line) => /[;-]/.test(line) && !line.startsWith("$"))
        })
        const isAsBefore = (how: string) =>
          Effect.gen(function* () {
            assert.strictEqual(tmux.is("#{alternate_on} #{cursor_flag}"), "0 1", how)
            assert.deepStrictEqual(yield* settings, before, how)
          })
        const before = yield* settings

        for (const [how, code, end] of [
          ["q", 0, tmux.type("q")],
          ["Ctrl-C", 130, tmux.press("C-c")],
          ["SIGINT", 130, Effect.map(pid, (pid) => process.kill(pid, "SIGINT"))],
          ["SIGTERM", 143, Effect.map(pid, (pid) => process.kill(pid, "SIGTERM"))],
          ["SIGHUP", 129, Effect.map(pid, (pid) => process.kill(pid, "SIGHUP"))]
        ] as const) {
          yield* start()
          assert.isTrue(isTaken(tmux), how)
          yield* end
          yield* tmux.shows(new RegExp(`^ended ${code}$`))
          yield* isAsBefore(how)
        }

        // An exception that nobody foresaw: the terminal first, then the line.
        const bomb = "data:text/javascript,process.on('SIGUSR2',()=>{throw%20new%20Error('boom')})"
        yield* start(`NODE_OPTIONS="--import ${bomb}" ${run}`)
        assert.isTrue(isTaken(tmux))
        process.kill(yield* pid, "SIGUSR2")
        yield* tmux.shows(/^ended 1$/)
        assert.include(tmux.shown(), "sluice: boom")
        yield* isAsBefore("a crash")

        // Ctrl-Z, twice; and a stop by others, who send SIGTSTP.
        yield* start()
        for (const how of ["Ctrl-Z", "Ctrl-Z again", "SIGTSTP"]) {
          const stopped = yield* pid
          if (how === "SIGTSTP") process.kill(stopped, "SIGTSTP")
          else yield* tmux.press("C-z")
          yield* tmux.shows(/Stopped/)
          yield* isAsBefore(how)
          const paints = paintsIn(tmux.written())
          yield* tmux.type("fg")
          yield* tmux.press("Enter")
          yield* tmux.shows(/\d running .* waiting/)
          assert.isTrue(isTaken(tmux), how)
          assert.isAbove(paintsIn(tmux.written()), paints, how)
        }
        yield* tmux.type("q")
        while (isTaken(tmux)) yield* Effect.sleep("50 millis")
        yield* isAsBefore("q after fg")
      }).pipe(Effect.scoped)
    )

    it.live("ends when its terminal is closed", () =>
      Effect.gen(function* () {
        const { pid, start, tmux } = yield* busyStore({ columns: 80, rows: 24 })
        yield* start()
        const top = yield* pid
        yield* tmux.close
        const isThere = () => {
          try {
            return process.kill(top, 0)
          } catch {
            return false
          }
        }
        while (isThere()) yield* Effect.sleep("50 millis")
      }).pipe(Effect.scoped, Effect.timeout("60 seconds"))
    )
  }
)

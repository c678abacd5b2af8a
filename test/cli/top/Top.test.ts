import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import path from "node:path"
import type { Hostility } from "../../support/hostile/HostileStore.ts"
import { canaryIn, hostileCopy, makeStore } from "../../support/hostile/HostileRun.ts"
import { existsSync } from "node:fs"
import * as CommandLine from "../CommandLine.ts"
import { startTop } from "./TopRun.ts"

/** A store with waiting jobs of two groups and one that failed. */
const filled = Effect.gen(function* () {
  const cli = yield* CommandLine.make
  const stores = yield* makeStore(cli)
  const state = (id: string) =>
    Effect.map(
      cli.json(["job", "get", id, "--json"], { env: { SLUICE_STORE: stores.file } }),
      ([job]) => job.state as string
    )
  const paused = Effect.map(
    cli.json(["queue", "status", "--json"], { env: { SLUICE_STORE: stores.file } }),
    ([status]) =>
      (status.groups as ReadonlyArray<{ name: string; paused: boolean }>)
        .filter((group) => group.paused)
        .map(({ name }) => name)
  )
  return { cli, ...stores, state, paused }
})

describe("sluice top", () => {
  it.live("shows the store, and each key does to it what it says", () =>
    Effect.gen(function* () {
      const { cli, failed, file, job, paused, state } = yield* filled
      const top = yield* startTop(cli, { store: file })
      yield* top.shows(new RegExp(`${failed} +failed`))
      yield* top.shows(/no worker/)
      assert.deepStrictEqual(top.raw, [true])
      assert.isTrue(top.terminal.isAlternate())
      assert.isFalse(top.terminal.isCursorShown())

      // Tried again: the last of the list.
      yield* top.press("\x1b[F")
      yield* top.shows(new RegExp(`▸ ${failed}`))
      yield* top.press("r")
      yield* top.shows(new RegExp(`queued again ${failed}`))
      assert.strictEqual(yield* state(failed), "pending")

      // Asked, and said no; asked, and said yes.
      yield* top.press(`/${job}\r`)
      yield* top.shows(new RegExp(`▸ ${job}`))
      yield* top.press("c")
      yield* top.shows(new RegExp(`cancel ${job}\\? y or n`))
      yield* top.press("n")
      yield* top.shows(/not cancelled/)
      assert.strictEqual(yield* state(job), "scheduled")
      yield* top.press("cy")
      yield* top.shows(new RegExp(`cancelled ${job}`))
      assert.strictEqual(yield* state(job), "cancelled")

      // What the store refuses is told.
      yield* top.press("\x1b")
      yield* top.shows(/▸ \w{11} /)

      // Groups: the chosen one is resumed, and paused again.
      assert.deepStrictEqual(yield* paused, ["filesystem"])
      yield* top.press("\x1b[Z")
      yield* top.press("/filesystem\r")
      yield* top.shows(/▸ \w{11} +pending .* filesystem/)
      yield* top.press("p")
      yield* top.shows(/resumed filesystem/)
      assert.deepStrictEqual(yield* paused, [])
      yield* top.press("p")
      yield* top.shows(/paused filesystem; what runs goes on/)
      assert.deepStrictEqual(yield* paused, ["filesystem"])

      yield* top.press("q")
      assert.strictEqual(yield* top.ended, 0)
      assert.isFalse(top.terminal.isAlternate())
      assert.isTrue(top.terminal.isCursorShown())
      assert.deepStrictEqual(top.raw, [true, false])
      assert.strictEqual(top.said(), "")
    }).pipe(Effect.scoped)
  )

  it.live("follows a job: what it wrote, until q goes back", () =>
    Effect.gen(function* () {
      const { cli, failed, file } = yield* filled
      const top = yield* startTop(cli, { store: file })
      yield* top.press(`/${failed}\r`)
      yield* top.shows(new RegExp(`▸ ${failed}`))
      yield* top.press("\r")
      yield* top.shows(new RegExp(`^${failed}  failed for`))
      yield* top.shows(/^out$/)
      yield* top.shows(/^err$/)
      yield* top.press("r")
      yield* top.shows(new RegExp(`^${failed}  pending for`))
      // It is no longer one that failed: the store refuses, and the screen says why.
      yield* top.press("r")
      yield* top.shows(/only|pending|state/)
      yield* top.press("q")
      yield* top.shows(/^ {2}job +state/)
      yield* top.press("q")
      assert.strictEqual(yield* top.ended, 0)
    }).pipe(Effect.scoped)
  )

  it.live("writes nothing while nothing changes but the clock", () =>
    Effect.gen(function* () {
      const { cli, file } = yield* filled
      const top = yield* startTop(cli, { store: file, interval: "10s" })
      yield* top.shows(/no worker/)
      const before = top.terminal.bytes()
      yield* Effect.sleep("500 millis")
      assert.strictEqual(top.terminal.bytes(), before)
      assert.strictEqual(top.terminal.paints(), 1)
      yield* top.press("q")
      yield* top.ended
    }).pipe(Effect.scoped)
  )

  it.live("gives the terminal back when it is interrupted, by Ctrl-C, and when nobody can press a key any more", () =>
    Effect.gen(function* () {
      const { cli, file } = yield* filled
      for (const [how, code] of [
        ["interrupt", undefined],
        ["Ctrl-C", 130],
        ["closed", 129]
      ] as const) {
        const top = yield* startTop(cli, { store: file })
        yield* top.shows(/no worker/)
        if (how === "interrupt") yield* top.interrupt
        else {
          yield* how === "closed" ? top.close : top.press("\x03")
          assert.strictEqual(yield* top.ended, code)
        }
        assert.isFalse(top.terminal.isAlternate(), how)
        assert.isTrue(top.terminal.isCursorShown(), how)
        assert.deepStrictEqual(top.raw, [true, false], how)
      }
    }).pipe(Effect.scoped)
  )

  it.live("refuses what is no terminal, a dumb one, and --json, in one line that says what is for programs", () =>
    Effect.gen(function* () {
      const cli = yield* CommandLine.make
      const file = path.join(cli.folder, "none.db")
      for (const [args, env] of [
        [[], {}],
        [["--json"], {}]
      ] as const) {
        const { code, stderr, stdout } = yield* cli.call(["top", ...args, "--store", file], { env })
        assert.strictEqual(code, 2)
        assert.strictEqual(stdout, "")
        assert.match(stderr, /^sluice: [^\n]*sluice queue status --json, sluice job watch JOB --json\n$/)
      }
      const dumb = yield* startTop(cli, { store: file, env: { TERM: "dumb" } })
      assert.strictEqual(yield* dumb.ended, 2)
      assert.match(dumb.said(), /^sluice: top needs a terminal/)
      const fast = yield* startTop(cli, { store: file, interval: "10ms" })
      assert.strictEqual(yield* fast.ended, 2)
      assert.match(fast.said(), /^sluice: --interval is 10ms; expected at least 100ms\n$/)
      const missing = yield* startTop(cli, { store: file })
      assert.strictEqual(yield* missing.ended, 5)
      assert.match(missing.said(), /^sluice: no store at /)
      for (const { terminal } of [dumb, fast, missing]) assert.strictEqual(terminal.bytes(), 0)
    }).pipe(Effect.scoped)
  )

  for (const how of ["words", "texts"] satisfies ReadonlyArray<Hostility>)
    it.live(`of a store with hostile ${how} shows them safely in every pane`, () =>
      Effect.gen(function* () {
        const cli = yield* CommandLine.make
        const stores = yield* makeStore(cli)
        const top = yield* startTop(cli, { store: hostileCopy(stores, how, cli.folder) })
        yield* top.shows(/waiting|sluice|job/)
        // The emulated screen fails with whatever is no sequence of ours.
        for (const key of [
          "j",
          "j",
          "\r",
          "q",
          "\t",
          "j",
          "p",
          "p",
          "\t",
          "s",
          "c",
          "y",
          "r",
          "/x\r",
          "\x1b",
          "?",
          "?"
        ]) {
          yield* top.press(key)
          yield* Effect.sleep("120 millis")
        }
        yield* top.press("qq")
        assert.include([0, 5], yield* top.ended)
        assert.isFalse(top.terminal.isAlternate())
        assert.isFalse(existsSync(canaryIn(cli.folder)))
      }).pipe(Effect.scoped)
    )
})

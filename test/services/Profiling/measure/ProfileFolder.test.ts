import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { NotOwn } from "../../../../src/files/Ownership.ts"
import { type ProfileAnswer, ProfileFolder } from "../../../../src/services/Profiling/measure/ProfileFolder.ts"
import type { RecordedProfile } from "../../../../src/services/Queue/PerformanceProfiler.ts"
import { outside, plants } from "../../../support/files/Strangers.ts"

const parent = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "profiles-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const answer: ProfileAnswer = { profile: null, problem: null, figures: null }
const request = (id: string) => ({ id, action: "figures", forMs: null, job: null }) as const
const profile = (id: string) =>
  ({ report: { id }, cpuProfile: "cpu", heapProfile: "heap" }) as unknown as RecordedProfile

const hostile = ["../../victim", "..", ".", "", "a/b", "/tmp/victim", "a\0b", "a\nb", "ü", "x".repeat(101), "a.b"]

describe("ids of requests and profiles", () => {
  it.effect("stay in the folder in both directions", () =>
    Effect.gen(function* () {
      const at = yield* parent
      writeFileSync(path.join(at, "victim.json"), "precious")
      const files = new ProfileFolder(path.join(at, "q.db.profiles"))
      files.request(1, request("fine-1"))
      const names = () => readdirSync(at, { recursive: true, encoding: "utf8" }).sort()
      const before = names()
      for (const id of hostile) {
        writeFileSync(path.join(at, "q.db.profiles/requests/7.json"), JSON.stringify(request(id)), { mode: 0o600 })
        assert.throws(() => files.takeRequest(7), undefined, undefined, id)
        assert.throws(() => files.answer(id, answer), undefined, undefined, id)
        assert.throws(() => files.takeAnswer(id), undefined, undefined, id)
        assert.throws(() => files.saveBaseline(id, "text"), undefined, undefined, id)
        files.remove(id)
        files.removeBaseline(id)
        assert.isUndefined(files.text(id, "report"))
        assert.isUndefined(files.baseline(id))
      }
      // The row of a worker may say anything of its process.
      for (const pid of [0, -1, 1.5, Number.NaN, "../../victim" as unknown as number])
        for (const use of [() => files.request(pid, request("x")), () => files.takeRequest(pid)]) assert.throws(use)
      assert.deepStrictEqual(names(), before)
    })
  )

  it.effect("that are ids come back", () =>
    Effect.gen(function* () {
      const files = new ProfileFolder(path.join(yield* parent, "q.db.profiles"))
      files.request(7, request("1700-12-7"))
      assert.deepStrictEqual(files.takeRequest(7), request("1700-12-7"))
      assert.isUndefined(files.takeRequest(7))
      files.answer("1700-12-7", answer)
      assert.deepStrictEqual(files.takeAnswer("1700-12-7"), answer)
      files.save(profile("one"))
      files.save(profile("two"))
      writeFileSync(path.join(files.folder, "x\u001b[2J.report.json"), "{}")
      assert.deepStrictEqual(files.ids(), ["two", "one"])
      files.mark({ at: 1, text: "deploy" })
      assert.deepStrictEqual(files.marks(), [{ at: 1, text: "deploy" }])
      for (const name of readdirSync(files.folder, { recursive: true, encoding: "utf8" })) {
        if (name.startsWith("x")) continue
        const stats = lstatSync(path.join(files.folder, name))
        assert.strictEqual((stats.mode & 0o777).toString(8), stats.isDirectory() ? "700" : "600", name)
      }
    })
  )
})

describe("a folder of profiles that is not one's own is not used", () => {
  const uses: Readonly<Record<string, (files: ProfileFolder) => unknown>> = {
    ids: (files) => files.ids(),
    save: (files) => files.save(profile("one")),
    text: (files) => files.text("one", "report"),
    remove: (files) => files.remove("one"),
    mark: (files) => files.mark({ at: 1, text: "x" }),
    marks: (files) => files.marks(),
    baselines: (files) => files.baselines(),
    saveBaseline: (files) => files.saveBaseline("one", "{}"),
    baseline: (files) => files.baseline("one"),
    removeBaseline: (files) => files.removeBaseline("one"),
    request: (files) => files.request(7, request("one")),
    withdraw: (files) => files.withdraw(7),
    answer: (files) => files.answer("one", answer)
  }
  for (const [what, plant] of Object.entries(plants)) {
    if (what === "a folder") continue
    it.effect(`when ${what} is in its place, or in that of a folder or file in it`, () =>
      Effect.gen(function* () {
        const away = yield* outside
        const at = yield* parent
        const folder = path.join(at, "q.db.profiles")
        plant(folder, away)
        const state = away.state()
        for (const [name, use] of Object.entries(uses))
          assert.throws(() => use(new ProfileFolder(folder)), NotOwn, undefined, name)
        rmSync(folder, { recursive: true })
        mkdirSync(folder, { mode: 0o700 })
        for (const inner of ["requests", "answers", "baselines"]) plant(path.join(folder, inner), away)
        for (const name of ["saveBaseline", "baselines", "baseline", "removeBaseline", "request", "withdraw", "answer"])
          assert.throws(() => uses[name]!(new ProfileFolder(folder)), NotOwn, undefined, name)
        for (const inner of ["requests", "answers", "baselines"]) rmSync(path.join(folder, inner), { recursive: true })
        mkdirSync(path.join(folder, "requests"), { mode: 0o700 })
        for (const name of ["marks.ndjson", "one.report.json", "one.cpuprofile", "requests/7.json"])
          plant(path.join(folder, name), away)
        for (const name of ["mark", "marks", "save", "text", "request"])
          assert.throws(() => uses[name]!(new ProfileFolder(folder)), undefined, undefined, name)
        assert.throws(() => new ProfileFolder(folder).takeRequest(7))
        assert.strictEqual(away.state(), state)
        assert.strictEqual(away.connections(), 0)
        assert.isFalse(existsSync(away.nothing))
      })
    )
  }

  it.effect("when others may write it", () =>
    Effect.gen(function* () {
      const folder = path.join(yield* parent, "q.db.profiles")
      mkdirSync(folder)
      chmodSync(folder, 0o777)
      for (const [name, use] of Object.entries(uses))
        assert.throws(() => use(new ProfileFolder(folder)), NotOwn, /may be written by others/, name)
      assert.deepStrictEqual(readdirSync(folder), [])
    })
  )
})

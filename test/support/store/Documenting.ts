import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Wake } from "../../../src/services/Store/JobStore.ts"
import type { StoreTest } from "./StoreDriver.ts"

export const clauses = (test: StoreTest): void => {
  test("a document is replaced whole, found and listed by its kind and key, and goes when told to", ({ store }) =>
    Effect.gen(function* () {
      const first = yield* store.documents.put("rule", "b", "1", { now: 10 })
      const second = yield* store.documents.put("rule", "a", "2", { now: 20 })
      const third = yield* store.documents.put("rule", "b", "3", { now: 30 })
      yield* store.documents.put("other", "a", "4", { now: 40 })
      assert.isTrue(first! > 0 && second! > first! && third! > second!)
      assert.deepStrictEqual(yield* store.documents.all("rule"), [
        { key: "a", text: "2", version: second!, at: 20 },
        { key: "b", text: "3", version: third!, at: 30 }
      ])
      assert.deepStrictEqual(yield* store.documents.get("rule", "b"), { key: "b", text: "3", version: third!, at: 30 })
      assert.isUndefined(yield* store.documents.get("other", "b"), "of another kind")
      assert.strictEqual(yield* store.documents.put("rule", "a", undefined, { now: 50 }), 0)
      assert.isUndefined(yield* store.documents.get("rule", "a"))
      assert.deepStrictEqual(
        (yield* store.documents.all("rule")).map(({ key }) => key),
        ["b"]
      )
      assert.deepStrictEqual(yield* store.documents.all("none"), [])
    }))

  test("a document with a version is written only by whoever saw the last one", ({ store }) =>
    Effect.gen(function* () {
      const made = yield* store.documents.put("state", "a", "1", { now: 0, version: 0 })
      assert.isUndefined(yield* store.documents.put("state", "a", "2", { now: 0, version: 0 }))
      const moved = yield* store.documents.put("state", "a", "3", { now: 0, version: made! })
      assert.isUndefined(yield* store.documents.put("state", "a", "4", { now: 0, version: made! }))
      assert.isUndefined(yield* store.documents.put("state", "a", undefined, { now: 0, version: made! }))
      assert.strictEqual((yield* store.documents.all("state"))[0]!.text, "3")
      yield* store.documents.put("state", "a", undefined, { now: 0, version: moved! })
      yield* store.documents.put("state", "a", "5", { now: 0, version: 0 })
      assert.isUndefined(
        yield* store.documents.put("state", "a", "6", { now: 0, version: made! }),
        "a version never comes again"
      )
    }))

  test("a document that changes wakes those who look at settings", (driver) =>
    Effect.gen(function* () {
      const heard: Array<Wake> = []
      yield* driver.store.jobs.onWake((wake) => heard.push(wake))
      yield* driver.store.documents.put("state", "a", "1", { now: 0 })
      yield* driver.hears(heard, "control")
    }).pipe(Effect.scoped))

  test("a journal is read newest first, page by page, of one key or of all, and keeps its newest of each key", ({
    store
  }) =>
    Effect.gen(function* () {
      const append = (key: string, texts: ReadonlyArray<string>, now: number) =>
        store.documents.append(
          "decision",
          texts.map((text) => ({ key, text })),
          { now, keep: 3 }
        )
      yield* append("a", ["1", "2"], 10)
      yield* append("b", ["3"], 20)
      yield* append("a", ["4", "5"], 30)
      yield* store.documents.append("other", [{ key: "a", text: "6" }], { now: 40, keep: 1 })
      const all = yield* store.documents.journal("decision", { limit: 10 })
      assert.deepStrictEqual(
        all.map(({ at, key, text }) => [key, at, text]),
        [
          ["a", 30, "5"],
          ["a", 30, "4"],
          ["b", 20, "3"],
          ["a", 10, "2"]
        ]
      )
      const page = yield* store.documents.journal("decision", { key: "a", limit: 2 })
      assert.deepStrictEqual(
        page.map(({ text }) => text),
        ["5", "4"]
      )
      const rest = yield* store.documents.journal("decision", { key: "a", before: page[1]!.seq, limit: 2 })
      assert.deepStrictEqual(
        rest.map(({ text }) => text),
        ["2"]
      )
    }))
}

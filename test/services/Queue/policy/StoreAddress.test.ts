import { assert, describe, it } from "@effect/vitest"
import { labelOf } from "../../../../src/services/Queue/policy/StoreAddress.ts"

describe("what a store's address shows to people", () => {
  it("is where it is, never who connects nor with what", () => {
    for (const [address, label] of [
      ["memory:", "memory:"],
      ["/home/ada/queue.db", "/home/ada/queue.db"],
      ["postgres://db.example/jobs", "postgres://db.example/jobs"],
      [
        "postgres://ada:hush@db.example:5432/jobs?sslmode=require&password=hush#hush",
        "postgres://db.example:5432/jobs"
      ],
      ["redis://:hu@sh@cache/0", "redis://cache/0"],
      ["rediss://hush@[::1]:6379", "rediss://[::1]:6379"]
    ] as const)
      assert.strictEqual(labelOf(address), label)
  })

  it("holds nothing of a password that was not escaped", () => {
    for (const password of [
      "hu/sh",
      "hu?sh",
      "hu#sh",
      "hu@sh",
      "hu:sh",
      "hush/",
      "1234/hush",
      "hu sh",
      "hu%sh",
      "é/hush"
    ])
      for (const user of ["ada", "", "ada@corp", "1"]) {
        const label = labelOf(`postgres://${user}:${password}@db.example/jobs`)
        assert.notInclude(label, "hu", password)
        assert.notInclude(label, "1234", password)
        assert.notInclude(label, "ada", password)
      }
  })
})

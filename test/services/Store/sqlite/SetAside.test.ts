import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { DatabaseSync } from "node:sqlite"
import { setAsideKind, setAsideRow } from "../../../../src/services/Store/SetAsideRow.ts"
import { formatJobId } from "../../../../src/services/Queue/policy/JobIds.ts"
import { check } from "../../../../src/services/Store/sqlite/Maintenance.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"
import { describeMutation, mutations, populate, survives } from "./HostileRows.ts"
import { newFile, withStore } from "./SqliteStores.ts"

const trialsPerSeed = 25

const write = (file: string, sql: string) => {
  const db = new DatabaseSync(file)
  db.exec(sql)
  db.close()
}

describe("a row that cannot be read", () => {
  for (const seed of seeds(3)) {
    it.effect(
      `stops nobody, whatever column of whatever table holds what (${trialsPerSeed} trials, repeat with SLUICE_SEED=${seed})`,
      () =>
        Effect.gen(function* () {
          const file = yield* newFile
          yield* populate(file)
          const random = new SeededRandom(seed)
          for (let trial = 0; trial < trialsPerSeed; trial++) {
            const mutation = mutations[random.below(mutations.length)]!
            yield* Effect.orDie(survives(file, mutation)).pipe(
              Effect.catchDefect((defect) => Effect.die(new Error(describeMutation(mutation), { cause: defect })))
            )
          }
        }),
      60_000
    )
  }

  it.effect("stops nobody where it has the last number of its table, in any of those that are numbered", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* populate(file)
      const last = ["document.version", "journal.seq", "worker.session"].map((place) => {
        const [table, column] = place.split(".")
        return mutations.find((it) => it.table === table && it.column === column && it.value === "9223372036854775807")!
      })
      for (const mutation of last) yield* survives(file, mutation)
      // All of them at once.
      const [first, ...rest] = last
      for (const { column, table, value } of rest)
        write(file, `UPDATE ${table} SET ${column} = ${value} WHERE ${column} = (SELECT max(${column}) FROM ${table})`)
      yield* survives(file, first!)
    })
  )

  it.effect("is named with what is wrong, kept whole, and gone when it is removed by the job's id", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const [good, bad] = yield* withStore({ path: file }, (driver) =>
        Effect.map(driver.enqueue([{}, { payload: { to: "keep" }, extra: { tags: ["t"] } }]), ({ ids }) => ids)
      )
      write(file, `UPDATE pending SET due = 9223372036854775807, session = x'00ff' WHERE id = ${bad!}`)
      const { findings } = yield* check(file)
      assert.deepStrictEqual(findings, [
        { what: "row", detail: `a row of job cannot be read: job ${formatJobId(bad!)}, its due is no time` }
      ])
      yield* withStore({ path: file }, (driver) =>
        Effect.gen(function* () {
          const { jobs } = yield* driver.store.jobs.list({}, { limit: 10, order: "oldest" })
          assert.deepStrictEqual(
            jobs.map(({ id }) => id),
            [good!]
          )
          const [document, ...others] = yield* driver.store.documents.all(setAsideKind)
          assert.deepStrictEqual(others, [])
          assert.strictEqual(document!.key, `job ${formatJobId(bad!)}`)
          const row = setAsideRow(document!)!
          assert.deepInclude(row, { table: "job", why: "its due is no time" })
          assert.deepInclude(row.columns, {
            id: bad!,
            due: { integer: "9223372036854775807" },
            session: { hex: "00ff" },
            payload: '{"to":"keep"}'
          })
          assert.deepStrictEqual((yield* driver.remove(bad!)).changed, [bad!])
          assert.deepStrictEqual(yield* driver.store.documents.all(setAsideKind), [])
        })
      )
      assert.deepStrictEqual((yield* check(file)).findings, [])
    })
  )

  for (const [what, sql, why] of [
    ["that stands nowhere", "DELETE FROM pending WHERE id = @bad", "it stands nowhere"],
    ["whose payload is gone", "DELETE FROM job WHERE id = @bad", "its payload is not there"],
    ["whose parts name two tasks", "UPDATE pending SET lane = 77 WHERE id = @bad", "its task and group are not known"]
  ] as const) {
    it.effect(`is a job ${what}: its parts go together, and the others run`, () =>
      Effect.gen(function* () {
        const file = yield* newFile
        const [bad, good] = yield* withStore({ path: file }, (driver) =>
          Effect.map(driver.enqueue([{}, {}]), ({ ids }) => ids)
        )
        write(file, sql.replace("@bad", String(bad!)))
        const name = `job ${formatJobId(bad!)}`
        assert.include((yield* check(file)).findings[0]!.detail, `a row of job cannot be read: ${name}, ${why}`)
        yield* withStore({ path: file }, (driver) =>
          Effect.gen(function* () {
            yield* driver.store.jobs.list({}, { limit: 10, order: "oldest" })
            const session = yield* driver.join()
            const [job, ...others] = yield* driver.claim(session)
            assert.deepStrictEqual([job!.id, others], [good!, []])
            yield* driver.settle(session, job!, "completed", { result: 1 })
            const asides = yield* driver.store.documents.all(setAsideKind)
            assert.deepStrictEqual(
              asides.map(({ key }) => key),
              [name]
            )
            assert.strictEqual((yield* driver.store.jobs.count({})).count, 1)
            yield* driver.remove(bad!)
          })
        )
        assert.deepStrictEqual((yield* check(file)).findings, [])
      })
    )
  }

  it.effect("is one of a job that stands in two tables: the job goes on where it stood last", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const id = yield* withStore({ path: file }, (driver) =>
        Effect.gen(function* () {
          const session = yield* driver.join()
          const id = yield* driver.add()
          const [job] = yield* driver.claim(session)
          yield* driver.settle(session, job!, "completed", { result: 1 })
          return id
        })
      )
      write(
        file,
        `INSERT INTO pending(id, lane, rank, due) SELECT id, lane, rank, due FROM history;
         UPDATE lane SET pending = 1`
      )
      yield* withStore({ path: file }, (driver) =>
        Effect.gen(function* () {
          const session = yield* driver.join()
          assert.deepStrictEqual(yield* driver.states([id]), ["completed"])
          yield* driver.store.jobs.list({}, { limit: 10, order: "oldest" })
          assert.deepStrictEqual(yield* driver.claim(session), [])
          assert.deepStrictEqual(yield* driver.states([id]), ["completed"])
          assert.strictEqual((yield* driver.store.documents.all(setAsideKind)).length, 1)
        })
      )
    })
  )

  it.effect("lets those go that waited for it, by their policy", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const ids = yield* withStore({ path: file }, (driver) =>
        Effect.gen(function* () {
          const parent = yield* driver.add()
          const cancelled = yield* driver.add({ after: [parent] })
          const runs = yield* driver.add({ after: [parent], onParentFailure: "run" })
          return { parent, cancelled, runs }
        })
      )
      write(file, `UPDATE job SET extra = '{' WHERE id = ${ids.parent}`)
      yield* withStore({ path: file }, (driver) =>
        Effect.gen(function* () {
          const session = yield* driver.join()
          assert.deepStrictEqual(
            (yield* driver.claim(session)).map(({ id }) => id),
            [ids.runs]
          )
          assert.deepStrictEqual(yield* driver.states([ids.cancelled]), ["cancelled"])
        })
      )
    })
  )

  it.effect("and counters that promise more jobs than there are, keep no claim busy", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* withStore({ path: file }, (driver) => driver.add())
      write(file, "UPDATE lane SET pending = 40")
      yield* withStore({ path: file }, (driver) =>
        Effect.gen(function* () {
          const session = yield* driver.join()
          assert.strictEqual((yield* driver.claim(session)).length, 1)
          assert.strictEqual((yield* driver.store.jobs.count({ states: ["pending"] })).count, 0)
        })
      )
    })
  )
})

/**
 * The pool against plain allocation, and against Effect's own, on three kinds of objects. CPU time of the whole
 * process, garbage collection included, so that a busy machine matters little; rounds interleaved.
 *
 *     node --expose-gc test/services/Memory/heap/ObjectPool.bench.ts [ROUNDS]
 */
import { DatabaseSync, type StatementSync } from "node:sqlite"
import { Effect, Pool } from "effect"
import { MemoryOptimizer, Sluice } from "../../../../src/services/Queue/index.ts"

const rounds = Number(process.argv[2] ?? 15)

interface Kind<T> {
  readonly name: string
  readonly calls: number
  readonly make: () => T
  readonly use: (item: T) => number
  /** Of an object that is not needed any more. */
  readonly end?: (item: T) => void
}

interface Connection {
  readonly database: DatabaseSync
  readonly statement: StatementSync
}

const input = Buffer.from(
  "a line of some hundred characters, as a job's payload might hold it, again and again. ".repeat(4)
)

const kinds: ReadonlyArray<Kind<any>> = [
  {
    name: "record of four fields",
    calls: 100_000,
    make: () => ({ id: 0, name: "", at: 0, tags: [] as Array<string> }),
    use: (record: { id: number; name: string; at: number }) => {
      record.id = 7
      record.name = "seven"
      record.at = 3
      return record.id
    }
  },
  {
    name: "buffer of 64 KiB, zeroed",
    calls: 20_000,
    make: () => Buffer.alloc(64 * 1024),
    use: (buffer: Buffer) => input.copy(buffer, 0)
  },
  {
    name: "connection with a prepared statement",
    calls: 10_000,
    make: () => {
      const database = new DatabaseSync(":memory:")
      return { database, statement: database.prepare("SELECT ? + 1 AS n") }
    },
    use: ({ statement }: Connection) => (statement.get(1) as { readonly n: number }).n,
    end: ({ database }: Connection) => database.close()
  }
]

const cpuMicros = async (run: () => Promise<unknown>): Promise<number> => {
  globalThis.gc?.()
  const before = process.cpuUsage()
  await run()
  // What was left behind is part of the price.
  globalThis.gc?.()
  const { system, user } = process.cpuUsage(before)
  return user + system
}

const quantile = (values: ReadonlyArray<number>, q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))]!

let sink = 0
const repeated = <E>(calls: number, one: Effect.Effect<number, E>) =>
  Effect.gen(function* () {
    for (let i = 0; i < calls; i++) sink += yield* one
  })

const program = Effect.gen(function* () {
  const optimizer = yield* MemoryOptimizer
  console.log(
    "| object | calls | new each time | in an effect | from our pool | from Effect's pool | ours / new in an effect |"
  )
  console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
  for (const { calls, end, make, name, use } of kinds) {
    const once = () => {
      const item = make()
      const value = use(item)
      end?.(item)
      return value
    }
    const ours = yield* optimizer.createPool(make, () => Effect.void)
    const effects = yield* Pool.make({ acquire: Effect.sync(make), size: 4 })
    const plain = () => {
      for (let i = 0; i < calls; i++) sink += once()
      return Promise.resolve()
    }
    const inEffect = () => Effect.runPromise(repeated(calls, Effect.sync(once)))
    const fromOurs = () =>
      Effect.runPromise(
        repeated(
          calls,
          ours.use((item) => Effect.sync(() => use(item)))
        )
      )
    const fromEffects = () =>
      Effect.runPromise(
        repeated(
          calls,
          Pool.use(effects, (item) => Effect.sync(() => use(item)))
        )
      )
    const variants = [plain, inEffect, fromOurs, fromEffects]
    const found: ReadonlyArray<Array<number>> = variants.map(() => [])
    for (const run of variants) yield* Effect.promise(run)
    for (let round = 0; round < rounds; round++) {
      for (let v = 0; v < variants.length; v++) {
        const at = (v + round) % variants.length
        found[at]!.push((yield* Effect.promise(() => cpuMicros(variants[at]!))) / calls)
      }
    }
    const show = (values: ReadonlyArray<number>) =>
      `${quantile(values, 0.5).toFixed(2)} (${quantile(values, 0.25).toFixed(2)}..${quantile(values, 0.75).toFixed(2)})`
    const ratios = found[2]!.map((value, round) => value / found[1]![round]!)
    console.log(`| ${name} | ${calls} | ${found.map(show).join(" | ")} | ${show(ratios)} |`)
  }
})

await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(Sluice.layerMemoryOptimizer)))
console.log(`\nµs of CPU per call, median (quartiles) of ${rounds} rounds, Node ${process.version} (${sink > 0})`)

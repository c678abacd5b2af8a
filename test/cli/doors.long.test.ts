import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import path from "node:path"
import * as Settings from "../../src/cli/Settings.ts"
import * as Properties from "../support/doors/CommandLineProperties.ts"
import { HostileValues } from "../support/doors/HostileValues.ts"
import { SeededRandom, seeds } from "../support/SeededRandom.ts"
import * as CliProcess from "./CliProcess.ts"
import { temporaryFolder } from "./CommandLine.ts"

/** Ten thousand words for each door and seed, fewer seeds and processes in the run that CI makes. */
const values = 10_000
const isReduced = process.env.SLUICE_LONG === "reduced"

describe("ten thousand hostile words", () => {
  for (const seed of seeds(isReduced ? 1 : 5)) {
    for (const [door, property] of Object.entries(Properties.doors)) {
      it.effect(
        `at the door of ${door}: refused in one line, or the same on every store (seed ${seed})`,
        () => Effect.map(property(seed, values), (taken) => assert.isAbove(taken, values / 20)),
        300_000
      )
    }
  }
})

describe("a process that is given hostile words", () => {
  const processes = isReduced ? 12 : 200
  const [seed] = seeds(1)

  /** No process ends otherwise than by taking or refusing. */
  const ended = (folder: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
    Effect.gen(function* () {
      const { code, signal, stderr, stdout } = yield* (yield* CliProcess.start(folder, args, { env })).ended
      assert.isNull(signal, `${JSON.stringify(args)}: ${stderr}`)
      if (code !== 0) Properties.isOneLine({ code: code!, stderr, stdout, lines: [] }, JSON.stringify([args, env]))
      return { code, stdout }
    })

  it.live(
    `takes them or refuses them, and what was taken is there (seed ${seed})`,
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const hostile = new HostileValues(new SeededRandom(seed!))
        const ids = new Set<string>()
        for (let i = 0; i < processes; i++) {
          const { code, stdout } = yield* ended(folder, ["add", "-q", ...Properties.addWords(hostile), "--", "true"])
          if (code === 0) ids.add(stdout.trim())
        }
        assert.isAtLeast(ids.size, 2)
        const listed = yield* ended(folder, ["job", "ls", "-q", "--limit", "1000"])
        assert.deepStrictEqual(new Set(listed.stdout.trim().split("\n")), ids)
      }).pipe(Effect.scoped),
    600_000
  )

  it.live(
    `reads them as settings, from the environment and from a file, over a store that stays readable (seed ${seed})`,
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const store = { SLUICE_STORE: path.join(folder, "jobs.db") }
        const hostile = new HostileValues(new SeededRandom(seed!))
        const { stdout: id } = yield* ended(folder, ["add", "-q", "--", "true"], store)
        const names = Settings.settingNames.filter((name) => name !== "store")
        let taken = 0
        for (let i = 0; i < processes; i++) {
          const name = hostile.random.pick(names)
          const text = Properties.words(hostile)()
          const isInFile = hostile.random.chance(0.5)
          writeFileSync(path.join(folder, "sluice.config.json"), isInFile ? JSON.stringify({ [name]: text }) : "{}")
          const env = isInFile ? {} : { [Settings.environmentOf(name)]: text }
          const { code, stdout } = yield* ended(folder, ["job", "ls", "-q"], { ...store, ...env })
          if (code !== 0) continue
          taken++
          assert.strictEqual(stdout, id)
        }
        assert.isAtLeast(taken, 2)
      }).pipe(Effect.scoped),
    600_000
  )
})

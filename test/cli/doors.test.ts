import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import path from "node:path"
import * as CommandLine from "./CommandLine.ts"
import { HostileValues } from "../support/doors/HostileValues.ts"
import { SeededRandom, seeds } from "../support/SeededRandom.ts"

/** The machine may be busy. */
const limit = { timeout: 120_000 }

const flags = [
  "--retry",
  "--priority",
  "--group",
  "--at",
  "--in",
  "--key",
  "--tag",
  "--after",
  "--timeout",
  "--deadline",
  "--deadline-in"
]
const plausible = [
  "0",
  "5",
  "10",
  "1000000",
  "1h30m",
  "2030-01-01T00:00:00Z",
  "network",
  "a:b",
  "-0",
  "1e3",
  "0x10",
  "５",
  "1_000"
]
const settings = [
  "lease",
  "sweepInterval",
  "pollInterval",
  "grace",
  "softLimit",
  "hardLimit",
  "maxPayload",
  "keepFailed"
]

/** A line for a person, and nothing else. */
const isOneLine = ({ code, stderr, stdout }: CommandLine.Called, what: string) => {
  assert.strictEqual(code, 2, `${what}: ${stderr}`)
  assert.strictEqual(stdout, "", what)
  assert.match(stderr, /^sluice[^\n]+\n$/, what)
  assert.notMatch(stderr.trimEnd(), CommandLine.control, what)
}

describe("hostile words at the command line", () => {
  for (const seed of seeds(1)) {
    const hostile = new HostileValues(new SeededRandom(seed))
    const { random } = hostile
    // No program can be given a NUL, nor half a character.
    const word = () =>
      random.chance(0.8) ? random.pick(plausible) : hostile.text().slice(0, 2000).replaceAll("\0", "").toWellFormed()

    it.live(
      `are taken or refused in one line, and what was taken is there (seed ${seed})`,
      () =>
        Effect.gen(function* () {
          const cli = yield* CommandLine.make
          const ids = new Set<string>()
          for (let i = 0; i < 60; i++) {
            const given = Array.from({ length: 1 + random.below(2) }, () => `${random.pick(flags)}=${word()}`)
            const called = yield* cli.call(["add", "-q", ...given, "--", "true"])
            if (called.code === 0) ids.add(called.lines[0]!)
            else if (called.code !== 4) isOneLine(called, JSON.stringify(given))
          }
          assert.isAtLeast(ids.size, 2)
          const listed = yield* cli.call(["job", "ls", "-q", "--limit", "1000"])
          assert.deepStrictEqual(new Set(listed.lines), ids)
        }).pipe(Effect.scoped),
      limit
    )

    it.live(
      `in settings too, from the environment and from a file (seed ${seed})`,
      () =>
        Effect.gen(function* () {
          const cli = yield* CommandLine.make
          const file = path.join(cli.folder, "sluice.config.json")
          let taken = 0
          for (let i = 0; i < 60; i++) {
            const name = random.pick(settings)
            const value = word()
            const variable = `SLUICE_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
            const inFile = random.chance(0.5)
            writeFileSync(file, inFile ? JSON.stringify({ [name]: random.chance(0.3) ? hostile.json() : value }) : "{}")
            const called = yield* cli.call(["job", "ls", "-q"], {
              cwd: cli.folder,
              env: inFile ? {} : { [variable]: value }
            })
            if (called.code === 0) taken++
            else isOneLine(called, JSON.stringify([name, value, inFile]))
          }
          assert.isAtLeast(taken, 2)
        }).pipe(Effect.scoped),
      limit
    )
  }
})

/** What a peer can do, called on both tools in a folder of its own each, and compared. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import path from "node:path"
import { temporaryFolder } from "../CommandLine.ts"
import { launcher } from "../../support/cli/Launcher.ts"

type Words = readonly [program: string, ...args: ReadonlyArray<string>]

export interface Ability {
  /** What the user wants. */
  readonly name: string
  /** A command of the peer. */
  readonly peer: Words
  /** The same wish as a command with `sluice`; or why there is no such thing. */
  readonly sluice: Words | { readonly missing: string }
  /** On standard input. Default: nothing. */
  readonly input?: string
  /** Files that are there before, by name. */
  readonly files?: Readonly<Record<string, string>>
  /** Lines of stdout: in this order, or in any; `unlike`: not compared. Default: any. */
  readonly order?: "same" | "any" | "unlike"
  /** Files that must hold the same afterwards, their lines in any order. */
  readonly makes?: ReadonlyArray<string>
  /** Exit codes of peer and `sluice`, where they are not 0. */
  readonly codes?: readonly [peer: number, sluice: number]
}

const sorted = (text: string): ReadonlyArray<string> => text.split("\n").sort()

export const isInstalled = (program: string): boolean =>
  spawnSync("sh", ["-c", `command -v ${program}`], { env: { PATH: process.env.PATH } }).status === 0

interface Seen {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** By name; `undefined`: not made. */
  readonly files: Readonly<Record<string, string | undefined>>
}

/** Calls it in a folder of its own, with nothing of the caller's but `PATH`, in which `sluice` is this tree's. */
const call = ([program, ...args]: Words, { files = {}, input = "", makes = [] }: Ability) =>
  Effect.map(temporaryFolder, (folder): Seen => {
    const inFolder = (name: string) => path.join(folder, name)
    for (const name of ["bin", "work", "tmp"]) mkdirSync(inFolder(name))
    symlinkSync(launcher, inFolder("bin/sluice"))
    for (const [name, text] of Object.entries(files)) writeFileSync(inFolder(`work/${name}`), text)
    const env = {
      PATH: `${inFolder("bin")}:${process.env.PATH}`,
      HOME: folder,
      TMPDIR: inFolder("tmp"),
      LC_ALL: "C.UTF-8",
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE
    }
    const cwd = inFolder("work")
    const { status, stderr, stdout } = spawnSync(program, args, { cwd, encoding: "utf8", env, input, timeout: 60_000 })
    const made = makes.map((name) => {
      const file = path.join(cwd, name)
      return [name, existsSync(file) ? readFileSync(file, "utf8") : undefined] as const
    })
    return { code: status, stdout, stderr, files: Object.fromEntries(made) }
  }).pipe(Effect.scoped)

/** A test per row. */
export const compare = (abilities: ReadonlyArray<Ability>): void => {
  for (const ability of abilities) {
    const { codes = [0, 0], name, order = "any", sluice } = ability
    if ("missing" in sluice) {
      it(`${name}: missing, and why is said`, () => assert.match(sluice.missing, /^\w.{20}/))
      continue
    }
    it.live(
      name,
      () =>
        Effect.gen(function* () {
          const peer = yield* call(ability.peer, ability)
          const ours = yield* call(sluice, ability)
          const said = `${ability.peer[0]}: ${peer.stderr}\nsluice: ${ours.stderr}`
          assert.deepStrictEqual([peer.code, ours.code], [...codes], said)
          if (order === "same") assert.strictEqual(ours.stdout, peer.stdout, said)
          if (order === "any") assert.deepStrictEqual(sorted(ours.stdout), sorted(peer.stdout), said)
          for (const [file, text] of Object.entries(peer.files)) {
            assert.isDefined(text, `${ability.peer[0]} made no ${file}`)
            assert.deepStrictEqual(sorted(ours.files[file] ?? "(no file)"), sorted(text!), file)
          }
        }),
      { timeout: 120_000 }
    )
  }
}

const options = /(?<= )(?:-{1,2}[a-zA-Z0][a-z-]*|:::\+|::::|\{\S+\})/g

/** A test that the guide of this name has each option that an ability is named with. */
export const inGuide = (name: string, abilities: ReadonlyArray<Ability>): void =>
  it(`docs/guides/${name}.md has each option that is compared`, () => {
    const guide = readFileSync(new URL(`../../../docs/guides/${name}.md`, import.meta.url), "utf8")
    const named = abilities.flatMap((ability) => ability.name.match(options) ?? [])
    assert.isNotEmpty(named)
    assert.deepStrictEqual(
      named.filter((option) => !guide.includes(option)),
      []
    )
  })

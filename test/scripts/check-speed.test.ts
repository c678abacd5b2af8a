/**
 * What `npm run check:speed` compares with, in small repositories; what it measures is in `check-speed.long.test.ts`.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { execFileSync, spawnSync } from "node:child_process"
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))
const folder = mkdtempSync(path.join(tmpdir(), "sluice-check-speed-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const git = (cwd: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
    cwd,
    encoding: "utf8"
  }).trim()

let repositories = 0

/** The script with a source file of its own. */
const repository = (): string => {
  const place = path.join(folder, `${repositories++}`)
  for (const name of ["scripts/check-speed.ts", "scripts/bootstrap.mjs", "scripts/speed", "bin/supported-node.mjs"])
    cpSync(path.join(root, name), path.join(place, name), { recursive: true })
  mkdirSync(path.join(place, "src"))
  writeFileSync(path.join(place, "src/index.ts"), "export const answer = 42\n")
  writeFileSync(path.join(place, "package.json"), '{ "type": "module" }\n')
  writeFileSync(path.join(place, "package-lock.json"), '{ "packages": {} }\n')
  git(folder, "init", "--quiet", "--initial-branch=main", place)
  commit(place, "first")
  return place
}

const commit = (place: string, message: string) => {
  git(place, "add", "--all")
  git(place, "commit", "--quiet", "--message", message)
}

const check = (place: string, args: ReadonlyArray<string> = [], base = "") => {
  const { status, stderr, stdout } = spawnSync(process.execPath, ["scripts/check-speed.ts", ...args], {
    cwd: place,
    encoding: "utf8",
    env: { ...process.env, SLUICE_SPEED_BASE: base }
  })
  return { code: status, said: `${stdout}${stderr}`.trim() }
}

const short = (place: string, name: string) => git(place, "rev-parse", name).slice(0, 12)

describe("the speed check", () => {
  it("says that it did not run, as skipped, in a shallow clone and for a first commit", () => {
    const place = repository()
    assert.deepStrictEqual(check(place), { code: 0, said: "skipped  speed: not run, HEAD has no parent" })
    appendFileSync(path.join(place, "src/index.ts"), "// more\n")
    commit(place, "second")
    const shallow = path.join(folder, "shallow")
    git(folder, "clone", "--quiet", "--depth=1", `file://${place}`, shallow)
    const { code, said } = check(shallow)
    assert.strictEqual(code, 0)
    assert.strictEqual(
      said,
      "skipped  speed: not run, this clone is shallow and lacks the parent of HEAD; git fetch --deepen=1 brings it"
    )
  })

  it("has nothing to compare when src/ and the lockfile are those of the base", () => {
    const place = repository()
    writeFileSync(path.join(place, "README.md"), "words\n")
    commit(place, "words")
    const { code, said } = check(place)
    assert.strictEqual(code, 0)
    assert.strictEqual(said, `ok       nothing to compare: src/ and the lockfile are those of ${short(place, "HEAD^")}`)
  })

  it("compares with the branch before a merge, the place a branch left, or the commit that is named", () => {
    const place = repository()
    const nothing = (name: string) => `nothing to compare: src/ and the lockfile are those of ${short(place, name)}`
    git(place, "checkout", "--quiet", "-b", "side")
    for (const word of ["one", "two"]) {
      writeFileSync(path.join(place, "README.md"), word)
      commit(place, word)
    }
    git(place, "checkout", "--quiet", "main")
    git(place, "merge", "--quiet", "--no-ff", "--no-edit", "side")
    assert.include(check(place).said, nothing("main^1"))
    assert.include(check(place, ["--base", "side"]).said, nothing("side"))
    assert.include(check(place, [], "side~1").said, nothing("side~1"))

    const clone = path.join(folder, "clone")
    git(folder, "clone", "--quiet", place, clone)
    assert.include(check(clone).said, nothing("main^1"), "the default branch itself")
    git(clone, "checkout", "--quiet", "-b", "topic")
    for (const word of ["three", "four"]) {
      writeFileSync(path.join(clone, "README.md"), word)
      commit(clone, word)
    }
    assert.include(check(clone).said, nothing("main"), "where the branch left it")
  })

  it("fails when the commit it should compare with is not there", () => {
    const { code, said } = check(repository(), [], "0123456789abcdef0123456789abcdef01234567")
    assert.strictEqual(code, 1)
    assert.match(said, /^failed {3}speed: not run, there is no commit 0123456789abcdef/)
  })
})

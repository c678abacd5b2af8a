/** The speed check on this tree: 5 % more in one stage is found, whatever else the machine does. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { checkPlanted, stages } from "../support/speed/planted.ts"

const planted = () =>
  describe("the speed check", () => {
    it.each(stages)("fails when %s takes 5 %% more CPU time", (stage) => {
      const { code, lines } = checkPlanted(stage)
      assert.strictEqual(code, 1, lines.join("\n"))
      assert.isTrue(
        lines.some((line) => line.startsWith(`failed   ${stage}: +`)),
        lines.join("\n")
      )
    })
  })

// Four minutes a stage, and only where nothing else runs.
if (process.env.SLUICE_LONG !== "reduced") planted()

describe("a tree that cannot run the scenarios", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url))
  const folder = mkdtempSync(path.join(tmpdir(), "sluice-check-speed-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const clone = path.join(folder, "clone")
  const index = path.join(clone, "src/index.ts")
  const git = (...args: ReadonlyArray<string>) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], { cwd: root })
  const commit = (text: string) => {
    writeFileSync(index, text)
    git("-C", clone, "commit", "--quiet", "--all", "--message", "change")
  }
  const outcomes = () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [path.join(clone, "scripts/check-speed.ts"), "--base", "HEAD~1"],
      {
        encoding: "utf8"
      }
    )
    const lines = stdout.split("\n").filter((line) => /^(ok|failed|skipped) {2}/.test(line))
    return { status, lines: lines.sort() }
  }

  it("is told as skipped when it is the base, and fails when it is this one", () => {
    git("clone", "--quiet", "--local", root, clone)
    symlinkSync(path.join(root, "node_modules"), path.join(clone, "node_modules"))
    const whole = readFileSync(index, "utf8")
    commit("export const older = 1\n")
    commit(whole)
    const base = outcomes()
    assert.strictEqual(base.status, 0)
    assert.match(
      base.lines.join("\n"),
      /^skipped {2}enqueue, claim, settle: the base cannot run this: .+\nskipped {2}memory path, encode: /
    )
    commit("export const broken = 1\n")
    const own = outcomes()
    assert.strictEqual(own.status, 1)
    assert.match(own.lines.join("\n"), /^failed {3}enqueue, claim, settle: .+\nfailed {3}memory path, encode: /)
  })
})

import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import path from "node:path"

const folder = path.join(import.meta.dirname, "../../deploy/container")
const instructions = readFileSync(path.join(folder, "Containerfile"), "utf8")
  .replaceAll(/^#.*\n/gm, "")
  .replaceAll(/\\\n/g, " ")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line): readonly [string, string] => [line.split(" ", 1)[0]!, line.slice(line.indexOf(" ") + 1).trim()])

const all = (name: string) => instructions.filter(([each]) => each === name).map(([, rest]) => rest)

describe("the container", () => {
  it("is built on an image that its builder names by digest", () => {
    assert.deepStrictEqual(instructions[0], ["ARG", "NODE_IMAGE"])
    assert.deepStrictEqual(all("FROM"), ["${NODE_IMAGE} AS build", "${NODE_IMAGE}"])
    assert.isTrue(all("RUN").some((run) => /case "\$NODE_IMAGE" in \*@sha256:\*\).*exit 1/.test(run)))
  })

  it("holds what the lock file says, and runs no script of a package", () => {
    const installs = all("RUN").flatMap((run) => run.match(/\bnpm (?:ci|install|i|add)\b[^&|;]*/g) ?? [])
    assert.strictEqual(installs.length, 2)
    for (const install of installs) assert.match(install, /^npm ci .*--ignore-scripts/)
    assert.include(installs.at(-1), "--omit=dev --omit=peer")
    assert.deepStrictEqual(all("ADD"), [])
    assert.notMatch(all("RUN").join("\n"), /curl|wget|npx/)
  })

  it("runs as nobody special, and writes to its volumes alone", () => {
    assert.match(all("USER").at(-1)!, /^[1-9]\d*:[1-9]\d*$/)
    const volumes = JSON.parse(all("VOLUME")[0]!) as ReadonlyArray<string>
    const variables = Object.fromEntries(
      all("ENV")
        .join(" ")
        .split(" ")
        .map((pair) => pair.split("="))
    )
    for (const file of [path.dirname(variables["SLUICE_STORE"]!), variables["HOME"], all("WORKDIR").at(-1)!])
      assert.include(volumes, file)
    const after = instructions.findIndex(([name]) => name === "USER")
    assert.isFalse(instructions.slice(after).some(([name]) => name === "RUN" || name === "COPY"))
  })

  it("is not sent what no image needs", () => {
    const ignored = readFileSync(path.join(folder, "Containerfile.dockerignore"), "utf8").split("\n")
    assert.includeMembers(ignored, [".git", "**/node_modules", "**/*.db", "**/.env*"])
  })
})

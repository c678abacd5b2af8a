import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import path from "node:path"
import { imported, reasons, sbom } from "../../scripts/sbom.ts"

const read = (name: string) => JSON.parse(readFileSync(path.join(import.meta.dirname, "../..", name), "utf8"))

describe("the dependencies", () => {
  it("are imported, each by its own name, and pinned", () => {
    const { dependencies, peerDependencies } = read("package.json")
    const found = imported()
    for (const name of [...Object.keys(dependencies), ...Object.keys(peerDependencies)])
      assert.isTrue(found.has(name), `src/ does not import ${name}`)
    for (const [name, version] of Object.entries(dependencies)) assert.match(String(version), /^\d+\.\d+\.\d+$/, name)
  })

  it("run nothing when they are installed, and are what the lock file says to the byte", () => {
    const { packages } = read("package-lock.json")
    for (const [place, entry] of Object.entries<Record<string, unknown>>(packages)) {
      if (place === "") continue
      assert.match(String(entry["integrity"]), /^sha512-/, place)
      // Node itself, for checkouts.
      if (entry["hasInstallScript"] === true) assert.strictEqual(place, "node_modules/node")
    }
  })

  it("are listed with their hashes and the reason for each", { timeout: 60_000 }, () => {
    const bom = sbom()
    const names = bom.components.map(({ group, name }) => (group === undefined ? name : `${group}/${name}`))
    const { dependencies, peerDependencies } = read("package.json")
    assert.includeMembers(names, [...Object.keys(dependencies), ...Object.keys(peerDependencies)])
    assert.strictEqual(bom.metadata.component.name, "sluice")
    for (const component of bom.components) {
      assert.isAbove(component.hashes.length, 0, component.name)
      assert.isAbove(component.properties.at(-1)!.value.length, 5, component.name)
    }
    for (const name of Object.keys(reasons)) {
      assert.include(names, name, "a reason for what is not there")
      assert.isFalse(imported().has(name), `${name} is imported after all`)
    }
    const refs = new Set([bom.metadata.component["bom-ref"], ...bom.components.map((each) => each["bom-ref"])])
    for (const { dependsOn, ref } of bom.dependencies)
      for (const each of [ref, ...dependsOn]) assert.isTrue(refs.has(each))
  })
})

/** A program: what `new RegExp` is given in the files it is called with, while they load and below, as JSON. */
import path from "node:path"
import { fileURLToPath } from "node:url"
import type { SourcePattern } from "./SourcePatterns.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const files = process.argv.slice(2)
const found: Array<SourcePattern> = []

globalThis.RegExp = new Proxy(RegExp, {
  construct(target, [source, flags]) {
    const [, , caller = ""] = (new Error().stack ?? "").split("\n")
    const file = files.find((name) => caller.includes(name))
    if (file !== undefined) found.push({ at: file, source: String(source), flags: flags ?? "" })
    return new target(source, flags)
  }
})
for (const file of files) await import(path.join(root, file))

// Those that are made in functions.
const { usableHeap } = await import("../../../src/services/Memory/heap/HeapLimit.ts")
usableHeap(1e9, ["--max-old-space-size=100"], undefined)
const { workloadIn } = await import("../../../src/cli/worker/ScaleActuators.ts")
workloadIn("deployment/workers")
const { masked } = await import("../../../src/services/Queue/policy/ForeignAnswer.ts")
masked("", ["a secret of ours"])
const { sequence } = await import("../../../src/cli/terminal/ControlSequence.ts")
sequence("0", "m")

process.stdout.write(JSON.stringify(found))
process.exit()

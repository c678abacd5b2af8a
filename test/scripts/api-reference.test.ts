import { assert, describe, it } from "@effect/vitest"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { pagesOf } from "../../scripts/api-reference.ts"

/** The pages of a package with these declarations; every entry that is not given is empty. */
const pages = (declarations: Readonly<Record<string, string>>) => {
  const folder = mkdtempSync(path.join(tmpdir(), "sluice-api-"))
  try {
    const empty = ["alerts", "limits", "profiling", "scaling", "store", "streams", "testing/index"].map((entry) => [
      `${entry}.d.ts`,
      "export {}\n"
    ])
    for (const [file, text] of Object.entries({ ...Object.fromEntries(empty), ...declarations })) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
      writeFileSync(path.join(folder, file), text as string)
    }
    return new Map(pagesOf(folder).map(({ file, text }) => [file, text]))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const job = `/** A job. */
/** Its number. */
export type JobId = number & { readonly "~id": true };
/**
 * Reads one.
 *
 * Second paragraph.
 */
export declare function parse(text: string): import("./Job.ts").JobId;
export declare function parse(text: string, base: number): JobId;
export interface Undocumented {
    /** Inside. */
    readonly a: 1;
}
`

describe("the API reference", () => {
  const made = pages({
    "index.d.ts": `/** The queue. */
export { parse as read } from "./Job.ts";
export * as Job from "./Job.ts";
export type * from "./Job.ts";
`,
    "store.d.ts": 'export { parse } from "./Job.ts";\n',
    "Job.d.ts": job
  })
  const sluice = made.get("sluice.md")!

  it("has a page for each entry of the package, and one that lists them", () => {
    assert.deepStrictEqual([...made.keys()].sort(), [
      "README.md",
      "alerts.md",
      "limits.md",
      "profiling.md",
      "scaling.md",
      "sluice.md",
      "store.md",
      "streams.md",
      "testing.md"
    ])
    assert.include(made.get("README.md")!, "[`sluice`](sluice.md): The queue.")
  })

  it("gives each name its comment and its declaration, overloads together", () => {
    assert.include(
      sluice,
      "### Job.parse\n\nReads one.\n\nSecond paragraph.\n\n```ts\nfunction parse(text: string): JobId;\nfunction parse(text: string, base: number): JobId;\n```"
    )
    assert.include(
      sluice,
      "### Job.Undocumented\n\n```ts\ninterface Undocumented {\n    /** Inside. */\n    readonly a: 1;\n}\n```"
    )
  })

  it("takes a comment for the one that stands right before", () =>
    assert.include(
      sluice,
      '### Job.JobId\n\nIts number.\n\n```ts\ntype JobId = number & { readonly "~id": true };\n```'
    ))

  it("shows a namespace with its members, and links what stands there already", () => {
    assert.match(sluice, /## Job\n\nA job.\n\n### Job.JobId\n\n/)
    assert.include(sluice, "## read\n\nSee [Job.parse](sluice.md#jobparse).")
    assert.include(made.get("store.md")!, "## parse\n\nSee [Job.parse](sluice.md#jobparse).")
  })
})

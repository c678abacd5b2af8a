/**
 * A copy of this tree in which one stage takes 5 % more CPU time than it does, for the check that has to find it:
 * `node test/support/speed/planted.ts enqueue|claim|settle|encode` makes one and runs `scripts/check-speed.ts` on it.
 */
import { spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../..", import.meta.url))

/** Computes for 5 % of the time since `start`. */
const spin = `
const planted = (start: number) => {
  const end = performance.now()
  const until = end + 0.05 * (end - start)
  while (performance.now() < until);
}
`

interface Plant {
  readonly file: string
  /** Must be there exactly once. */
  readonly from: string
  readonly to: string
  readonly after: string
}

/** The turns of the SQLite store that carry something. */
const turns = (part: "claim" | "settle"): Plant => ({
  file: "src/services/Queue/stores/JobStoreSqlite.ts",
  from: 'turn: (turn) => host.call("turn", turn),',
  to: `turn: (turn) => {
      if (turn.${part}.length === 0) return host.call("turn", turn)
      return Effect.suspend(() => {
        const start = performance.now()
        return Effect.map(host.call("turn", turn), (answer) => {
          planted(start)
          return answer
        })
      })
    },`,
  after: spin
})

const plants: Readonly<Record<string, Plant>> = {
  /** From the call to the answer of the store. */
  enqueue: {
    file: "src/services/Queue/queue/Enqueuing.ts",
    from: "  const one = <P, S, E, G, A>(",
    to: `  const slowed = ((task: any, payloads: any, options: any, onStored: any) =>
    Effect.suspend(() => {
      const start = performance.now()
      return many(task, payloads, options, (ids, notes, from) => {
        const answer = onStored(ids, notes, from)
        planted(start)
        return answer
      })
    })) as typeof many

  const one = <P, S, E, G, A>(`,
    after: spin
  },
  claim: turns("claim"),
  settle: turns("settle"),
  /** Every 18th encoding and decoding is done twice: 5.6 % of them, which are nine tenths of the scenario. */
  encode: {
    file: "src/services/Queue/TaskCodec.ts",
    from: `      encode: (value) => JSON.stringify(encodeValue(value)) ?? "null",
      decode: (stored) => decodeValue(JSON.parse(stored as string))`,
    to: `      encode: (value) => {
        if (calls++ % 18 === 0) JSON.stringify(encodeValue(value))
        return JSON.stringify(encodeValue(value)) ?? "null"
      },
      decode: (stored) => {
        if (calls++ % 18 === 0) decodeValue(JSON.parse(stored as string))
        return decodeValue(JSON.parse(stored as string))
      }`,
    after: "\nlet calls = 0\n"
  }
}

export const stages = Object.keys(plants)

const replaceOnce = (text: string, from: string, to: string): string => {
  const parts = text.split(from)
  if (parts.length !== 2) throw new Error(`${JSON.stringify(from)} is there ${parts.length - 1} times; plant it anew`)
  return parts.join(to)
}

/** Makes the copy in `folder`. */
export const plant = (stage: string, folder: string): void => {
  const { after, file, from, to } = plants[stage]!
  for (const name of ["src", "package.json", "package-lock.json"])
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true })
  const target = path.join(folder, file)
  let text = replaceOnce(readFileSync(target, "utf8"), from, to)
  if (stage === "enqueue") text = replaceOnce(text, "    many,\n", "    many: slowed,\n")
  writeFileSync(target, text + after)
}

/** Runs the check on the copy; answers its exit code and what it said. */
export const checkPlanted = (
  stage: string
): { readonly code: number | null; readonly lines: ReadonlyArray<string> } => {
  const folder = mkdtempSync(path.join(tmpdir(), "sluice-planted-"))
  try {
    plant(stage, folder)
    const script = path.join(root, "scripts/check-speed.ts")
    const { status, stdout } = spawnSync(process.execPath, [script, "--tree", folder, "--base", "HEAD"], {
      cwd: root,
      encoding: "utf8"
    })
    return { code: status, lines: stdout.trim().split("\n") }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const { code, lines } = checkPlanted(process.argv[2]!)
  console.log(lines.join("\n"))
  process.exitCode = code ?? 1
}

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

/**
 * Computes for 5 % of what a call costs by CPU time. Every eighth call is measured, and what was computed after it,
 * and the work is set by the medians of the last measured ones: as code grows quicker over its first hundreds of calls,
 * 5 % of what a call took at first would be 6 to 9 % of what it takes when it counts.
 * The other calls look at no clock, which would itself cost a per cent.
 */
const spin = `
const cpu = () => {
  const { system, user } = process.cpuUsage()
  return user + system
}
const middle = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[values.length >> 1]!
let sink = 0
const turn = (times: number) => {
  for (let i = 0; i < times; i++) sink = (sink * 31 + i) % 1_000_003
}
let calls = 0
let times = 1000
const costs: Array<number> = []
/** Microseconds of a thousand turns. */
const turns: Array<number> = []
/** At a call's start. */
const begin = () => (++calls % 8 === 0 ? cpu() : 0)
/** At its end. */
const planted = (start: number) => {
  if (start === 0) return turn(times)
  const ended = cpu()
  turn(times)
  costs.push(ended - start)
  turns.push(((cpu() - ended) * 1000) / times)
  if (costs.length > 9) {
    costs.shift()
    turns.shift()
  }
  if (costs.length >= 3) times = Math.max(1, Math.round((0.05 * middle(costs) * 1000) / Math.max(middle(turns), 0.01)))
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
  file: "src/services/Store/sqlite/JobStoreSqlite.ts",
  from: 'turn: (turn) => host.call("turn", turn),',
  to: `turn: (turn) => {
      if (turn.${part}.length === 0) return host.call("turn", turn)
      return Effect.suspend(() => {
        const start = begin()
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
      const start = begin()
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
    file: "src/services/Queue/codec/TaskCodec.ts",
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
  const [stage = ""] = process.argv.slice(2)
  if (!stages.includes(stage)) throw new Error(`expected one of ${stages.join(", ")}`)
  const { code, lines } = checkPlanted(stage)
  console.log(lines.join("\n"))
  process.exitCode = code ?? 1
}

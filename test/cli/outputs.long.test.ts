/**
 * Outputs larger than memory on their way through `run` and `map`: every byte arrives, and no process of ours grows
 * with them.
 *
 * The sources are measured against the same command without output, since what Node needs to read TypeScript is no cost
 * of the output. The program as it is packed (dist/bundle, after `npm run build`; without it not run) has its whole
 * memory measured.
 *
 * Reduced: a fifth of the bytes.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { temporaryFolder } from "./CommandLine.ts"
import { launcher } from "../support/cli/Launcher.ts"

const bundle = fileURLToPath(new URL("../../dist/bundle/main.cjs", import.meta.url))
const isReduced = process.env.SLUICE_LONG === "reduced"
const megabyte = 1_000_000

const parentOf = (pid: string): string => {
  try {
    return /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? ""
  } catch {
    return ""
  }
}

const numberAfter = (name: string, text: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0)

/** Resident bytes of a process and of the Node processes it has started; pages they share count once. */
const residentBytes = (root: number): number => {
  const ours = new Set([String(root)])
  let own = 0
  let files = 0
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (!ours.has(pid) && !ours.has(parentOf(pid))) continue
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("node")) continue
      ours.add(pid)
      own += numberAfter("Pss_Anon", readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))
      files = Math.max(files, numberAfter("RssFile", readFileSync(`/proc/${pid}/status`, "utf8")))
    } catch {
      // It has ended meanwhile.
    }
  }
  return 1024 * (own + files)
}

/** Runs a command and reads its stdout no faster than that; answers what came and how much memory it took at most. */
const readSlowly = Effect.fnUntraced(function* (program: string, args: ReadonlyArray<string>, bytesPerSecond: number) {
  const folder = yield* temporaryFolder
  return yield* Effect.promise(async () => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: folder,
      env: { ...process.env, HOME: folder, XDG_STATE_HOME: folder, SLUICE_STORE: path.join(folder, "q.db") },
      stdio: ["ignore", "pipe", "inherit"]
    })
    const hash = createHash("sha256")
    let bytes = 0
    let most = 0
    const sampling = setInterval(() => {
      most = Math.max(most, residentBytes(child.pid!))
    }, 100)
    const began = performance.now()
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.length
      const early = (bytes / bytesPerSecond) * 1000 - (performance.now() - began)
      if (early > 5) await new Promise((resolve) => setTimeout(resolve, early))
    }
    clearInterval(sampling)
    return { bytes, hash: hash.digest("hex"), most }
  })
}, Effect.scoped)

/** Bytes that differ everywhere, and by the line. Short keys are filled up with zeros: the "f" tells 1 from 10. */
const made = (megabytes: number, key: string) =>
  `openssl enc -aes-128-ctr -K 00${key}f -iv 0 -in /dev/zero 2>/dev/null | head -c ${megabytes * megabyte}`

const hashOf = (scripts: ReadonlyArray<string>) =>
  Effect.promise(
    () =>
      new Promise<string>((resolve) => {
        const hash = createHash("sha256")
        const child = spawn("sh", ["-c", scripts.join(";")], { stdio: ["ignore", "pipe", "ignore"] })
        child.stdout.on("data", (chunk: Buffer) => hash.update(chunk))
        child.once("close", () => resolve(hash.digest("hex")))
      })
  )

interface Big {
  readonly name: string
  /** The command, when each line of it writes so many megabytes. */
  readonly args: (megabytes: number) => ReadonlyArray<string>
  readonly lines: ReadonlyArray<string>
  readonly megabytes: number
  /** How fast it is read. */
  readonly bytesPerSecond: number
  /** Of the packed program. */
  readonly mostResident: number
}

const megabytes = isReduced ? 100 : 500
const bytesPerSecond = (isReduced ? 50 : 10) * megabyte
const lines = Array.from({ length: isReduced ? 20 : 60 }, (_, i) => String(i + 1))

const outputs: ReadonlyArray<Big> = [
  {
    name: `${megabytes} MB through run into a slow reader`,
    args: (each) => ["run", "-q", "--shell", "--", `sleep 1; ${made(each, "1")}`],
    lines: ["1"],
    megabytes,
    bytesPerSecond,
    mostResident: 200 * megabyte
  },
  {
    name: `${megabytes} MB through map into a slow reader`,
    args: (each) => ["map", "-q", "--shell", `: {}; sleep 1; ${made(each, "1")}`, ":::", "1"],
    lines: ["1"],
    megabytes,
    bytesPerSecond,
    mostResident: 200 * megabyte
  },
  {
    name: `map -k with a slow first line and ${lines.length} × 10 MB`,
    args: (each) => [
      ...["map", "-q", "-k", "-j3", "--shell"],
      `test {} = 1 && sleep ${isReduced ? 5 : 15}; ${made(each, "{}")}`,
      ...[":::", ...lines]
    ],
    lines,
    megabytes: 10,
    bytesPerSecond: 1e9,
    mostResident: 150 * megabyte
  }
]

/**
 * Of the sources, over what they take without output, which differs by 40 MB from run to run. Chunks that pile up
 * until they are collected take 80.
 */
const mostGrowth = 60 * megabyte

const inMegabytes = (bytes: number) => `${(bytes / megabyte).toFixed(0)} MB`

const arrives = Effect.fnUntraced(function* (program: string, big: Big) {
  const read = yield* readSlowly(program, big.args(big.megabytes), big.bytesPerSecond)
  assert.strictEqual(read.bytes, big.lines.length * big.megabytes * megabyte)
  assert.strictEqual(read.hash, yield* hashOf(big.lines.map((line) => made(big.megabytes, line))))
  return read.most
})

describe.skipIf(process.platform !== "linux")("outputs larger than memory, by the sources", () => {
  it.live.each(outputs)("$name", (big) =>
    Effect.gen(function* () {
      const { most: without } = yield* readSlowly(launcher, big.args(0), big.bytesPerSecond)
      const most = yield* arrives(launcher, big)
      console.log(`${big.name}: ${inMegabytes(most)} resident at most, ${inMegabytes(without)} without output`)
      assert.isBelow(most - without, mostGrowth)
    })
  )
})

describe.skipIf(process.platform !== "linux" || !existsSync(bundle))(
  "outputs larger than memory, by the packed program (not run: needs dist/bundle, where skipped)",
  () => {
    it.live.each(outputs)("$name", (big) =>
      Effect.gen(function* () {
        const most = yield* arrives(bundle, big)
        console.log(`${big.name}: ${inMegabytes(most)} resident at most`)
        assert.isBelow(most, big.mostResident)
      })
    )
  }
)

/** Outputs larger than memory on their way through `run` and `map`: every byte arrives, and no process of ours grows with them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { temporaryFolder } from "./CommandLine.ts"

const launcher = fileURLToPath(new URL("../../bin/sluice.mjs", import.meta.url))
const isReduced = process.env.SLUICE_LONG === "reduced"
const megabyte = 1_000_000

const parentOf = (pid: string): string => {
  try {
    return /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? ""
  } catch {
    return ""
  }
}

/** Resident bytes of a process and of the Node processes it has started. */
const residentBytes = (root: number): number => {
  const ours = new Set([String(root)])
  let sum = 0
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (!ours.has(pid) && !ours.has(parentOf(pid))) continue
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("node")) continue
      ours.add(pid)
      sum += 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0)
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum
}

/** Runs a command and reads its stdout no faster than that; answers what came and how much memory it took at most. */
const readSlowly = (folder: string, args: ReadonlyArray<string>, bytesPerSecond: number) =>
  Effect.promise(async () => {
    const child = spawn(process.execPath, [launcher, ...args], {
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

/** Bytes that differ everywhere, the same in each run. */
const made = (megabytes: number, key: string) =>
  `openssl enc -aes-128-ctr -K ${key.padStart(32, "0")} -iv 0 -in /dev/zero 2>/dev/null | head -c ${megabytes * megabyte}`

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

describe.skipIf(process.platform !== "linux")("outputs larger than memory", () => {
  const megabytes = isReduced ? 100 : 500
  const rate = (isReduced ? 50 : 10) * megabyte

  for (const [name, args] of [
    ["run", ["run", "-q", "--shell", "--", made(megabytes, "1")]],
    ["map", ["map", "-q", "--shell", `${made(megabytes, "1")} #{}`, ":::", "1"]]
  ] as const) {
    it.live(`${megabytes} MB through ${name} into a slow reader`, () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const read = yield* readSlowly(folder, args, rate)
        assert.strictEqual(read.bytes, megabytes * megabyte)
        assert.strictEqual(read.hash, yield* hashOf([made(megabytes, "1")]))
        assert.isBelow(read.most, 200 * megabyte)
        console.log(`${name}: ${(read.most / megabyte).toFixed(0)} MB resident at most`)
      }).pipe(Effect.scoped)
    )
  }

  it.live("map -k with a slow first line and 60 × 10 MB", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const lines = Array.from({ length: isReduced ? 20 : 60 }, (_, i) => String(i + 1))
      const script = `test {} = 1 && sleep ${isReduced ? 5 : 15}; ${made(10, "{}")}`
      const read = yield* readSlowly(folder, ["map", "-q", "-k", "-j3", "--shell", script, ":::", ...lines], 1e9)
      const expected = lines.map((line) => made(10, "{}").replaceAll("{}", line))
      assert.strictEqual(read.bytes, lines.length * 10 * megabyte)
      assert.strictEqual(read.hash, yield* hashOf(expected))
      assert.isBelow(read.most, 200 * megabyte)
      console.log(`map -k: ${(read.most / megabyte).toFixed(0)} MB resident at most`)
    }).pipe(Effect.scoped)
  )
})

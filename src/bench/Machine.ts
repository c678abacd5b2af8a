/** What a figure was measured on. */
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { readFileSync, statfsSync } from "node:fs"
import { createRequire } from "node:module"
import os from "node:os"
import path from "node:path"
import { root } from "../files/Package.ts"
import { SecretVariables } from "../services/Queue/index.ts"
import type { Machine } from "./BenchResult.ts"

const fileSystems: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x2fc12fc1, "zfs"],
  [0x794c7630, "overlay"],
  [0x01021994, "tmpfs"]
])

/** By its magic number; `tmpfs` lies in memory, where durability costs nothing and figures mean nothing. */
export const fileSystemOf = (folder: string): string => {
  const { type } = statfsSync(folder)
  return fileSystems.get(type >>> 0) ?? `0x${(type >>> 0).toString(16)}`
}

const git = (...words: ReadonlyArray<string>): string | undefined => {
  const { status, stdout } = spawnSync("git", ["-C", root, ...words], {
    encoding: "utf8",
    env: SecretVariables.withoutOwnSecrets(process.env)
  })
  return status === 0 ? stdout.trim() : undefined
}

interface Manifest {
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
}

const readManifest = (file: string): Manifest => JSON.parse(readFileSync(file, "utf8"))

export const machine = (folder: string): Effect.Effect<typeof Machine.Type> =>
  Effect.sync(() => {
    const manifest = readManifest(path.join(root, "package.json"))
    const commit = git("rev-parse", "--short=12", "HEAD")
    return {
      cpu: os.cpus()[0]?.model.trim() ?? "unknown",
      cores: os.availableParallelism(),
      memoryBytes: os.totalmem(),
      system: `${os.type()} ${os.release()}`,
      fileSystem: fileSystemOf(folder),
      node: process.versions.node,
      sqlite: process.versions.sqlite ?? "unknown",
      effect: readManifest(createRequire(import.meta.url).resolve("effect/package.json")).version,
      sluice: manifest.version,
      packages: manifest.dependencies ?? {},
      ...(commit !== undefined && { commit, dirty: git("status", "--porcelain", "--", "src") !== "" })
    }
  })

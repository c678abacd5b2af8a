import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { cacheHome, launcher } from "../support/cli/Launcher.ts"

/** `npm start -- run …`, interrupted twice with `gapMillis` between, once its command runs. */
const interruptedTwice = async (gapMillis: number) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-npm-"))
  try {
    const child = spawn(
      process.execPath,
      [launcher, "run", "--", "sh", "-c", "trap '' INT; echo began; sleep 1.5; echo ended"],
      {
        cwd: folder,
        env: {
          ...process.env,
          XDG_CACHE_HOME: cacheHome,
          XDG_STATE_HOME: folder,
          npm_lifecycle_event: "start",
          npm_package_name: "sluice",
          INIT_CWD: folder
        }
      }
    )
    let stdout = ""
    child.stdout.on("data", (chunk) => {
      stdout += chunk
    })
    const exit = once(child, "exit")
    while (!stdout.includes("began")) await once(child.stdout, "data")
    child.kill("SIGINT")
    await sleep(gapMillis)
    child.kill("SIGINT")
    const [code] = await exit
    return { code, stdout }
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

describe("under npm start", () => {
  it("a Ctrl-C that npm passes on as well counts once: the command may finish", { timeout: 30_000 }, async () => {
    assert.deepStrictEqual(await interruptedTwice(5), { code: 130, stdout: "began\nended\n" })
  })

  it("a second Ctrl-C still ends the command", { timeout: 30_000 }, async () => {
    assert.deepStrictEqual(await interruptedTwice(600), { code: 130, stdout: "began\n" })
  })
})

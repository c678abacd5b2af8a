// Pictures of the running product for the documents: `sluice top` and a map with its progress, on a real terminal
// (tmux).
//
//   node scripts/pictures.ts [FOLDER]        (default docs/images; writes top.svg and map.svg)
//
// Runs jobs for some 20 s in a store of its own in a temporary folder. Needs tmux.

import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { terminalSvg } from "./pictures/TerminalSvg.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
const target = path.resolve(process.argv[2] ?? path.join(root, "docs/images"))
const launcher = path.join(root, "bin/sluice.mjs")

const folder = mkdtempSync(path.join(tmpdir(), "sluice-pictures-"))
const bin = path.join(folder, "bin")
const env = {
  PATH: `${bin}:${path.dirname(process.execPath)}:${process.env.PATH}`,
  HOME: folder,
  XDG_STATE_HOME: path.join(folder, "state"),
  TERM: "xterm-256color",
  LANG: "C.UTF-8",
  PS1: "$ "
}

/**
 * Terminals opened so far: each has a server of its own, since one that is told to end still holds its socket for a
 * moment.
 */
let terminals = 0

const tmux = (...args: ReadonlyArray<string>): string => {
  const { error, stderr, stdout } = spawnSync(
    "tmux",
    ["-u", "-S", path.join(folder, `tmux-${terminals}`), "-f", "/dev/null", ...args],
    {
      cwd: folder,
      env,
      encoding: "utf8"
    }
  )
  if (error !== undefined || stderr !== "") throw new Error(`tmux ${args[0]}: ${error?.message ?? stderr}`)
  return stdout
}

const sluice = (...args: ReadonlyArray<string>): void => {
  const { status, stderr } = spawnSync(process.execPath, [launcher, ...args], { cwd: folder, env, encoding: "utf8" })
  if (status !== 0) throw new Error(`sluice ${args.join(" ")}: ${stderr}`)
}

/** The screen with its colours once a line of it is like that. */
const shown = async (text: RegExp): Promise<string> => {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(200))
    if (
      tmux("capture-pane", "-p")
        .split("\n")
        .some((line) => text.test(line))
    )
      return tmux("capture-pane", "-p", "-e")
  throw new Error(`the terminal never showed ${text}: ${tmux("capture-pane", "-p")}`)
}

/** A line typed into a terminal of this size, until the screen shows what is wanted. */
const pictured = async (options: {
  readonly columns: number
  readonly rows: number
  readonly typed: string
  readonly until: RegExp
  readonly title: string
}): Promise<string> => {
  terminals++
  tmux("new-session", "-d", "-x", String(options.columns), "-y", String(options.rows), "bash --norc --noprofile")
  try {
    tmux("send-keys", "-l", `clear; ${options.typed}`)
    tmux("send-keys", "Enter")
    const screen = await shown(options.until)
    return terminalSvg(screen.replace(/^\$ clear; /, "$ "), options, options.title)
  } finally {
    tmux("kill-server")
  }
}

// Work as somebody might have: some of it runs and tells how far it is, some waits, some failed.
const encode = (name: string) =>
  `: ${name}; for i in $(seq 1 100); do sluice job progress $i "pass 1 of 2" 2>/dev/null; sleep 1; done`

let worker: ReturnType<typeof spawn> | undefined
try {
  mkdirSync(bin)
  writeFileSync(path.join(bin, "sluice"), `#!/bin/sh\nexec ${process.execPath} ${launcher} "$@"\n`, { mode: 0o755 })
  mkdirSync(target, { recursive: true })
  worker = spawn(process.execPath, [launcher, "worker", "-q"], { cwd: folder, env, stdio: "ignore" })
  for (const name of ["intro", "episode-1", "episode-2", "episode-3", "credits"])
    sluice("add", "-q", "--shell", "--", encode(`ffmpeg -i ${name}.mkv`))
  for (const page of ["index", "about"])
    sluice("add", "-q", "-g", "network", "--", "sh", "-c", `sleep 120; : ${page}.html`)
  sluice("add", "-q", "-g", "network", "--retry", "0", "--", "sh", "-c", "exit 22")
  sluice("add", "-q", "-g", "filesystem", "--in", "2h", "--", "rsync", "-a", "photos/", "/backup/photos")
  const top = await pictured({
    columns: 100,
    rows: 24,
    typed: "sluice top",
    until: /running .*pass 1 of 2/,
    title: "sluice top"
  })
  writeFileSync(path.join(target, "top.svg"), top)
  const map = await pictured({
    columns: 100,
    rows: 12,
    typed: "seq 200 | sluice map -j 4 --store map.db 'sh -c \"sleep 0.2; echo page {} done\"'",
    until: /computation .*[3-6]\d %/,
    title: "sluice map"
  })
  writeFileSync(path.join(target, "map.svg"), map)
  console.log(`wrote ${path.join(target, "top.svg")} and map.svg`)
} finally {
  worker?.kill("SIGTERM")
  if (worker !== undefined && worker.exitCode === null) await new Promise((resolve) => worker!.once("exit", resolve))
  rmSync(folder, { recursive: true, force: true })
}

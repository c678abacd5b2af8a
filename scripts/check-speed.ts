// Whether this checkout takes more CPU time per job than the commit it builds upon: enqueue, claim and settle of the
// SQLite store, encode, memory path.
//
//   node scripts/check-speed.ts [--base COMMIT] [--tree FOLDER] [--always]        (npm run check:speed)
//
// The base is checked out into a temporary worktree; `sluice profile check` measures both trees in turn, until each
// figure is decided, for at most four minutes. A slowdown of 5 % fails, unless a commit since the base says that it
// is meant, in a trailer of its message: `Slower: enqueue 6 % because …`. One line per figure; where nothing can be
// measured one says why, as skipped.
//
// The base: --base, or SLUICE_SPEED_BASE, else HEAD when src/ holds what is not committed, else where HEAD left the
// default branch of `origin`, else HEAD's first parent, which for a merge is the branch before it. --tree measures
// the src/ of another folder instead of this checkout's, --always measures also when nothing differs.

import { execFileSync, spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { bootstrap } from "./bootstrap.mjs"
import { readAllowances } from "./speed/Allowance.ts"
import { type Compared, floor, judge, type Outcome } from "./speed/Judgement.ts"

/** Of the whole check, in seconds; a process that has begun is let finish. */
const limit = 200
/** Figures by the task that measures them. */
const tasks = { sqlite: ["enqueue", "claim", "settle"], memory: ["memory path", "encode"] } as const
const figures: ReadonlyArray<string> = Object.values(tasks).flat()

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const { values: options } = parseArgs({
  options: { base: { type: "string" }, tree: { type: "string" }, always: { type: "boolean", default: false } }
})
const tree = path.resolve(options.tree ?? root)

const say = (outcome: Outcome, text: string) => {
  console.log(`${outcome.padEnd(9)}${text}`)
  if (outcome === "failed") process.exitCode = 1
}

const git = (...args: ReadonlyArray<string>): string =>
  execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim()

const gitOr = <A>(otherwise: A, ...args: ReadonlyArray<string>): string | A => {
  try {
    return git(...args)
  } catch {
    return otherwise
  }
}

const commit = (name: string): string | undefined =>
  gitOr(undefined, "rev-parse", "--verify", "--quiet", `${name}^{commit}`)

/** What is measured, and what it runs on. */
const measured = ["src", "package-lock.json"]

type Base = { readonly commit: string } | { readonly outcome: Outcome; readonly why: string }

const findBase = (): Base => {
  const named = options.base ?? process.env.SLUICE_SPEED_BASE
  if (named !== undefined && named !== "") {
    const found = commit(named)
    return found === undefined
      ? { outcome: "failed", why: `there is no commit ${named}; fetch it, or name another base` }
      : { commit: found }
  }
  const head = commit("HEAD")
  if (head === undefined) return { outcome: "skipped", why: "this is no git checkout with a commit" }
  if (git("status", "--porcelain", "--", ...measured) !== "") return { commit: head }
  const upstream = gitOr(undefined, "merge-base", "HEAD", "origin/HEAD")
  if (upstream !== undefined && upstream !== head) return { commit: upstream }
  const parent = commit("HEAD^1")
  if (parent !== undefined) return { commit: parent }
  const why =
    git("rev-parse", "--is-shallow-repository") === "true"
      ? "this clone is shallow and lacks the parent of HEAD; git fetch --deepen=1 brings it"
      : "HEAD has no parent"
  return { outcome: "skipped", why }
}

/** The packages of a lockfile, without what it says of the project itself. */
const locked = (folder: string): string => {
  const { packages } = JSON.parse(fs.readFileSync(path.join(folder, "package-lock.json"), "utf8"))
  return JSON.stringify({ ...packages, "": undefined })
}

/** Makes a tree's folder ready to be measured: its packages and the module of tasks. Answers why it could not. */
const prepare = async (folder: string): Promise<string | undefined> => {
  if (locked(folder) === locked(root))
    fs.symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"), "junction")
  else if (!(await bootstrap(folder))) return "its packages could not be installed"
  const scenarios = JSON.stringify(path.join(root, "scripts/speed/Scenarios.ts"))
  fs.writeFileSync(
    path.join(folder, "speed.ts"),
    `import * as effect from "effect"
import * as sluice from "./src/index.ts"
import { scenarios } from ${scenarios}
export { Memory, Sqlite } from ${scenarios}
export default scenarios({ effect, sluice })
`
  )
  return undefined
}

/** Without V8's optimising compiler: its guesses make the same code 5 to 20 % slower in one process than in another. */
const node = [process.execPath, "--no-opt", path.join(root, "bin/sluice.mjs")] as const

/** Told to stop, it stops what it started and leaves nothing behind. */
const stopping = new AbortController()
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort())

const sluice = (folder: string, ...args: ReadonlyArray<string>) =>
  new Promise<{ readonly stdout: string; readonly stderr: string; readonly code: number | null }>((resolve) => {
    const [command, ...words] = node
    const child = spawn(command, [...words, ...args], {
      cwd: folder,
      env: { ...process.env, SLUICE_STORE: path.join(folder, "queue.db") },
      signal: stopping.signal,
      stdio: ["ignore", "pipe", "pipe"]
    })
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    child.once("error", (error) => resolve({ stdout, stderr: error.message, code: 1 }))
    child.once("close", (code) => resolve({ stdout, stderr, code }))
  })

/** Whether a tree can run a task at all, and if not, why. */
const whyNot = async (folder: string, task: string): Promise<string | undefined> => {
  const once = ["profile", "run", task, "--tasks", path.join(folder, "speed.ts"), "--times", "1", "--rounds", "1"]
  const { code, stderr } = await sluice(folder, ...once, "--timings")
  return code === 0 ? undefined : (stderr.trim().split("\n").at(-1) ?? "it failed without a reason")
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-speed-"))
const [before, after] = [path.join(folder, "old"), path.join(folder, "new")]

const compare = async (task: keyof typeof tasks, allowances: Parameters<typeof judge>[1]) => {
  const seconds = Math.max(1, Math.round(limit - performance.now() / 1000))
  const { stdout, stderr } = await sluice(
    folder,
    ...["profile", "check", task, "--tasks", path.join(after, "speed.ts"), "--against", path.join(before, "speed.ts")],
    ...["--metric", "answer", "--times", "1", "--rounds", "150", "--runs", "100", "--floor", `${floor * 100}`],
    ...["--within", `${seconds}s`, "--json"]
  )
  const compared = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Compared => JSON.parse(line))
  for (const each of compared) {
    const { outcome, text } = judge(each, allowances)
    say(outcome, text)
  }
  const missing = tasks[task].filter((figure) => !compared.some((each) => each.figure === figure))
  if (missing.length === 0) return
  const broken = await whyNot(after, task)
  const old = broken === undefined ? await whyNot(before, task) : undefined
  if (old !== undefined) say("skipped", `${missing.join(", ")}: the base cannot run this: ${old}`)
  else say("failed", `${missing.join(", ")}: ${broken ?? stderr.trim()}`)
}

const base = findBase()
if ("why" in base) say(base.outcome, `speed: not run, ${base.why}`)
else if (!options.always && tree === root && gitOr(undefined, "diff", "--quiet", base.commit, "--", ...measured) === "")
  say("ok", `nothing to compare: src/ and the lockfile are those of ${base.commit.slice(0, 12)}`)
else {
  try {
    git("worktree", "add", "--detach", "--quiet", before, base.commit)
    for (const name of [...measured, "package.json"])
      fs.cpSync(path.join(tree, name), path.join(after, name), { recursive: true })
    const why = (await prepare(after)) ?? (await prepare(before))
    const { allowances, unreadable } = readAllowances(
      gitOr("", "log", "--format=%(trailers:key=Slower,valueonly)", `${base.commit}..HEAD`),
      figures
    )
    for (const text of unreadable)
      say("failed", `"Slower: ${text}" is no exception; expected: FIGURE N % because …, of ${figures.join(", ")}`)
    console.log(`against ${git("log", "-1", "--format=%h %s", base.commit)}`)
    if (why !== undefined) say("skipped", `speed: not run, ${why}`)
    else await Promise.all([compare("sqlite", allowances), compare("memory", allowances)])
  } finally {
    gitOr("", "worktree", "remove", "--force", before)
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

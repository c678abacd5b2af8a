/** A folder with what the examples of `--help` name, in which they are run as somebody would paste them. */
import { spawn, spawnSync } from "node:child_process"
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import path from "node:path"
import { root } from "../../../src/files/Package.ts"
import { install } from "../../../scripts/build/installed.ts"

const tasks = `import { Effect } from "effect"
import * as Schema from "effect/Schema"
import { Task } from "sluice"

export const Resize = Task.make("resize", {
  payload: Schema.Struct({ file: Schema.String, width: Schema.Int }),
  success: Schema.Int
})
export default Resize.toLayer(({ width }) => Effect.sync(() => width * width))
`

const script = '#!/bin/sh\ncat > /dev/null < /dev/null\necho done "$@"\n'

/** By name, in the folder where the examples run. */
const files: Readonly<Record<string, string>> = {
  Makefile: "test build deploy:\n\t@echo $@\n",
  "report.sh": script,
  "fetch.sh": script,
  "work.sh": script,
  "page.sh": "#!/bin/sh\ncat > page.json\n",
  "a.log": "one\n",
  "b.log": "two\n",
  "a.txt": "x\ny\nx\n",
  "a.png": "picture\n",
  "a.wav": "sound\n",
  words: "b\na\nb\n",
  "commands.txt": "true\necho hello\n",
  "jobs.txt": "first\nsecond\n",
  "users.csv": "name,email\nAda,ada@example.org\n",
  "one.json": '{"file": "a.png", "width": 200}',
  "tasks.ts": tasks,
  "../main/tasks.ts": tasks
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CallOptions {
  /** Ctrl-C for everything it started, as soon as this is shown. */
  readonly interruptAt?: RegExp | undefined
  readonly timeoutMs: number
}

export interface Scratch {
  /** Runs `text` in bash, in a copy of the folder with a store of its own. */
  readonly call: (name: string, text: string, options: CallOptions) => Promise<Ended>
  /** What `sluice` answers to these words, in the folder itself. */
  readonly sluice: (words: ReadonlyArray<string>) => Promise<Ended>
}

const running =
  (program: string, args: ReadonlyArray<string>, cwd: string, env: NodeJS.ProcessEnv) =>
  ({ interruptAt, timeoutMs }: CallOptions) =>
    new Promise<Ended>((resolve) => {
      const child = spawn(program, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] })
      const kill = (signal: NodeJS.Signals) => {
        try {
          process.kill(-child.pid!, signal)
        } catch {
          // All of them have ended.
        }
      }
      const said = { stdout: "", stderr: "" }
      let isInterrupted = false
      const hear = (stream: "stdout" | "stderr") => (text: string) => {
        said[stream] += text
        if (isInterrupted || interruptAt?.test(said.stdout + said.stderr) !== true) return
        isInterrupted = true
        kill("SIGINT")
      }
      child.stdout.setEncoding("utf8").on("data", hear("stdout"))
      child.stderr.setEncoding("utf8").on("data", hear("stderr"))
      const timer = setTimeout(() => kill("SIGKILL"), timeoutMs)
      child.once("exit", (code) => {
        clearTimeout(timer)
        // A worker in the background, which has a session of its own, may hold the pipes.
        kill("SIGKILL")
        resolve({ code, ...said })
      })
    })

/** Makes it below `folder`; what `before` does has been done in the store of each call. */
export const make = (folder: string, before: string): Scratch => {
  const launcher = install(path.join(folder, "package"))
  const at = (...names: ReadonlyArray<string>) => path.join(folder, ...names)
  const home = at("template")
  const work = path.join(home, "work")
  for (const made of [at("bin"), work, path.join(home, "main")]) mkdirSync(made, { recursive: true })
  writeFileSync(at("bin/sluice"), `#!/bin/sh\nexec "${process.execPath}" "${launcher}" "$@"\n`)
  chmodSync(at("bin/sluice"), 0o755)
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(path.join(work, name), text)
    if (name.endsWith(".sh")) chmodSync(path.join(work, name), 0o755)
  }
  writeFileSync(path.join(work, "urls.ndjson"), `{"url": "file://${work}/a.txt"}\n`)
  for (const folder of [".local/share/bash-completion/completions", ".config/fish/completions"])
    mkdirSync(path.join(home, folder), { recursive: true })
  mkdirSync(path.join(home, "node_modules"))
  symlinkSync(at("package"), path.join(home, "node_modules/sluice"))
  symlinkSync(path.join(root, "node_modules/effect"), path.join(home, "node_modules/effect"))

  const envOf = (home: string): NodeJS.ProcessEnv => ({
    PATH: `${at("bin")}:${process.env.PATH}`,
    HOME: home,
    TMPDIR: folder,
    LC_ALL: "C.UTF-8",
    XDG_CACHE_HOME: at("cache"),
    NPM_TOKEN: "not a secret",
    GIT_AUTHOR_NAME: "x",
    GIT_AUTHOR_EMAIL: "x@example.org",
    GIT_COMMITTER_NAME: "x",
    GIT_COMMITTER_EMAIL: "x@example.org"
  })
  const prepared = spawnSync("bash", ["-ec", before], { cwd: work, env: envOf(home), encoding: "utf8" })
  if (prepared.status !== 0) throw new Error(`the folder could not be prepared: ${prepared.stderr}`)

  return {
    call: (name, text, options) => {
      const own = at("calls", name)
      cpSync(home, own, { recursive: true, verbatimSymlinks: true })
      return running("bash", ["-c", text], path.join(own, "work"), envOf(own))(options)
    },
    sluice: (words) => running(at("bin/sluice"), words, work, envOf(home))({ timeoutMs: 60_000 })
  }
}

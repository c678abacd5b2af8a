// Checks the package that users would install: packs it, lints it, and uses it in an empty folder.
//
//   node scripts/check-package.mjs        (npm run check:package)
//
// Needs the npm registry or its cache. Prints one line per step and stops at the first that fails, with exit code 1.

import { execFileSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { stalePages } from "./api-reference.ts"

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const { version, devDependencies } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"))
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-package-"))
const packed = path.join(folder, "packed")
const project = path.join(folder, "project")
const tool = (name) => path.join(root, "node_modules/.bin", name)

/** Runs a command and returns what it printed; its output is shown only when it fails. */
const run = (cwd, command, ...args) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 5 * 60_000 })

const expect = (condition, message) => {
  if (!condition) throw new Error(message)
}

const steps = {
  "npm pack": () => {
    fs.mkdirSync(packed)
    run(root, "npm", "pack", "--pack-destination", packed, "--loglevel=error")
  },
  "the API reference is that of the declarations": () => {
    const stale = stalePages(path.join(root, "dist"))
    expect(stale.length === 0, `docs/api/${stale.join(", ")}: node scripts/api-reference.ts writes them anew`)
  },
  contents: () => {
    const files = run(packed, "tar", "-tzf", tarball()).trim().split("\n")
    for (const needed of [
      "package/bin/sluice.mjs",
      "package/dist/index.js",
      "package/dist/bundle/main.cjs",
      "package/dist/bundle/StoreThread.cjs",
      "package/dist/bundle/LICENSES.txt",
      "package/dist/man/sluice.1",
      "package/src/index.ts",
      "package/docs/runbooks/no-worker.md",
      "package/docs/guides/deployment.md",
      "package/LICENSE"
    ]) {
      expect(files.includes(needed), `the tarball lacks ${needed}`)
    }
    const foreign = files.filter(
      (file) =>
        !/^package\/(bin|deploy|dist|docs|examples|src)\/|^package\/[^/]+\.(md|json)$|^package\/LICENSE$/.test(file)
    )
    expect(foreign.length === 0, `the tarball holds what it should not: ${foreign.join(", ")}`)
  },
  "links of the packed pages": () => {
    const files = new Set(run(packed, "tar", "-tzf", tarball()).trim().split("\n"))
    const folders = new Set([...files].map((file) => path.posix.dirname(file)))
    const pages = [...files].filter((file) => /^package\/(README\.md|docs\/(?!decisions).*\.md)$/.test(file))
    const broken = pages.flatMap((page) =>
      [...run(packed, "tar", "-xzOf", tarball(), page).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)]
        .map(([, target]) => path.posix.join(path.posix.dirname(page), target))
        .filter((target) => !files.has(target) && !folders.has(target.replace(/\/$/, "")))
        .map((target) => `${page}: ${target}`)
    )
    expect(pages.length > 10, `only ${pages.length} pages are packed`)
    expect(broken.length === 0, `these lead nowhere: ${broken.join(", ")}`)
  },
  publint: () => run(root, tool("publint"), "run", "--strict", tarball()),
  "are the types wrong": () => run(root, tool("attw"), tarball(), "--profile", "esm-only", "--no-color", "--no-emoji"),
  "install into an empty folder": () => {
    fs.mkdirSync(project)
    fs.writeFileSync(
      path.join(project, "package.json"),
      JSON.stringify({ name: "empty", private: true, type: "module" })
    )
    run(
      project,
      "npm",
      "install",
      "--prefer-offline",
      "--loglevel=error",
      tarball(),
      `effect@${devDependencies.effect}`
    )
    const copies = JSON.parse(run(project, "npm", "query", "#effect"))
    expect(new Set(copies.map((copy) => copy.path)).size === 1, `there are ${copies.length} copies of effect`)
  },
  "a program imports every room, and requires the front door": () => {
    const rooms = ["alerts", "limits", "profiling", "scaling", "store", "streams", "testing"]
    const program = `
      const names = {}
      for (const entry of ["sluice", ...${JSON.stringify(rooms.map((room) => `sluice/${room}`))}])
        names[entry] = Object.keys(await import(entry)).length
      const hidden = await import("sluice/internal/anything").catch((error) => error.code)
      console.log(JSON.stringify([names, hidden]))`
    fs.writeFileSync(path.join(project, "program.mjs"), program)
    const [names, hidden] = JSON.parse(run(project, process.execPath, "program.mjs"))
    for (const [entry, count] of Object.entries(names)) expect(count > 0, `${entry} exports nothing`)
    expect(names.sluice <= 70, `the front door has ${names.sluice} names: does each of them belong there?`)
    expect(hidden === "ERR_PACKAGE_PATH_NOT_EXPORTED", `sluice/internal/* answered ${hidden}`)
    fs.writeFileSync(
      path.join(project, "program.cjs"),
      `console.log(typeof require("sluice").Task.make, typeof require("sluice/testing").layer)`
    )
    expect(
      run(project, process.execPath, "program.cjs").trim() === "function function",
      "require(sluice) gave no functions"
    )
  },
  "README's first program runs as JavaScript": () => {
    fs.writeFileSync(path.join(project, "first-job.js"), firstProgram())
    expect(/^\d+ words$/m.test(run(project, process.execPath, "first-job.js")), "it told no number of words")
  },
  "README's first program and exported layers compile as TypeScript, with declarations": () => {
    const { typescript, "@types/node": node } = devDependencies
    const add = ["install", "--save-dev", "--prefer-offline", "--loglevel=error"]
    run(project, "npm", ...add, `typescript@${typescript}`, `@types/node@${node}`)
    fs.writeFileSync(path.join(project, "first-job.ts"), firstProgram())
    for (const file of fs.readdirSync(declared)) fs.copyFileSync(path.join(declared, file), path.join(project, file))
    fs.writeFileSync(
      path.join(project, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          target: "es2024",
          module: "nodenext",
          types: ["node"],
          strict: true,
          exactOptionalPropertyTypes: true,
          declaration: true,
          outDir: "out"
        },
        include: ["*.ts"]
      })
    )
    run(project, "npx", "--no", "--", "tsc")
    fs.writeFileSync(path.join(project, "out/package.json"), JSON.stringify({ type: "module" }))
    const said = run(project, process.execPath, "out/first-job.js")
    expect(/^\d+ words$/m.test(said), "it told no number of words")
    const types = fs.readFileSync(path.join(project, "out/again.d.ts"), "utf8")
    expect(!/\/dist\/|node_modules/.test(types), `types reach into the package: ${types}`)
  },
  "npx sluice --version": () => {
    const answer = run(project, "npx", "--no", "--", "sluice", "--version").trim()
    expect(answer === `sluice ${version}`, `it answered ${answer}`)
  },
  "npx sluice --help": () => {
    const answer = run(project, "npx", "--no", "--", "sluice", "--help")
    expect(answer.includes("sluice"), `it answered ${answer}`)
  },
  "every command answers from the bundle and from the library, alike": () => {
    const names = [...run(project, process.execPath, program("cli"), "--help").matchAll(/^ {2}([a-z]+) {2,}/gm)]
    expect(names.length > 15, `only ${names.length} commands are listed`)
    for (const [, name] of names) {
      const [bundle, library] = ["bundle", "cli"].map((of) =>
        run(project, process.execPath, program(of), name, "--help")
      )
      expect(bundle === library && bundle.includes(`sluice ${name}`), `${name} --help: ${bundle}`)
    }
  },
  "everyday commands run from the bundle": () => {
    const sluice = (...args) =>
      run(project, process.execPath, launcher(), "--store", path.join(folder, "q.db"), ...args)
    expect(/^\w{11}$/m.test(sluice("add", "-q", "--", "true")), "add printed no id")
    expect(sluice("run", "--", "echo", "out") === "out\n", "run printed something else")
    expect(sluice("map", "-k", "echo {}", ":::", "a", "b") === "a\nb\n", "map printed something else")
    // The second time from the code that the first has left compiled.
    for (const words of ["job ls", "queue status", "worker ls", "dlq ls", "db doctor", "config print"]) {
      const [headings] = sluice(...words.split(" ")).split("\n")
      expect(sluice(...words.split(" ")).startsWith(headings), `${words} says another thing the second time`)
    }
  },
  "completions are those that the commands make": () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const [file, made] = [launcher(), program("cli")].map((of) =>
        run(project, process.execPath, of, "completions", shell)
      )
      expect(file === made && file.length > 1000, `completions ${shell} differ`)
    }
  },
  "a module of tasks shares the library's effect": () => {
    const tasks = `
      import { Effect, Layer } from "effect"
      import { Task } from "sluice"
      import * as Schema from "effect/Schema"
      const Hello = Task.make("hello", { payload: Schema.Struct({}) })
      export { Hello }
      export default Hello.toLayer(() => Effect.log("said by the library's logger"))`
    fs.writeFileSync(path.join(project, "tasks.mjs"), tasks)
    const sluice = (...args) =>
      run(project, process.execPath, launcher(), "--store", path.join(folder, "t.db"), ...args)
    const id = sluice("enqueue", "hello", "--tasks", "tasks.mjs", "--payload", "{}", "-q").trim()
    sluice("worker", "--tasks", "tasks.mjs", "--once")
    const [job] = sluice("job", "get", id, "--json")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(job.state === "completed", `the job is ${job.state}`)
    const loaded = run(
      project,
      "node",
      "-e",
      'console.log(import.meta.resolve("effect"))',
      "--input-type=module"
    ).trim()
    const its = `console.log((await import("node:module")).createRequire(${JSON.stringify(program("cli"))}).resolve("effect"))`
    const library = run(project, "node", "-e", its, "--input-type=module").trim()
    expect(loaded.endsWith(library), `the project has ${loaded}, the library ${library}`)
  }
}

/** What README shows first, as a reader would paste it. */
const firstProgram = () => /^```ts\n(.*?)^```$/ms.exec(fs.readFileSync(path.join(root, "README.md"), "utf8"))[1]

/** Modules that export what programs make of layers and tasks. */
const declared = path.join(root, "scripts/package-declarations")

const installed = path.join(project, "node_modules/sluice")
const launcher = () => path.join(installed, "bin/sluice.mjs")
/** The command line as the launcher starts it: "bundle" or "cli". */
const program = (of) => path.join(installed, "dist", of, of === "bundle" ? "main.cjs" : "main.js")

const tarball = () => path.join(packed, `sluice-${version}.tgz`)

try {
  for (const [name, step] of Object.entries(steps)) {
    try {
      step()
      console.log(`ok      ${name}`)
    } catch (error) {
      console.log(`failed  ${name}\n${error.stdout || ""}${error.message}`)
      process.exitCode = 1
      break
    }
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}

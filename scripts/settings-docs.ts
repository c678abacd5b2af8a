// Writes docs/settings.md from the doc comments of the settings, so that code and list cannot differ.
//
//   node scripts/settings-docs.ts            (a test says when it has to be run)
//
// Every field of the interfaces below has a doc comment with unit, default and reason.

import { readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { defaultOf, environmentOf, type SettingName, settingNames, summaryOf } from "../src/cli/Settings.ts"

const root = fileURLToPath(new URL("..", import.meta.url))
export const target = path.join(root, "docs/settings.md")

interface Source {
  readonly title: string
  /** How it is given. */
  readonly how: string
  readonly file: string
  /** The interface, or the constant that is a `Schema.Struct`. */
  readonly name: string
}

const sources: ReadonlyArray<Source> = [
  {
    title: "The queue",
    how: "`Layer.succeed(QueueSettings.Settings, { ...QueueSettings.defaults, lease: Duration.seconds(10) })`, the same for all processes of a store.",
    file: "src/services/Queue/QueueSettings.ts",
    name: "QueueSettings"
  },
  {
    title: "Memory",
    how: "The field `memory` of the queue's settings.",
    file: "src/services/Queue/QueueSettings.ts",
    name: "MemorySettings"
  },
  {
    title: "A store in SQLite",
    how: "`Sluice.layerSqlite({ path, … })`.",
    file: "src/services/Store/sqlite/JobStoreSqlite.ts",
    name: "Options"
  },
  {
    title: "A store in memory",
    how: "`Sluice.layerMemory({ … })`.",
    file: "src/services/Store/memory/JobStoreMemory.ts",
    name: "Options"
  },
  {
    title: "A worker",
    how: "`Sluice.layerWorker({ … })`.",
    file: "src/services/Queue/Worker.ts",
    name: "WorkerOptions"
  },
  { title: "A task", how: "`Task.make(name, { … })`.", file: "src/services/Queue/Task.ts", name: "TaskOptions" },
  {
    title: "Its unique keys",
    how: "The field `unique` of a task.",
    file: "src/services/Queue/Task.ts",
    name: "UniqueOption"
  },
  {
    title: "Its retries",
    how: "The field `retry` of a task or of the queue's settings.",
    file: "src/services/Queue/policy/RetryDelay.ts",
    name: "RetryPolicy"
  },
  {
    title: "Its batches",
    how: "The field `batch` of a task.",
    file: "src/services/Batches/Batch.ts",
    name: "BatchOptions"
  },
  {
    title: "A job",
    how: "`queue.enqueue(task, payload, { … })`; what is left out is the task's.",
    file: "src/services/Queue/TaskQueue.ts",
    name: "EnqueueOptions"
  },
  {
    title: "Placement of tasks without a group",
    how: '`Layer.succeed(PlacementSettings, { ...placementDefaults, mode: "advise" })`.',
    file: "src/services/Queue/Placements.ts",
    name: "PlacementSettings"
  },
  {
    title: "The profiler",
    how: "`Layer.succeed(ProfilerSettings.Settings, { ...ProfilerSettings.defaults, … })`.",
    file: "src/services/Profiling/ProfilerSettings.ts",
    name: "ProfilerSettings"
  },
  {
    title: "The scaler, for a group",
    how: "`PredictiveScaler.set(group, { … })` or `sluice scale set GROUP`; kept in the store.",
    file: "src/services/Scaling/ScaleSettings.ts",
    name: "ScaleSettings"
  },
  {
    title: "Alerts",
    how: "`Layer.succeed(AlertSettings.Settings, { ...AlertSettings.defaults, … })`.",
    file: "src/services/Alerts/AlertSettings.ts",
    name: "AlertSettings"
  },
  {
    title: "A pool of objects",
    how: "`optimizer.createPool(factory, cleanup, { … })`.",
    file: "src/services/Queue/MemoryOptimizer.ts",
    name: "PoolOptions"
  }
]

/** The lines between the braces that the declaration opens. */
const bodyOf = ({ file, name }: Source): ReadonlyArray<string> => {
  const lines = readFileSync(path.join(root, file), "utf8").split("\n")
  const start = lines.findIndex(
    (line) =>
      line.startsWith(`export interface ${name} `) ||
      line.startsWith(`export interface ${name}<`) ||
      line.startsWith(`export const ${name} = Schema.Struct({`)
  )
  if (start < 0) throw new Error(`${file} declares no ${name}`)
  return lines.slice(
    start + 1,
    lines.findIndex((line, i) => i > start && /^\}/.test(line))
  )
}

interface Field {
  readonly name: string
  readonly doc: string
}

/** The fields one level deep, each with the comment above it. */
const fieldsOf = (source: Source): ReadonlyArray<Field> => {
  const fields: Array<Field> = []
  let doc = ""
  for (const line of bodyOf(source)) {
    const field = /^ {2}(?:readonly )?(\w+)\??: /.exec(line)
    if (field !== null) {
      fields.push({ name: field[1]!, doc })
      doc = ""
    } else if (line.startsWith("  /**")) doc = line.slice(5).replace("*/", "").trim()
    else if (line.startsWith("   * ")) doc = `${doc} ${line.slice(5).trim()}`.trim()
  }
  return fields
}

const cell = (text: string): string => text.replaceAll("|", "\\|")

const section = (source: Source): string => {
  const rows = fieldsOf(source).map(({ doc, name }) => `| \`${name}\` | ${cell(doc)} |`)
  return `## ${source.title}\n\n${source.how}\n\n| setting | what it does, its unit, default and reason |\n|---|---|\n${rows.join("\n")}\n`
}

const shownDefault = (name: SettingName): string => {
  const value = defaultOf(name, { HOME: "~" })
  return value === "" ? "none" : `\`${value}\``
}

const commandLine = (): string => {
  const rows = settingNames.map(
    (name) => `| \`${name}\` | \`${environmentOf(name)}\` | ${shownDefault(name)} | ${cell(summaryOf(name))} |`
  )
  return `## The command line\n\nFlag, then environment, then \`sluice.config.json\` of the project (or the file of \`--config\`), then \`~/.config/sluice/config.json\`, then the default.\n\`sluice config print --sources\` says which one holds. Times are written as \`30s\` or \`2 hours\`, sizes as \`10MB\`.\n\n| in a file | environment | default | what it is |\n|---|---|---|---|\n${rows.join("\n")}\n`
}

/** The page as it should be. */
export const page = (): string =>
  `# All settings\n\nWritten by \`scripts/settings-docs.ts\` from the doc comments in the code; do not edit. Programs set what a section says; the command line has its own\nlist at the end. A value outside its range is refused in one line, wherever it is given.\n\n${sources.map(section).join("\n")}\n${commandLine()}`

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, page())

/** Where each command is. Its module is loaded when it is called, never before. */
import type { Command } from "effect/cli/Command"
import { commandList, type CommandName } from "./CommandList.ts"

type Load = () => Promise<{ readonly command: Command.Any }>

export interface CommandEntry {
  readonly name: string
  readonly summary: string
  readonly load: Load
}

export interface CommandGroup {
  readonly group: string
  readonly commands: ReadonlyArray<CommandEntry>
}

const modules: Readonly<Record<CommandName, Load>> = {
  run: () => import("./commands/run.ts"),
  add: () => import("./commands/add.ts"),
  map: () => import("./commands/map.ts"),
  enqueue: () => import("./commands/enqueue.ts"),
  worker: () => import("./commands/worker.ts"),
  top: () => import("./commands/top.ts"),
  job: () => import("./commands/job.ts"),
  queue: () => import("./commands/queue.ts"),
  dlq: () => import("./commands/dlq.ts"),
  batch: () => import("./commands/batch.ts"),
  profile: () => import("./commands/profile.ts"),
  memory: () => import("./commands/memory.ts"),
  scale: () => import("./commands/scale.ts"),
  alert: () => import("./commands/alert.ts"),
  db: () => import("./commands/db.ts"),
  doctor: () => import("./commands/doctor.ts"),
  config: () => import("./commands/config.ts"),
  completions: () => import("./commands/completions.ts"),
  demo: () => import("./commands/demo.ts"),
  bench: () => import("./commands/bench.ts"),
  soak: () => import("./commands/soak.ts")
}

export const commandTable: ReadonlyArray<CommandGroup> = commandList.map(({ commands, group }) => ({
  group,
  commands: commands.map(({ name, summary }) => ({ name, summary, load: modules[name] }))
}))

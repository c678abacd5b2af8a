/**
 * Every command with the line that `--help` shows. The module of a command is loaded when it is called, never before.
 */
import type { Command } from "effect/cli/Command"

export interface CommandEntry {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<{ readonly command: Command.Any }>
}

export interface CommandGroup {
  readonly group: string
  readonly commands: ReadonlyArray<CommandEntry>
}

export const commandTable: ReadonlyArray<CommandGroup> = [
  {
    group: "Do work",
    commands: [
      {
        name: "run",
        summary: "run a command as a job, wait for it, pass its exit code on",
        load: () => import("./commands/run.ts")
      },
      {
        name: "add",
        summary: "put a command into the queue and print the job's id",
        load: () => import("./commands/add.ts")
      },
      {
        name: "map",
        summary: "one job per line or argument, so many at a time, resumable",
        load: () => import("./commands/map.ts")
      },
      {
        name: "enqueue",
        summary: "enqueue a typed task of your own module",
        load: () => import("./commands/enqueue.ts")
      },
      {
        name: "worker",
        summary: "run jobs: here, in the background, or many processes",
        load: () => import("./commands/worker.ts")
      }
    ]
  },
  {
    group: "Look and change",
    commands: [
      {
        name: "top",
        summary: "a live screen: groups, jobs, workers, alerts; keys to cancel, retry, pause, follow",
        load: () => import("./commands/top.ts")
      },
      {
        name: "job",
        summary: "list, look at, watch, explain, cancel, retry and edit jobs",
        load: () => import("./commands/job.ts")
      },
      {
        name: "queue",
        summary: "status, statistics, pause, resume, limits, order",
        load: () => import("./commands/queue.ts")
      },
      { name: "dlq", summary: "jobs that gave up: list, redrive, remove", load: () => import("./commands/dlq.ts") },
      {
        name: "batch",
        summary: "batches: what they cost, the size that pays",
        load: () => import("./commands/batch.ts")
      },
      {
        name: "profile",
        summary: "profile workers, name bottlenecks, keep baselines and check them",
        load: () => import("./commands/profile.ts")
      },
      {
        name: "memory",
        summary: "what workers use of their memory; collect garbage",
        load: () => import("./commands/memory.ts")
      },
      {
        name: "scale",
        summary: "slots ahead of the load: forecast, backtest, decisions, settings",
        load: () => import("./commands/scale.ts")
      },
      {
        name: "alert",
        summary: "what is wrong, by which rules, who is told",
        load: () => import("./commands/alert.ts")
      }
    ]
  },
  {
    group: "The store and this machine",
    commands: [
      {
        name: "db",
        summary: "migrate, back up, restore, check, copy and query the store",
        load: () => import("./commands/db.ts")
      },
      {
        name: "doctor",
        summary: "check this machine, the store and the workers",
        load: () => import("./commands/doctor.ts")
      },
      {
        name: "config",
        summary: "the settings in force and where each comes from",
        load: () => import("./commands/config.ts")
      },
      {
        name: "completions",
        summary: "completion for bash, zsh or fish",
        load: () => import("./commands/completions.ts")
      }
    ]
  },
  {
    group: "See it work",
    commands: [
      {
        name: "demo",
        summary: "hash, compress, count and fetch the files of this folder",
        load: () => import("./commands/demo.ts")
      },
      { name: "bench", summary: "measure the queue on this machine", load: () => import("./commands/bench.ts") },
      {
        name: "soak",
        summary: "a day of load, by the clock or as fast as it goes, judged for leaks and losses",
        load: () => import("./commands/soak.ts")
      }
    ]
  }
]

export const commandNames: ReadonlyArray<string> = commandTable.flatMap(({ commands }) =>
  commands.map(({ name }) => name)
)
